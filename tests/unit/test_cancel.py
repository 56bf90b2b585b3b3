"""Signals that end a process, where it has something to clean up."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys

import pytest

from streamlab.cancel import SIGNALS, Cancelled, CancelToken, cancellable, cancelled_by_signals, uninterrupted, waiting


@pytest.mark.parametrize(("number", "code"), [(signal.SIGHUP, 129), (signal.SIGTERM, 143)])
def test_a_block_is_left_and_the_exit_status_says_why(number: int, code: int) -> None:
    before = signal.getsignal(number)
    with pytest.raises(Cancelled) as caught, cancelled_by_signals():
        signal.raise_signal(number)
    assert (caught.value.exit_code, signal.getsignal(number)) == (code, before)


def test_what_cleans_up_after_a_signal_is_not_cancelled_by_the_next() -> None:
    cleaned = []

    @cancelled_by_signals()
    def work() -> None:
        try:
            signal.raise_signal(signal.SIGHUP)
        finally:
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGHUP)
            cleaned.append("all")

    with pytest.raises(Cancelled, match="SIGHUP"):
        work()
    assert cleaned == ["all"]


def test_what_is_ignored_stays_ignored() -> None:
    """As after `nohup`."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with cancelled_by_signals(), uninterrupted():
            signal.raise_signal(signal.SIGHUP)
    finally:
        assert signal.signal(signal.SIGHUP, before) is signal.SIG_IGN


@pytest.mark.parametrize("number", SIGNALS)
def test_what_must_be_whole_is_and_the_signal_comes_after_it(number: int) -> None:
    done = []

    @uninterrupted()
    def work() -> None:
        signal.raise_signal(number)
        done.append("all")

    with pytest.raises(KeyboardInterrupt), cancelled_by_signals():
        work()
    assert done == ["all"]


CLOSED = """
import signal, sys
from streamlab.cancel import Cancelled, cancelled_by_signals
try:
    with cancelled_by_signals():
        print("ready", flush=True)
        signal.pause()
except Cancelled as error:
    print("cleaning up", flush=True)
    sys.exit(error.exit_code)
"""


def test_what_is_said_after_the_terminal_was_closed_is_no_error() -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", CLOSED], stdout=theirs, stderr=theirs, stdin=theirs, start_new_session=True
    )
    os.close(theirs)
    assert os.read(ours, 100).startswith(b"ready")
    os.close(ours)  # what is written now fails
    process.send_signal(signal.SIGHUP)
    assert process.wait(timeout=10) == 129


def test_a_token_s_reason_is_raised_once_where_its_thread_waits() -> None:
    token, ended = CancelToken(), []
    token.cancel(TimeoutError("too long"))
    token.cancel()
    with cancellable(token):
        with pytest.raises(TimeoutError, match="too long"), waiting(lambda: ended.append("never")):
            raise AssertionError("it does not begin to wait")
        with waiting(lambda: ended.append("never")):
            pass  # what cleans up may wait
    assert ended == []
