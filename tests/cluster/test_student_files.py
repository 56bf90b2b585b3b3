"""A student's own files may be named like anything: the lab's programs import none of them, the student's own do."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from lab_runner import LabRunner

NAMES = "kafka json yaml cassandra common socket random pyspark"
SITE = "~/.local/lib/python3.11/site-packages"
#: Everything is kept under a name of its own for the length of the tests, whoever's stack it is.
PUT = (
    f"mkdir -p {SITE}; for name in {NAMES}; do echo 'raise RuntimeError(\"a student wrote this\")' >~/$name.py; done; "
    f"echo 'print(\"hello\")' >{SITE}/usercustomize.py"
)
REMOVE = f"for name in {NAMES}; do rm -f ~/$name.py; done; rm -f {SITE}/usercustomize.py"


@pytest.fixture(scope="module")
def with_files(lab: LabRunner) -> Iterator[LabRunner]:
    lab.inside(PUT)
    yield lab
    lab.inside(REMOVE)


def test_status_asks_every_node(with_files: LabRunner) -> None:
    (found,) = json.loads(with_files("status", "--json"))["students"]
    assert found["healthy"], found


def test_every_service_proves_itself(with_files: LabRunner) -> None:
    printed = with_files("prove")
    assert printed.count(" proved: ") == 5
    assert "hello" not in printed


def test_a_lesson_runs_is_checked_and_taken_away(with_files: LabRunner) -> None:
    for command in (["reset", "--yes"], ["submit"], ["check"], ["stop"], ["reset", "--yes"]):
        printed = with_files(*command, "--job", "lesson02" if command != ["stop"] else "lesson03")
        assert "hello" not in printed
    ran = with_files.run("fetch-output", "--job", "lesson02")
    assert "has left no output" in ran.err


def test_the_notebook_server_starts(with_files: LabRunner) -> None:
    assert "/lab?token=" in with_files("notebook")
    assert with_files("notebook", "--stop") == "stopped\n"


def test_what_the_student_runs_has_the_student_s_own_python(with_files: LabRunner) -> None:
    ran = with_files.run("shell", "--command", "cd; python3 -c 'import kafka'")
    assert ran.code == 1
    assert "hello" in ran.out
    assert "RuntimeError: a student wrote this" in ran.err
