"""Cancellation: the one way to end a command early, whoever asks for it.

Ctrl-C raises `KeyboardInterrupt` in the main thread; inside `cancelled_by_signals` SIGTERM and SIGHUP do so too, as
`Cancelled`. A thread that works inside `cancellable` gets its token's reason raised, once, where it waits or next would
wait: what it does then to clean up is not cancelled again. What must not be cut short runs inside `uninterrupted`.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

#: What ends a command early.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Cancelled(KeyboardInterrupt):
    """A signal asked this process to end. `exit_code` is what a shell reports for it."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


class CancelToken:
    """Lets another thread cancel what one thread does inside `cancellable`."""

    def __init__(self) -> None:
        self._reason: BaseException | None = None
        self._raised = False
        self._end: Callable[[], object] | None = None

    def cancel(self, reason: BaseException | None = None) -> None:
        """End what the thread waits for, and have `reason` (else a `KeyboardInterrupt`) raised in it.

        May be called again: a wait that was only about to begin is ended then. The first reason counts.
        """
        self._reason = self._reason or reason or KeyboardInterrupt()
        end = self._end
        if end is not None and not self._raised:
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
        if self._reason is not None and not self._raised:
            self._raised = True
            raise self._reason


_token: ContextVar[CancelToken | None] = ContextVar("token", default=None)


@contextmanager
def cancellable(token: CancelToken) -> Iterator[None]:
    """What this thread does in the block can be cancelled through `token`."""
    before = _token.set(token)
    try:
        yield
    finally:
        _token.reset(before)


@contextmanager
def waiting(end: Callable[[], object]) -> Iterator[None]:
    """This thread waits in the block for something that `end`, called from another thread, ends."""
    token = _token.get()
    if token is None:
        yield
    else:
        with token.waiting(end):
            yield


def checkpoint() -> None:
    """Raise the reason here if this thread was cancelled: for long work that does not wait."""
    with waiting(lambda: None):
        pass


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Signals that arrive in this block are delivered at its end, so that a step is never left half done.

    For what is short and has a deadline of its own. Threads other than the main one receive no signal.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


@contextmanager
def cancelled_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP, which would end this process at once, leave the block as Ctrl-C does.

    Only the first counts: a terminal that is closed sends one after another, and cleaning up takes a moment. A signal
    that is ignored (`nohup`) stays so.

    Raises:
        Cancelled: one of them came.
    """
    ours = (signal.SIGTERM, signal.SIGHUP)
    terminals = [stream.fileno() for stream in (sys.stdout, sys.stderr) if stream.isatty()]

    def cancel(number: int, _: object) -> None:
        for other in ours:
            if signal.getsignal(other) is not signal.SIG_IGN:
                signal.signal(other, lambda *_: None)
        if number == signal.SIGHUP:
            _leave(terminals)
        raise Cancelled(number)

    before = {number: signal.getsignal(number) for number in ours}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, cancel)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(terminals: Sequence[int]) -> None:
    """The terminal is gone, and a line written to it while cleaning up would be an error."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for terminal in terminals:
        os.dup2(nowhere, terminal)
    os.close(nowhere)
