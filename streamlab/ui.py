"""What people see on the terminal: one line per finished stage, and progress that rewrites itself."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


def say(text: str = "") -> None:
    """Print one line, at once."""
    print(text, flush=True)


class Progress:
    """A line that rewrites itself on a terminal; elsewhere it prints at most one line every ten seconds."""

    def __init__(self, label: str) -> None:
        self.label = label
        self._tty = sys.stdout.isatty()
        self._last = time.monotonic()

    def update(self, text: str) -> None:
        now = time.monotonic()
        if self._tty:
            sys.stdout.write(f"\r\x1b[K  {self.label}: {text}")
            sys.stdout.flush()
        elif now - self._last >= 10:
            say(f"  {self.label}: {text}")
            self._last = now

    def close(self) -> None:
        if self._tty:
            sys.stdout.write("\r\x1b[K")
            sys.stdout.flush()


@contextmanager
def progress(label: str) -> Iterator[Progress]:
    """Show progress under `label` while the block runs, and leave no half line behind."""
    line = Progress(label)
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
