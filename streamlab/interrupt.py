"""Ctrl-C for work in threads: Python tells the main thread alone, and a thread that waits for an engine hears nothing.

A thread that does its work inside `hearing` hears of it as `KeyboardInterrupt`, once, where it waits or next would
wait: what it does then to clean up is not interrupted again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Interrupt:
    """One thread's ear: what the main thread calls to interrupt it."""

    def __init__(self) -> None:
        self._asked = self._told = False
        self._end: Callable[[], object] | None = None

    def interrupt(self) -> None:
        """End what the thread waits for. May be called again: what was only about to begin is ended then."""
        self._asked = True
        end = self._end
        if end is not None and not self._told:
            end()

    @contextmanager
    def waiting(self, end: Callable[[], object]) -> Iterator[None]:
        self._raise_once()
        self._end = end
        try:
            yield
        finally:
            self._end = None
            self._raise_once()

    def _raise_once(self) -> None:
        if self._asked and not self._told:
            self._told = True
            raise KeyboardInterrupt


_ear: ContextVar[Interrupt | None] = ContextVar("ear", default=None)


@contextmanager
def hearing(ear: Interrupt) -> Iterator[None]:
    """What this thread does in the block can be interrupted through `ear`."""
    token = _ear.set(ear)
    try:
        yield
    finally:
        _ear.reset(token)


@contextmanager
def waiting(end: Callable[[], object]) -> Iterator[None]:
    """This thread waits in the block for something that `end`, called from another thread, ends."""
    ear = _ear.get()
    if ear is None:
        yield
    else:
        with ear.waiting(end):
            yield
