"""Into a node: a terminal there, or one command with what is piped into it, its output and its exit status."""

from __future__ import annotations

import os
import select
import sys
import threading
import time
from typing import BinaryIO, TextIO

from streamlab.engines import engine, labelled
from streamlab.engines.attached import CHUNK, Running, attached
from streamlab.errors import LabError, WrongRequest
from streamlab.stacks import operation
from streamlab.stacks.operation import Access, Operation
from streamlab.students.student import Student
from streamlab.work import terminal

SHELL = Operation("shell", Access.USE, seconds=None)
#: A command of a student may take this long; a terminal may stay open for ever.
COMMAND_SECONDS = 3600
#: The exit status of one that was ended then, by `timeout` and by its SIGKILL.
TIMED_OUT = (124, 137)
#: Seconds that a command has to end by itself when nobody reads what it writes; one that writes is ended at once.
UNREAD_SECONDS = 3


def shell(student: Student, node: str, command: str | None) -> int:
    """A terminal in a node, or one command there; returns its exit status.

    Who types a command on a terminal and reads there what it says gets a terminal for it, too: `pyspark` asks and is
    answered.
    """
    typed = _is_terminal(sys.stdin) and _is_terminal(sys.stdout)
    if command is None and not typed:
        raise WrongRequest(
            "a shell needs a terminal", evidence="standard input is not a terminal", fix="invoke shell --command '…'"
        )
    # A login shell, so that a command finds what a terminal would find.
    argv = ["bash", "-l"] if command is None else ["bash", "-lc", command]
    on_terminal = command is None or (
        typed and _is_terminal(sys.stderr) and _in_foreground() and terminal.client() is not None
    )
    do = terminal.open_terminal if on_terminal else run
    return operation.act(lambda student: do(student, node, argv), student, SHELL)


def run(student: Student, node: str, argv: list[str]) -> int:
    """Run a command in a node, with this process's input and output as its own, byte for byte; its exit status.

    Raises:
        LabError: it took longer than a command may, and was ended.
    """
    began = time.monotonic()
    with engine.connect(student.docker_host) as client:
        container = labelled.node(client, student, node)
        source = _input()
        try:
            with attached(container, argv, seconds=COMMAND_SECONDS, stdin=source is not None) as running:
                feeder = _Feeder(running, source)
                feeder.start()
                for stream, chunk in running.output():
                    _write(sys.stdout.buffer if stream == "out" else sys.stderr.buffer, chunk)
                feeder.over.set()
                if feeder.unread:
                    raise BrokenPipeError
                code = running.code()
        except TimeoutError:
            code = TIMED_OUT[0]
    if code in TIMED_OUT and time.monotonic() - began >= COMMAND_SECONDS:
        raise LabError(
            f"{student.name}: the command was ended after {COMMAND_SECONDS} s",
            evidence="a single command may not take longer",
            fix="invoke shell opens a terminal without that limit",
        )
    return code


def _write(to: BinaryIO, chunk: bytes) -> None:
    to.write(chunk)
    to.flush()


def _input() -> int | None:
    """What a command may read here; nothing from a terminal that others read as well, when this runs behind it."""
    if sys.stdin is None or (_is_terminal(sys.stdin) and not _in_foreground()):
        return None
    return sys.stdin.fileno()


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


def _in_foreground() -> bool:
    return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()


class _Feeder(threading.Thread):
    """Hands on what is piped into a command, and ends it once nobody reads what it writes.

    It may wait for input that never comes, so nobody waits for it.
    """

    def __init__(self, running: Running, source: int | None) -> None:
        super().__init__(daemon=True)
        self._running, self._source = running, source
        #: Set when the command has written its last.
        self.over = threading.Event()
        #: Whether it was ended because nobody reads what it writes.
        self.unread = False

    def run(self) -> None:
        watched = select.poll()
        watched.register(sys.stdout.fileno(), 0)  # only for its reader's end, which is told unasked
        if self._source is not None:
            watched.register(self._source, select.POLLIN)
        while True:
            for ready, _ in watched.poll():
                if ready != self._source:
                    self.unread = not self.over.wait(UNREAD_SECONDS)
                    if self.unread:
                        self._running.end()
                    return
                if not self._hand_on(ready):
                    watched.unregister(ready)

    def _hand_on(self, source: int) -> bool:
        """Whether there may be more."""
        try:
            if chunk := os.read(source, CHUNK):
                self._running.send(chunk)
                return True
        except OSError:
            pass  # the command reads no more, or there is nothing to read from
        self._running.end_input()
        return False
