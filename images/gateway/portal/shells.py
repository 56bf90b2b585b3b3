"""A program in a pseudo-terminal: what a terminal in a browser shows, read and written to without blocking."""

from __future__ import annotations

import asyncio
import fcntl
import os
import struct
import termios
from collections.abc import Callable, Sequence
from contextlib import suppress

#: Bytes that are read at a time; columns and rows that a window may have.
PIECE, LARGEST = 1 << 15, 1000
#: Seconds that a program may take to end after its terminal has gone.
END_SECONDS = 5


class Shell:
    """The program, and the controlling side of its terminal."""

    def __init__(self, terminal: int, process: asyncio.subprocess.Process) -> None:
        self._terminal, self._process = terminal, process
        self._waiting: set[asyncio.Future[None]] = set()

    @classmethod
    async def start(cls, command: Sequence[str]) -> Shell:
        """Start a program in a terminal of its own, whose end ends the program."""
        ours, its = os.openpty()
        os.set_blocking(ours, False)
        # It becomes the program's controlling terminal: a change of its size is said to the program.
        argv, env = ("setsid", "--ctty", *command), {**os.environ, "TERM": "xterm-256color"}
        try:
            process = await asyncio.create_subprocess_exec(*argv, stdin=its, stdout=its, stderr=its, env=env)
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(its)
        return cls(ours, process)

    async def read(self) -> bytes:
        """What the program has printed since; nothing once it, or the terminal, has ended."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                return os.read(self._terminal, PIECE)
            except BlockingIOError:
                await self._ready(loop.add_reader, loop.remove_reader)
            except OSError:  # nobody has the other side open any more
                return b""

    async def write(self, data: bytes) -> None:
        """Give the program what was typed."""
        loop = asyncio.get_running_loop()
        while data:
            try:
                data = data[os.write(self._terminal, data) :]
            except BlockingIOError:
                await self._ready(loop.add_writer, loop.remove_writer)
            except OSError:
                return

    async def _ready(self, add: Callable[..., None], remove: Callable[[int], object]) -> None:
        terminal, ready = self._terminal, asyncio.get_running_loop().create_future()
        self._waiting.add(ready)
        add(terminal, _set, ready)
        try:
            await ready
        finally:
            self._waiting.discard(ready)
            if self._terminal == terminal:
                remove(terminal)

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size."""
        size = [max(1, min(number, LARGEST)) for number in (rows, columns)]
        with suppress(OSError):
            fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))

    async def end(self) -> None:
        """Close the terminal, which ends what still reads and writes here, and wait for the program's end."""
        loop, terminal, self._terminal = asyncio.get_running_loop(), self._terminal, -1
        loop.remove_reader(terminal)
        loop.remove_writer(terminal)
        for ready in self._waiting:
            _set(ready)
        os.close(terminal)
        try:
            async with asyncio.timeout(END_SECONDS):
                await self._process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()


def _set(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
