"""Ctrl-C where Python's own way falls short: in threads, which it does not reach, and where it must not fall.

A thread that does its work inside `hearing` hears of it as `KeyboardInterrupt`, once, where it waits or next would
wait: what it does then to clean up is not interrupted again.

What the main thread does inside `deferred` gets to its end first. What it does inside `ended_by_signals` cleans up, as
after Ctrl-C, when its terminal is closed or it is told to terminate.
"""

from __future__ import annotations

import signal
import threading
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


@contextmanager
def deferred() -> Iterator[None]:
    """Ctrl-C in this block is heard at its end: what an engine is asked to make is made, and its name is known.

    For what is short and has a deadline of its own. No other thread than the main one needs it.

    Raises:
        KeyboardInterrupt: at the block's end, if Ctrl-C came in it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:
            signal.raise_signal(signal.SIGINT)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """SIGHUP and SIGTERM, which would end this process where it stands, leave the block as Ctrl-C does.

    A signal that is ignored (`nohup`) stays so.

    Raises:
        SystemExit: one of them came; its code is what a shell reports for it.
    """

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGTERM)}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, leave)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
