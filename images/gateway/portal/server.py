"""The portal as a process: a Unix socket that nginx alone reaches, and what ends or reloads it."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
from pathlib import Path

import tornado.httpserver
import tornado.netutil
import tornado.web

from portal import board, hand_in_page, hub, login, pages, questions, ssh_page, terminal, upload
from portal.base import HERE, Portal

SOCKET = Path("/run/gateway/portal.sock")
#: Bytes of a form.
MOST_FORM = 20_000
#: The network's interfaces: one is the loopback, and the others go when the front does.
NETWORK = Path("/sys/class/net")
WATCH_SECONDS = 2


def application(portal: Portal) -> tornado.web.Application:
    """Every path of the portal."""
    routes = [
        (r"/", pages.Start),
        (r"/login", login.Login),
        (r"/logout", login.Logout),
        (r"/enter", login.Hand),
        (r"/ssh", ssh_page.Ssh),
        (r"/board", board.Page),
        (r"/board/students/([a-z][a-z0-9]{0,40})", board.Page),
        (r"/board/events", board.Events),
        (r"/hand-in", hand_in_page.HandIn),
        (r"/terminal", terminal.Page),
        (r"/terminal/socket", terminal.Socket),
        (r"/ca\.crt", pages.Authority),
        (r"/lessons/([a-z][a-z0-9]{0,40})", pages.Handout),
        (r"/\.lab/enter", login.Enter),
        (r"/\.lab/question", questions.Question),
        (r"/\.lab/begin", questions.Begin),
        (r"/\.lab/refused", questions.Message),
        (r"/\.lab/absent", questions.Absent),
        (r"/\.lab/logs", questions.Logs),
        (r"/webhdfs/.*", upload.Upload),
        (rf"/\.lab/({'|'.join(map(re.escape, pages.FILES))})", pages.File),
        (r"/\.lab/health", pages.Health),
    ]
    templates = str(HERE / "templates")
    return tornado.web.Application(
        routes, portal=portal, template_path=templates, default_handler_class=pages.Missing,
        websocket_ping_interval=terminal.LOOK_SECONDS, websocket_max_message_size=MOST_FORM,
    )  # fmt: skip


async def watch_network() -> None:
    """End with the network that is shared with nginx's container, so that the engine starts this one in the new one."""
    while sum(1 for _ in NETWORK.iterdir()) > 1:
        await asyncio.sleep(WATCH_SECONDS)
    raise SystemExit("the front's network is gone")


async def serve() -> None:
    """Serve until a signal ends the process."""
    os.umask(0o077)
    portal, loop = Portal(), asyncio.get_running_loop()
    server = tornado.httpserver.HTTPServer(application(portal), max_body_size=MOST_FORM, max_buffer_size=MOST_FORM * 4)
    server.add_socket(tornado.netutil.bind_unix_socket(str(SOCKET), mode=0o600))
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGHUP, portal.reload)
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    await asyncio.start_unix_server(portal.board.take, hub.SOCKET, limit=hub.MOST_MESSAGE)
    watching = asyncio.create_task(watch_network())
    waiting = asyncio.create_task(ended.wait())
    taking = asyncio.create_task(portal.hand_ins.watch(lambda: list(portal.config.ssh)))
    done, _ = await asyncio.wait({watching, waiting, taking}, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


def main() -> None:
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(serve())
