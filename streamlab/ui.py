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


class Listener(Protocol):
    """Who hears, instead of the terminal, what a piece of work says and what it does just now."""

    def said(self, text: str) -> None: ...

    def doing(self, text: str) -> None: ...


_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)

#: What a terminal would act on: a sequence that begins with an escape, a control character, or one that turns the
#: direction of writing.
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
#: Lines that are kept of a piece of work that is not shown.
_KEPT = 100


def plain(text: str) -> str:
    """`text` without what a terminal would act on; lines and tabs stay."""
    return _CONTROL.sub("", text)


def show_any_script() -> None:
    """Let no letter that the terminal's encoding lacks end a command: its number is shown instead."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(text: str = "") -> None:
    """Print one line, at once, or tell it who listens; as `plain` text, whoever wrote it."""
    listener = _listener.get()
    if listener is None:
        print(plain(text), flush=True)
    else:
        listener.said(plain(text))


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """What this thread says and does in the block, `listener` hears."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


class _Keeper:
    def __init__(self) -> None:
        self.lines: deque[str] = deque(maxlen=_KEPT)

    def said(self, text: str) -> None:
        self.lines.append(text)

    def doing(self, text: str) -> None:
        pass


@contextmanager
def captured_output() -> Iterator[Sequence[str]]:
    """Collect the last lines that this thread says in the block instead of printing them: several threads work at the
    same time.
    """
    keeper = _Keeper()
    with heard_by(keeper):
        yield keeper.lines


class Progress:
    """A line that rewrites itself on a terminal; elsewhere it prints at most one line every ten seconds, or nothing."""

    def __init__(self, label: str, *, elsewhere: bool = True) -> None:
        self.label = label
        self._listener = _listener.get()
        self._tty = self._listener is None and sys.stdout.isatty()
        self._elsewhere = elsewhere
        self._last = time.monotonic()

    def update(self, text: str) -> None:
        now, text = time.monotonic(), " ".join(plain(text).split())
        if self._listener is not None:
            self._listener.doing(text)
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
        elsewhere: whether it is told where there is no terminal, too.
    """
    line = Progress(label, elsewhere=elsewhere)
    try:
        yield line
    finally:
        line.close()


def table(headings: list[str], rows: list[list[str]]) -> str:
    """Left-aligned columns under `headings`, two spaces apart."""
    widths = [max(len(row[i]) for row in [headings, *rows]) for i in range(len(headings))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [headings, *rows]
    ]
    return "\n".join(lines)
