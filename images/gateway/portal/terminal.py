"""The terminal in the browser: the student's own edge node over ssh, nobody else's."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from http import HTTPStatus
from urllib.parse import urlencode

import tornado.web
import tornado.websocket

from portal import rules
from portal.base import Handler
from portal.edges import SSH
from portal.rules import Closed, closes, is_full
from portal.shells import Shell

#: Seconds between two looks whether the login is still good, and between two signs of life.
LOOK_SECONDS = 20
#: Bytes that a browser may be behind with what it shows, so that Ctrl-C is not at the end of a long queue.
BEHIND = 1 << 18
#: Bytes of what was typed that may wait for the program; the terminal's page sends fewer.
MOST_WAITING = 1 << 18


class Page(Handler):
    def get(self) -> None:
        person = self.person()
        if person is None:
            self.redirect("/?" + urlencode({"to": "/terminal"}))
            return
        self.require_student()
        socket = self.portal.config.origin(self.host).replace("https://", "wss://")
        # xterm.js writes style sheets of its own; scripts are the portal's alone.
        self.set_header(
            "Content-Security-Policy",
            f"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self' {socket}; "
            "img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        )
        self.render("terminal.html", person=person)


class Socket(Handler, tornado.websocket.WebSocketHandler):
    """What is typed comes in binary messages, and what is shown goes out in them; a text is JSON about either."""

    shell: Shell | None = None
    tasks: tuple[asyncio.Task[None], ...] = ()

    def prepare(self) -> None:
        headers = self.request.headers
        asked = rules.Asked(
            self.request.method or "", upgrade=headers.get("Upgrade", "none"), site=headers.get("Sec-Fetch-Site", ""),
            origin=headers.get("Origin", ""),
        )  # fmt: skip
        if not rules.comes_from_a_good_place(asked, self.portal.config.origin(self.host)):
            raise tornado.web.HTTPError(HTTPStatus.FORBIDDEN)
        self.student = self.require_student()

    def check_origin(self, origin: str) -> bool:
        return True  # `prepare` has looked at more than that

    async def open(self, *_: str) -> None:
        everybody = self.portal.terminals
        if is_full([one.student for one in everybody], self.student):
            self.close(Closed.FULL)
            return
        everybody.add(self)
        self.portal.audit("terminal", name=self.student, address=self.address)
        self.last_key, self.behind, self.seen = time.monotonic(), 0, asyncio.Event()
        self.typed, self.waiting = asyncio.Queue[bytes](), 0
        self.shell = await Shell.start([*SSH, "-tt", self.student, "terminal"])
        if self.ws_connection is None:  # it has gone meanwhile
            await self.leave()
            return
        self.tasks = tuple(asyncio.create_task(task) for task in (self.show(), self.take(), self.watch()))

    async def show(self) -> None:
        """Send what is printed, as far as the browser keeps up with it."""
        assert self.shell is not None
        with suppress(tornado.websocket.WebSocketClosedError):
            while piece := await self.shell.read():
                self.behind += len(piece)
                await self.write_message(piece, binary=True)
                while self.behind > BEHIND:
                    self.seen.clear()
                    await self.seen.wait()
            self.close(Closed.ENDED)

    async def take(self) -> None:
        """Give the program what was typed, and say how much of it: a browser sends no more before."""
        assert self.shell is not None
        with suppress(tornado.websocket.WebSocketClosedError):
            while True:
                piece = await self.typed.get()
                await self.shell.write(piece)
                self.waiting -= len(piece)
                await self.write_message(json.dumps({"taken": len(piece)}))

    async def watch(self) -> None:
        """Close the terminal of somebody who has left it, or is logged out."""
        while not (why := closes(logged_in=self.session() is not None, idle=time.monotonic() - self.last_key)):
            await asyncio.sleep(LOOK_SECONDS)
        self.close(why)

    def on_message(self, message: str | bytes) -> None:
        """Nothing is waited for here: what is typed and what is shown wait for one another in the program."""
        if self.shell is None:
            return
        if isinstance(message, bytes):
            self.last_key = time.monotonic()
            self.waiting += len(message)
            if self.waiting > MOST_WAITING:
                self.close(Closed.ENDED)
            else:
                self.typed.put_nowait(message)
            return
        try:
            said = json.loads(message)
            size, shown = said.get("size"), said.get("shown", 0)
            if size:
                self.shell.resize(*map(int, size))
            self.behind -= max(0, min(int(shown), self.behind))
            self.seen.set()
        except (ValueError, TypeError, AttributeError, RecursionError):
            self.close(Closed.ENDED)

    def on_close(self) -> None:
        self.leaving = asyncio.ensure_future(self.leave())

    async def leave(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.portal.terminals.discard(self)
        shell, self.shell = self.shell, None
        if shell:
            await shell.end()
