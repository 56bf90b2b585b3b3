"""Signals that end a process, where it has something to clean up."""

from __future__ import annotations

import signal

import pytest

from streamlab.interrupt import ended_by_signals


@pytest.mark.parametrize(("number", "code"), [(signal.SIGHUP, 129), (signal.SIGTERM, 143)])
def test_a_block_is_left_and_the_exit_status_says_why(number: int, code: int) -> None:
    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as caught, ended_by_signals():
        signal.raise_signal(number)
    assert (caught.value.code, signal.getsignal(number)) == (code, before)


def test_what_is_ignored_stays_ignored() -> None:
    """As after `nohup`."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ended_by_signals():
            signal.raise_signal(signal.SIGHUP)
    finally:
        assert signal.signal(signal.SIGHUP, before) is signal.SIG_IGN
