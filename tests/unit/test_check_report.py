"""What `check` prints, and keeps on the edge node for its student."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edge import checks
from streamlab.lessons import jobs, results
from streamlab.paths import JOBS
from streamlab.stacks import beside
from streamlab.students.clusters import DESCRIPTION, Cluster
from streamlab.students.student import Student
from streamlab.work import check

ROWS = {
    "name": "rows in Cassandra",
    "expected": "200",
    "found": "200",
    "passed": True,
    "where": "cqlsh",
    "help": "",
    "pending": False,
    "gap": 0,
}

MODEL = {
    "name": "the model",
    "expected": "a folder",
    "found": "no such file",
    "passed": False,
    "where": "hdfs dfs -ls /m",
    "help": "the README, part 2",
    "pending": False,
    "gap": 0,
}


def test_a_lesson_that_a_stack_cannot_run_is_not_said_to_be_wrong(student: Student, error_of: Callable) -> None:
    assert error_of(check.check, student, jobs.load(JOBS / "lesson09")).splitlines()[0] == (
        f"error: lesson09 needs flink, which {student.name}'s stack does not have"
    )


@pytest.fixture
def report(student: Student, monkeypatch: pytest.MonkeyPatch, alone: None) -> Callable[..., None]:
    """Report lesson08, whose check on the edge node gives these assertions."""

    def run(*assertions: dict) -> None:
        @contextmanager
        def opened(student: Student) -> Iterator[Any]:
            yield SimpleNamespace(answer=answer)

        def answer(*args: str, seconds: int, zips: Any, read: Callable, printed: Callable) -> list[dict]:
            printed("out", "a line of the check's own")
            return read(list(assertions))

        monkeypatch.setattr(beside, "open_beside", opened)
        check.report(student, "lesson08", as_json=False)

    return run


def test_a_check_that_holds_is_told_in_a_line_each(report: Callable, capsys: pytest.CaptureFixture) -> None:
    report(ROWS)
    assert (
        capsys.readouterr().out
        == "  | a line of the check's own\n  ok    rows in Cassandra: 200\nlesson08 of ada: 1 of 1 as expected\n"
    )


def test_what_is_open_is_not_called_wrong(report: Callable, error_of: Callable, capsys: pytest.CaptureFixture) -> None:
    text = error_of(report, ROWS, MODEL | {"pending": True})
    assert "  1 are open, first: the model\n  fix: look where the lines marked open point to" in text
    assert "  open  the model: expected a folder" in capsys.readouterr().out
    assert "1 of 3 assertions failed, first: the model\n  1 are open\n" in error_of(
        report, ROWS, MODEL, MODEL | {"pending": True}
    )


def test_a_check_that_does_not_hold_fails_and_says_where_to_look(
    report: Callable, error_of: Callable, capsys: pytest.CaptureFixture
) -> None:
    assert error_of(report, ROWS, MODEL) == (
        "error: lesson08 of ada did not pass\n"
        "  1 of 2 assertions failed, first: the model\n"
        "  fix: look where the lines marked WRONG point to; invoke submit --job lesson08 runs it again"
    )
    assert capsys.readouterr().out == (
        "  | a line of the check's own\n"
        "  ok    rows in Cassandra: 200\n"
        "  WRONG the model: expected a folder, found no such file; look at hdfs dfs -ls /m\n"
        "        read the README, part 2\n"
        "lesson08 of ada: 1 of 2 as expected\n"
    )


@pytest.mark.usefixtures("alone")
def test_on_the_edge_node_a_check_keeps_what_it_said_for_its_student(
    student: Student, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(results, "STATE", tmp_path)
    monkeypatch.setattr(checks, "FOLDER", tmp_path / "checks")
    found = [{"name": "rows", "expected": 1, "found": 1, "passed": passed, "where": ""} for passed in (True, False)]
    said = {"job": "lesson08", "student": "ada", "passed": True, "assertions": found}
    monkeypatch.setattr(check, "check", lambda student, job, step, printed: said)
    elsewhere = replace(student, cluster=Cluster(tmp_path / "cluster.json", "ada"))
    here = replace(student, cluster=Cluster(DESCRIPTION, "ada"))
    check.report(student, "lesson08", as_json=True)
    check.report(elsewhere, "lesson08", as_json=True)
    check.report(here, "lesson08/score", as_json=True)  # which is only a part of the lesson
    assert checks.kept() == []
    check.report(here, "lesson08", as_json=True)
    (kept,) = checks.kept()
    assert (kept["job"], kept["right"], kept["of"], kept["exercise"]) == ("lesson08", 1, 2, "")
    assert 0 <= time.time() - kept["at"] < 60
    (file,) = (tmp_path / "checks").iterdir()
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"at": 1, "right": 2}', '{"at": "1", "right": 2, "of": 3}', '{"at": -1, "right": 2, "of": 3}',
     '{"at": true, "right": 2, "of": 3}', '{"x": "' + "x" * 2000 + '", "at": 1, "right": 2, "of": 3}', "\xff",
     '{"at": 1, "right": 2, "of": 3, "exercise": "<b>"}', "[" * 900],
)  # fmt: skip
def test_what_a_student_writes_there_is_no_result(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "FOLDER", tmp_path / "checks")
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks" / "lesson03.json").write_text(text, encoding="latin-1")
    (tmp_path / "checks" / "<b>.json").write_text('{"at": 1, "right": 2, "of": 3}')
    os.mkfifo(tmp_path / "checks" / "lesson01.json")
    (tmp_path / "checks" / "lesson02.json").symlink_to("/dev/zero")
    (tmp_path / "checks" / "lesson04.json").mkdir()
    assert checks.kept() == []


def test_a_result_that_cannot_be_kept_spoils_no_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "checks").write_text("a file where the folder should be")
    monkeypatch.setattr(results, "STATE", tmp_path)
    monkeypatch.setattr(checks, "FOLDER", tmp_path / "checks")
    results.keep("lesson08", right=1, of=2)
    assert checks.kept() == []


def test_a_check_that_looks_at_nothing_proves_nothing(report: Callable, error_of: Callable) -> None:
    assert error_of(report).startswith("error: the check of lesson08 looked at nothing\n")
