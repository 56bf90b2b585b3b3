"""A table of students by lessons, whatever became of a student's stack."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from streamlab.engines import engine
from streamlab.errors import LabError
from streamlab.lessons.jobs import Job
from streamlab.students.student import Student
from streamlab.work import check, check_table

pytestmark = pytest.mark.usefixtures("alone")

#: Student -> the states of the stack's containers; dora's Docker host is gone.
STACKS = {"ada": ["running", "running"], "bob": ["running"], "carl": [], "eve": ["exited", "exited"]}
RIGHT = {"name": "rows", "expected": "3", "found": "3", "passed": True, "where": "cqlsh", "help": ""}
WRONG = {**RIGHT, "found": "2", "passed": False}


def lesson(name: str, *services: str) -> tuple[Job, str]:
    return Job(name, Path(name), name, {}, (), (), (), services=services), ""


@pytest.fixture
def report(student: Student, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Report two lessons for some students; `answers` has the assertions that are not just right, or the error."""

    def run(
        *names: str, answers: dict[tuple[str, str], Any] | None = None, as_json: bool = False, to: str | None = None
    ) -> None:
        @contextmanager
        def connect(docker_host: str) -> Iterator[None]:
            if docker_host.startswith("ssh://"):
                raise engine.NoEngine(f"no Docker Engine answers at {docker_host}", evidence="timed out")
            yield None

        def ask(student: Student, job: Job, step: str) -> dict[str, Any]:
            found = (answers or {}).get((student.name, job.name), [RIGHT])
            if isinstance(found, LabError):
                raise found
            return {"assertions": found}

        def summaries(client: None, student: Student) -> dict[str, Any]:
            return {str(i): SimpleNamespace(status=state) for i, state in enumerate(STACKS[student.name])}

        monkeypatch.setattr(check_table.engine, "connect", connect)
        monkeypatch.setattr(check_table.labelled, "summaries", summaries)
        monkeypatch.setattr(check_table.engine, "unreachable", lambda students: {})
        monkeypatch.setattr(check, "check", ask)
        lessons = [lesson("lesson01"), lesson("lesson03"), lesson("lesson09", "flink")]
        monkeypatch.setattr(check, "asked", lambda name: lessons)
        host = {"dora": "ssh://lab@second"}
        students = [
            replace(
                student, name=name.removesuffix("+flink"), docker_host=host.get(name, student.docker_host),
                services=("flink",) if name.endswith("+flink") else (),
            )
            for name in names
        ]  # fmt: skip
        check_table.report(students, None, as_json=as_json, csv_file=to)

    return run


def test_of_a_lesson_that_a_stack_cannot_run_nothing_is_expected(
    report: Callable, capsys: pytest.CaptureFixture
) -> None:
    """The table of a class in which nobody can has no column of it."""
    report("ada+flink", "bob", to="-")
    assert capsys.readouterr().out == (
        "student,lesson01,lesson03,lesson09\n"
        "ada,passed,passed,passed\n"
        "bob,passed,passed,\n"
    )  # fmt: skip


SILENT = LabError("lesson03: common.check failed on the edge node", evidence=["no answer", "within 120 s"])
MIXED = {("ada", "lesson03"): [WRONG, RIGHT, RIGHT, WRONG, RIGHT], ("bob", "lesson03"): SILENT}


def test_where_all_is_passed_the_table_says_so(report: Callable, capsys: pytest.CaptureFixture) -> None:
    report("bob", "ada")
    assert capsys.readouterr().out == (
        "student  lesson01  lesson03\n"
        "bob      passed    passed\n"
        "ada      passed    passed\n"
    )  # fmt: skip


def test_whatever_became_of_a_stack_has_its_cell(
    report: Callable, error_of: Callable, capsys: pytest.CaptureFixture
) -> None:
    assert error_of(report, "ada", "bob", "carl", "dora", "eve", answers=MIXED) == (
        "error: 5 of 5 students did not pass\n"
        "  ada: lesson03 2 of 5 wrong\n"
        "  bob: lesson03 no answer: lesson03: common.check failed on the edge node: within 120 s\n"
        "  carl: no stack\n"
        "  dora: unreachable: no Docker Engine answers at ssh://lab@second: timed out\n"
        "  eve: suspended\n"
        "  fix: invoke check --student ada --job lesson03 says what is wrong, and where to look"
    )
    assert capsys.readouterr().out == (
        "student  lesson01     lesson03\n"
        "ada      passed       2 of 5 wrong\n"
        "bob      passed       no answer\n"
        "carl     no stack     no stack\n"
        "dora     unreachable  unreachable\n"
        "eve      suspended    suspended\n"
    )


def test_as_csv_it_goes_to_a_file_beside_the_table(
    report: Callable, error_of: Callable, capsys: pytest.CaptureFixture, tmp_path: Path
) -> None:
    file = tmp_path / "results.csv"
    file.write_text("of last week\n")
    assert "1 of 2 students" in error_of(report, "ada", "bob", answers={("ada", "lesson03"): [WRONG]}, to=str(file))
    assert file.read_text() == "student,lesson01,lesson03\nada,passed,1 of 1 wrong\nbob,passed,passed\n"
    assert [path.name for path in tmp_path.iterdir()] == ["results.csv"]
    assert capsys.readouterr().out.startswith("student  lesson01  lesson03\n")


def test_as_csv_on_the_standard_output_it_stands_alone(report: Callable, capsys: pytest.CaptureFixture) -> None:
    report("ada", to="-")
    assert capsys.readouterr().out == "student,lesson01,lesson03\nada,passed,passed\n"


def test_as_json_every_assertion_is_there(report: Callable, error_of: Callable, capsys: pytest.CaptureFixture) -> None:
    error_of(report, "ada", "carl", answers=MIXED, as_json=True)
    ada, carl = json.loads(capsys.readouterr().out)["students"]
    assert (ada["name"], ada["passed"]) == ("ada", False)
    passed = {"verdict": "passed", "passed": True, "assertions": [RIGHT], "why": ""}
    wrong = {"verdict": "2 of 5 wrong", "passed": False, "assertions": MIXED["ada", "lesson03"], "why": ""}
    assert ada["lessons"] == {"lesson01": passed, "lesson03": wrong}
    assert carl["lessons"]["lesson01"] == {"verdict": "no stack", "passed": False, "assertions": [], "why": ""}


@pytest.mark.parametrize(
    ("to", "as_json", "error"),
    [
        ("nowhere/results.csv", False, "--csv nowhere/results.csv cannot be written\n  "),
        ("/dev/null", False, "--csv /dev/null cannot be written\n  /dev/null is no file\n"),
        (".", False, "is no file\n"),
        ("-", True, "--csv - and --json both write to standard output\n"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused_before_anything_is_asked(
    report: Callable, error_of: Callable, capsys: pytest.CaptureFixture, to: str, as_json: bool, error: str
) -> None:
    assert error in error_of(report, "ada", to=to, as_json=as_json)
    assert capsys.readouterr().out == ""


def test_an_interrupted_check_leaves_no_file(report: Callable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupted(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(check_table.parallel, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        report("ada", "bob", to=str(tmp_path / "results.csv"))
    assert list(tmp_path.iterdir()) == []


def test_of_many_lessons_only_the_number_is_repeated_below_the_table() -> None:
    wrong = check_table.Cell("1 of 1 wrong", [WRONG])
    row = {"lesson01": wrong, "lesson02": wrong, "lesson03": wrong, "lesson04": check_table.Cell("passed", [RIGHT])}
    assert check_table.failure({"ada": row}).evidence == ["ada: 3 of 4 lessons"]
    row["lesson01"] = row["lesson04"]
    assert check_table.failure({"ada": row}).evidence == ["ada: lesson02 1 of 1 wrong, lesson03 1 of 1 wrong"]
