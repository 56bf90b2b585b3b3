"""This machine as a node: commands run on it as they run in a container, for who sits in a stack and has no engine."""

from __future__ import annotations

import os
import select
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from streamlab import cancel

#: Bytes of output that are read at a time.
CHUNK = 1 << 18
#: Seconds that the kernel can be asked to wait for at a time: it counts milliseconds in 31 bits.
MOST_SECONDS = 86400
#: Seconds that a command may take to end once it was asked to, before it is killed.
KILL_SECONDS = 5


class Process:
    """A command that runs on this machine; used as `attached.Attached` is."""

    def __init__(
        self, argv: Sequence[str], *, seconds: float, env: Mapping[str, str], stdin: bool, idle: float | None
    ) -> None:
        self._idle, self._ends = idle, time.monotonic() + seconds
        # In a session of its own: Ctrl-C is the control program's, which decides what ends and in which order.
        self._process = subprocess.Popen(
            list(argv), env={**os.environ, **env}, stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0, start_new_session=True,
        )  # fmt: skip

    def output(self) -> Iterator[tuple[str, bytes]]:
        """Pieces of output as they come, each with its stream, "out" or "err".

        Raises:
            TimeoutError: the command's time is over, or nothing came for as long as it may be idle.
        """
        with selectors.DefaultSelector() as waiting:
            for name, stream in (("out", self._process.stdout), ("err", self._process.stderr)):
                if stream is not None:
                    waiting.register(stream, selectors.EVENT_READ, name)
            while waiting.get_map():
                left = self._left()
                ready = waiting.select(min(left, MOST_SECONDS))
                if not ready and left <= MOST_SECONDS:
                    raise TimeoutError("the command did not end in time")
                for key, _ in ready:
                    if chunk := os.read(key.fd, CHUNK):
                        yield key.data, chunk
                    else:
                        waiting.unregister(key.fileobj)

    def _left(self) -> float:
        left = max(0.0, self._ends - time.monotonic())
        return left if self._idle is None else min(left, self._idle)

    def send(self, data: bytes) -> None:
        """Write to the command's input.

        Raises:
            ConnectionError: it has ended, or reads no more.
            TimeoutError: it took nothing for as long as it may be idle.
        """
        if self._process.stdin is None or self._process.stdin.closed:
            raise BrokenPipeError("the command has no input, or its end was sent")
        left = memoryview(data)
        while left:
            if not select.select([], [self._process.stdin], [], self._left())[1]:
                raise TimeoutError("the command does not read its input")
            left = left[os.write(self._process.stdin.fileno(), left[: select.PIPE_BUF]) :]  # so much never blocks

    def end_input(self) -> None:
        """The command reads to the end of its input."""
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()

    def code(self, *, seconds: float | None = None) -> int:
        """The exit status as a shell gives it; waited for so many seconds, or the command's own."""
        try:
            code = self._process.wait(self._left() if seconds is None else seconds)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError("the command has written its last and does not end") from error
        return code if code >= 0 else 128 - code

    def end(self) -> None:
        """End the command and all of its session; what is stopped gets no signal before it goes on."""
        self._signal(signal.SIGTERM, signal.SIGCONT)
        try:
            self._process.wait(KILL_SECONDS)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait()

    def _signal(self, *numbers: signal.Signals) -> None:
        for number in numbers:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def close(self) -> None:
        """Close the connection: the command reaches the end of its input, and its output is discarded."""
        self.end_input()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()


@dataclass(frozen=True)
class Here:
    """This machine, with what its commands find in their environment beyond what is there already."""

    env: Mapping[str, str] = field(default_factory=dict)
    name: str = "this machine"

    @contextmanager
    def attached(
        self, argv: Sequence[str], *, seconds: int, env: Mapping[str, str], stdin: bool, idle: float | None
    ) -> Iterator[Process]:
        """As `attached.attached`."""
        command = ["timeout", "-k", str(KILL_SECONDS), str(seconds), *argv]
        own = {**self.env, **env}
        running = Process(command, seconds=seconds + 2 * KILL_SECONDS, env=own, stdin=stdin, idle=idle)
        try:
            with cancel.waiting(running.end):
                yield running
        except BaseException:
            running.end()
            raise
        finally:
            running.close()

    def put_files(self, folder: str, files: Mapping[str, bytes]) -> None:
        """Write `files` (relative path -> contents) below an existing `folder`."""
        for path, data in files.items():
            file = Path(folder, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
