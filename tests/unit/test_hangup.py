"""Who is hung up on when a terminal is gone, and who stays: what a kernel would do."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from dataclasses import replace

from edge.hangup import Process, hung_up_on, leader, parsed

SHELL = Process(pid=10, state="S", parent=0, group=10, session=10, foreground=20, ignores_hangup=False)
JOB = replace(SHELL, pid=20, parent=10, group=20)


def test_a_process_is_read_whatever_its_program_is_called() -> None:
    stat = "20 (a) 1 (b) S 10 20 10 34816 21 4194304 100 0 0"
    status = "Name:\ta) 1 (b\nSigIgn:\t{}\nSigCgt:\t0000000000004003\n"
    read = Process(pid=20, state="S", parent=10, group=20, session=10, foreground=21, ignores_hangup=False)
    assert parsed(stat, status.format("0000000000001000")) == read
    assert parsed(stat, status.format("0000000000000001")) == replace(read, ignores_hangup=True)


def test_the_leader_is_what_the_engine_started() -> None:
    """A shell in tmux leads a session and has inherited the mark; so has what runs in the background."""
    init, tmux = replace(SHELL, pid=1), replace(SHELL, pid=30, parent=29, session=30)
    assert leader([init, tmux, JOB, SHELL], {10, 20, 30}) == SHELL
    assert leader([init, tmux, JOB], {20, 30}) is None


def test_leader_and_foreground_are_hung_up_on() -> None:
    background = replace(JOB, pid=21, group=21)
    nohup = replace(JOB, pid=22, ignores_hangup=True)
    elsewhere = replace(JOB, pid=23, session=23)
    ended = replace(JOB, pid=24, state="Z")
    assert hung_up_on([background, nohup, elsewhere, ended, JOB, SHELL], SHELL) == [20, 10]


def test_a_program_of_that_source_ends_the_session_and_its_foreground() -> None:
    """Here, the leader's parent is this test: the program is told that it is outside."""
    from edge import hangup

    mark = f"STREAMLAB_RUN=test{os.getpid()}"
    pid, terminal = pty.fork()
    if pid == 0:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        os.execve("/bin/sh", ["sh", "-c", "echo up; sleep 60"], {**os.environ, "STREAMLAB_RUN": mark.partition("=")[2]})
    assert os.read(terminal, 10).startswith(b"up")
    with open(hangup.__file__) as file:  # noqa: PTH123
        source = file.read().replace("process.parent == 0", f"process.parent == {os.getpid()}")
    began = time.monotonic()
    subprocess.run([sys.executable, "-I", "-c", source, mark], check=True, timeout=30)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGHUP
    assert time.monotonic() - began < 5
    os.close(terminal)
