"""What people see on the terminal: one line per finished stage, and progress that rewrites itself.

Much of it comes from a student's node, where anybody's code runs: nothing that a terminal would act on gets through.
"""

from __future__ import annotations

import io
import re
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol


class OutputSink(Protocol):
    """Receives a piece of work's output lines and progress instead of the terminal."""

    def write_line(self, text: str) -> None: ...

    def show_progress(self, text: str) -> None: ...


_sink: ContextVar[OutputSink | None] = ContextVar("sink", default=None)

#: What a terminal would act on: a sequence that begins with an escape, a control character, or one that turns the
#: direction of writing.
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
#: How many lines of output are kept if it is not shown.
_KEPT = 100


def plain(text: str) -> str:
    """`text` without what a terminal would act on; lines and tabs stay."""
    return _CONTROL.sub("", text)


def one_line(text: str) -> str:
    """`plain` text in one line: a line of the lab's own cannot be forged by what is in another."""
    return " ".join(plain(text).split())


def show_any_script() -> None:
    """Print an escape for each character that the terminal's encoding lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(text: str = "") -> None:
    """Print one line at once, or write it to this thread's sink if there is one; always as `plain` text."""
    sink = _sink.get()
    if sink is None:
        print(plain(text), flush=True)
    else:
        sink.write_line(plain(text))


@contextmanager
def redirect_output(sink: OutputSink) -> Iterator[None]:
    """Send this thread's output lines and progress to `sink` while the block runs."""
    token = _sink.set(sink)
    try:
        yield
    finally:
        _sink.reset(token)


class _Keeper:
    def __init__(self) -> None:
        self.lines: deque[str] = deque(maxlen=_KEPT)

    def write_line(self, text: str) -> None:
        self.lines.append(text)

    def show_progress(self, text: str) -> None:
        pass


@contextmanager
def captured_output() -> Iterator[Sequence[str]]:
    """Collect this thread's last output lines instead of printing them, because several threads print at once."""
    keeper = _Keeper()
    with redirect_output(keeper):
        yield keeper.lines


class Progress:
    """A line that rewrites itself on a terminal; elsewhere it prints at most one line every ten seconds, or nothing."""

    def __init__(self, label: str, *, elsewhere: bool = True) -> None:
        self.label = label
        self._sink = _sink.get()
        self._tty = self._sink is None and sys.stdout.isatty()
        self._elsewhere = elsewhere
        self._last = time.monotonic()

    def update(self, text: str) -> None:
        now, text = time.monotonic(), one_line(text)
        if self._sink is not None:
            self._sink.show_progress(text)
        elif self._tty:
            sys.stdout.write(f"\r\x1b[K  {self.label}: {text}")
            sys.stdout.flush()
        elif self._elsewhere and now - self._last >= 10:
            say(f"  {self.label}: {text}")
            self._last = now

    def close(self) -> None:
        if self._tty:
            sys.stdout.write("\r\x1b[K")
            sys.stdout.flush()


@contextmanager
def progress(label: str, *, elsewhere: bool = True) -> Iterator[Progress]:
    """Show progress under `label` while the block runs, and leave no half line behind.

    Args:
        elsewhere: whether to print progress lines even if there is no terminal.
    """
    line = Progress(label, elsewhere=elsewhere)
    try:
        yield line
    finally:
        line.close()


def confirm(question: str, *, yes: bool = False) -> None:
    """Ask on the terminal before data are destroyed, unless `yes`.

    Raises:
        WrongRequest: the answer was not yes, or nobody is there to give one; nothing was done.
    """
    from streamlab.errors import WrongRequest  # which prints with what is here

    if yes:
        return
    if not sys.stdin.isatty():
        raise WrongRequest("there is no terminal to confirm on", evidence=question, fix="add --yes")
    if input(f"{question} [y/N] ").strip().lower() not in ("y", "yes"):
        raise WrongRequest("nothing was done", evidence="the answer was no")


def table(headings: list[str], rows: list[list[str]]) -> str:
    """Left-aligned columns under `headings`, two spaces apart."""
    widths = [max(len(row[i]) for row in [headings, *rows]) for i in range(len(headings))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [headings, *rows]
    ]
    return "\n".join(lines)
