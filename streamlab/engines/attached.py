"""A command in a container while it runs: its input, its output as it comes, and its end."""

from __future__ import annotations

import io
import socket
import struct
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from streamlab import cancel
from streamlab.engines.here import CHUNK, KILL_SECONDS, Here, Process

if TYPE_CHECKING:
    # Not at run time: where there is no engine, its SDK need not be installed.
    from docker.api import APIClient
    from docker.models.containers import Container

#: The engine cannot end what it was asked to run in a container. This variable in the environment of what it starts
#: finds the process and its children.
MARK = "STREAMLAB_RUN"
#: Ends every process whose environment has the mark that is the script's own name. One that is stopped, as `timeout`
#: itself may be, gets no signal before it goes on.
END_MARKED = (
    'for p in /proc/[0-9]*; do grep -qzs "^$0$" $p/environ && kill "${p#/proc/}" && kill -CONT "${p#/proc/}"; done'
)
#: What the engine puts before each piece of output: whose it is, and its length.
_HEADER = struct.Struct(">BxxxL")
_STDERR = 2
#: Seconds that it may take to end a command, whatever the engine does.
_END_SECONDS = 20


def new_mark() -> str:
    """The mark of one command, as ``NAME=VALUE``."""
    return f"{MARK}={uuid.uuid4().hex}"


class Attached:
    """A command that has been started, and the connection to it."""

    def __init__(
        self,
        api: APIClient,
        exec_id: str,
        *,
        seconds: int,
        idle: float | None = None,
        end: Callable[[], object] = lambda: None,
    ) -> None:
        self._api, self._exec_id, self._idle = api, exec_id, idle
        self._ends = time.monotonic() + seconds + 2 * KILL_SECONDS
        #: Ends the command and all that it has started.
        self.end = end
        connection = api.exec_start(exec_id, socket=True)
        # Output that came together with the answer's headers is in the reader above the socket already. The SDK itself
        # reads from the socket, and loses it: docker/docker-py#3332.
        self._response = connection._response
        self._reader = self._response.raw._fp.fp
        self._socket: socket.socket = getattr(connection, "_sock", connection)
        self._socket.settimeout(idle)

    def output(self) -> Iterator[tuple[str, bytes]]:
        """Pieces of output as they come, each with its stream, "out" or "err".

        Raises:
            TimeoutError: the time of the command is over and it has not ended, or nothing came for as long as it may
                be idle. `timeout` in the container is not relied on: it belongs to the student, and may be stopped.
        """
        # What ends before it has read its input has the engine close a connection with unread bytes.
        with suppress(ConnectionResetError):
            while header := self._read(_HEADER.size):
                while len(header) < _HEADER.size and (more := self._read(_HEADER.size - len(header))):
                    header += more
                if len(header) < _HEADER.size:
                    return
                stream, left = _HEADER.unpack(header)
                while left and (chunk := self._read(min(left, CHUNK))):
                    left -= len(chunk)
                    yield "err" if stream == _STDERR else "out", chunk

    def _read(self, size: int) -> bytes:
        """At most so many bytes, as they come; none at the end."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("the command did not end in time")
        self._socket.settimeout(left if self._idle is None else min(left, self._idle))
        return self._reader.read1(size)

    def send(self, data: bytes) -> None:
        """Write to the command's input.

        Raises:
            ConnectionError: it has ended, or the connection has.
            TimeoutError: it took nothing for as long as it may be idle.
        """
        self._socket.sendall(data)

    def end_input(self) -> None:
        """The command reads to the end of its input."""
        with suppress(OSError):  # it has ended
            self._socket.shutdown(socket.SHUT_WR)

    def code(self, *, seconds: float | None = None) -> int:
        """The exit status. Its output may have ended before it does; it is waited for so many seconds, or its own."""
        pause, ends = 0.01, self._ends if seconds is None else time.monotonic() + seconds
        while True:
            found = self._api.exec_inspect(self._exec_id)
            if not found["Running"] and found["ExitCode"] is not None:
                return found["ExitCode"]
            if time.monotonic() > ends:
                raise TimeoutError("the engine does not say how the command ended")
            time.sleep(pause)
            pause = min(2 * pause, 0.5)

    def close(self) -> None:
        """Close the connection: the command reaches the end of its input, and its output is discarded."""
        self.end_input()
        self._response.close()


#: A command that runs in a node, wherever that is.
Running = Attached | Process


class Output(io.RawIOBase):
    """A command's output as a file that is read to its end; what it writes to its standard error is kept aside."""

    def __init__(self, running: Running) -> None:
        self._pieces = running.output()
        self._rest = memoryview(b"")
        self.errors = b""
        self.ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            stream, piece = next(self._pieces, ("", b""))
            if not stream:
                self.ended = True
                return 0
            if stream == "err":
                self.errors = (self.errors + piece)[-CHUNK:]
            else:
                self._rest = memoryview(piece)
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


@contextmanager
def attached(
    node: Container | Here,
    argv: Sequence[str],
    *,
    seconds: int,
    env: Mapping[str, str] | None = None,
    stdin: bool = False,
    idle: float | None = None,
) -> Iterator[Running]:
    """Run a command in a node, at most `seconds`; where the block is left by an exception, it is ended there too.

    Args:
        stdin: whether it reads what is sent to it, or nothing.
        idle: seconds after which it is an error that nothing comes, or that nothing of what is sent is taken.
    """
    if isinstance(node, Here):
        with node.attached(argv, seconds=seconds, env=env or {}, stdin=stdin, idle=idle) as process:
            yield process
        return
    mark = new_mark()
    name, _, value = mark.partition("=")
    command = ["timeout", "-k", str(KILL_SECONDS), str(seconds), *argv]
    api = node.client.api
    exec_id = api.exec_create(node.id, command, stdin=stdin, environment={**(env or {}), name: value})["Id"]
    running: Attached | None = None

    def end() -> None:
        # In a thread of its own, because an engine that hangs does not let go of the one that asks.
        ending = threading.Thread(target=_run, args=[api, node.id, ["sh", "-c", END_MARKED, mark]], daemon=True)
        ending.start()
        ending.join(_END_SECONDS)

    try:
        with cancel.waiting(end):
            running = Attached(api, exec_id, seconds=seconds, idle=idle, end=end)
            yield running
    except BaseException:
        # The engine tells of no command's end in this container while it cannot get rid of what one that has ended has
        # written (moby/moby#53614). Who waits for another has to read on, or to hang up.
        if running:
            running.close()
        end()
        raise
    finally:
        if running:
            running.close()


def _run(api: APIClient, container: str, argv: Sequence[str]) -> None:
    """Run a command that says nothing and takes no time, unless the engine or the container is gone."""
    with suppress(OSError):  # which the errors of the engine's SDK are
        running = Attached(api, api.exec_create(container, list(argv))["Id"], seconds=_END_SECONDS)
        try:
            for _ in running.output():
                pass
        finally:
            running.close()
