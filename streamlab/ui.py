"""What people see on the terminal: one line per finished stage, and progress that rewrites itself."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

#: Where this thread's lines are kept instead of being shown, if they are.
_kept: ContextVar[list[str] | None] = ContextVar("kept", default=None)


def show_any_script() -> None:
    """Let no letter that the terminal's encoding lacks end a command: its number is shown instead."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(text: str = "") -> None:
    """Print one line, at once; or keep it, inside `unheard`."""
    kept = _kept.get()
    if kept is None:
        print(text, flush=True)
    else:
        kept.append(text)


@contextmanager
def unheard() -> Iterator[list[str]]:
    """Keep what this thread says in the block, and show none of it nor any progress: several threads speak at once."""
    lines: list[str] = []
    token = _kept.set(lines)
    try:
        yield lines
    finally:
        _kept.reset(token)


class Progress:
    """A line that rewrites itself on a terminal; elsewhere it prints at most one line every ten seconds, or nothing."""

    def __init__(self, label: str, *, elsewhere: bool = True) -> None:
        self.label = label
        heard = _kept.get() is None
        self._tty = heard and sys.stdout.isatty()
        self._elsewhere = heard and elsewhere
        self._last = time.monotonic()

    def update(self, text: str) -> None:
        now = time.monotonic()
        if self._tty:
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
