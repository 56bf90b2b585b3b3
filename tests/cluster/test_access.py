"""A stack's lock and its owner, on a real engine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from lab_runner import LabRunner

HOLD = """
import sys, time
from streamlab.engines import engine
from streamlab.stacks import access
from streamlab.students import inventory

student = inventory.load(sys.argv[1]).student(sys.argv[2])
with engine.connect(student.docker_host) as client, access.locked(client, student, "a test"):
    print("held", flush=True)
    time.sleep(60)
"""
SOON = 5


def test_a_lock_ends_with_its_holder_even_if_that_is_killed(lab: LabRunner) -> None:
    argv = [sys.executable, "-c", HOLD, str(lab.inventory), lab.student]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        for task in (("suspend",), ("provision",), ("check", "--job", "lesson01")):
            ran = lab.run(*task)
            assert ran.code == 1, ran
            assert "a test by" in ran.err + ran.out
            assert f"process {holder.pid}" in ran.err + ran.out
        assert "being changed by another command: a test by" in lab("status")
        os.kill(holder.pid, signal.SIGKILL)
    ends = time.monotonic() + SOON
    while "being changed" in lab("status"):
        assert time.monotonic() < ends, "the engine has not ended the lock of a process that is gone"


def test_a_file_of_the_student_s_own_changes_no_verdict(lab: LabRunner) -> None:
    """Python of the student's that says that all is well is not what is asked."""
    lie = "import sys; sys.argv and print('all is well')"
    lab("shell", "--command", f"mkdir -p ~/.local/lib/python3.11/site-packages && echo \"{lie}\" > "
        "~/.local/lib/python3.11/site-packages/usercustomize.py")  # fmt: skip
    try:
        lab("reset", "--yes", "--job", "lesson01")
        ran = lab.run("check", "--job", "lesson01")
        assert ran.code == 1
        assert "WRONG" in ran.out
        assert "all is well" not in ran.out
    finally:
        lab("shell", "--command", "rm ~/.local/lib/python3.11/site-packages/usercustomize.py")
