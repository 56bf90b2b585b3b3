"""Hands the board to a gateway's portal: one stream into its container, and no way back.

The portal asks nobody: it shows what came last, and says since when nothing has.
"""

from __future__ import annotations

import threading
from contextlib import suppress

import docker

from streamlab.board.store import Store
from streamlab.engines import engine
from streamlab.engines.attached import Output, attached
from streamlab.errors import LabError
from streamlab.gateway import gateway, pages
from streamlab.students.student import Gateway
from streamlab.ui import one_line

COMMAND = ("python3", "-m", "portal.feed")
#: With which it says that another board feeds the portal now, and with which it ends when its seconds are over.
REPLACED, OVER = 3, 124
#: Seconds that a stream lasts before another one follows it: what is forgotten ends by itself.
STREAM_SECONDS = 6 * 3600
#: Seconds in which the portal takes a message, and after which a broken stream is tried again.
TAKE_SECONDS, AGAIN_SECONDS = 20.0, 5.0
#: Seconds that the end of a stream may take.
END_SECONDS = 10.0


class Feed:
    """The stream to the gateway of one Docker host, in a thread of its own.

    Attributes:
        address: of the page.
        problem: why the portal is not fed now; empty where it is.
        is_replaced: whether another board feeds it, and this one does not any more.
    """

    def __init__(self, store: Store, docker_host: str, lab_class: str, its: Gateway) -> None:
        self.address, self.problem = f"{pages.origin(its.domain, its)}/board", ""
        self.is_replaced = False
        self._store, self._docker_host, self._lab_class = store, docker_host, lab_class
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the stream; the store has been closed."""
        self._ended.set()
        self._thread.join(END_SECONDS)

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                with engine.connect(self._docker_host) as client:
                    if self._stream(client) == REPLACED:
                        self.problem, self.is_replaced = "another board feeds it now", True
                        return
            except LabError as error:
                fix = [f"fix: {error.fix}"] if error.fix else []
                self.problem = "; ".join(filter(None, [error.what, *error.evidence[-1:], *fix]))
            except OSError as error:  # which the errors of the engine's SDK are
                self.problem = f"the stream into it broke: {error}"
            self._ended.wait(AGAIN_SECONDS)

    def _stream(self, client: docker.DockerClient) -> int:
        """Send what is known and what comes until nothing does or another board has come; the exit status."""
        portal = gateway.parts_of(client, self._lab_class).get("portal")
        if portal is None:
            raise LabError(f"there is no gateway on {self._docker_host}", fix="invoke provision")
        with attached(portal, COMMAND, seconds=STREAM_SECONDS, stdin=True, idle=TAKE_SECONDS) as running:
            try:
                for news in self._store.follow():
                    running.send(b"".join(message.encoded() + b"\n" for message in news) or b"\n")
                    self.problem = ""
            except ConnectionError:
                code, said = running.code(seconds=END_SECONDS), Output(running)
                if code in (REPLACED, OVER):
                    return code
                with suppress(OSError):
                    said.readall()
                last = one_line(said.errors.decode(errors="replace").strip().rpartition("\n")[2])
                raise LabError("its portal takes no board", evidence=last, fix="invoke provision") from None
        return 0
