"""A class of two on a real stack: the tests' own student, and one who has none. What fails for one is done for all."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab_runner import LabRunner, press_ctrl_c, write_inventory
from streamlab.students import inventory


@pytest.fixture(scope="module")
def two(lab: LabRunner, tmp_path_factory: pytest.TempPathFactory) -> LabRunner:
    student = inventory.load(lab.inventory).student(lab.student)
    students = {
        student.name: {"port_base": student.port_base, "subnet": student.subnet},
        "nobody": {"port_base": 28300, "subnet": "10.89.253.0/27"},
    }
    file = write_inventory(tmp_path_factory.mktemp("class"), student.lab_class, students)
    return LabRunner(str(file), student.name)


@pytest.fixture(scope="module")
def submitted(two: LabRunner) -> tuple[str, str]:
    """What a submit for everybody printed, and its errors."""
    two("reset", "--yes", "--job", "lesson03")
    ran = two.run("submit", "--job", "lesson03", "--student", "all", student=False)
    assert ran.code == 1
    return ran.out, ran.err


def test_a_submit_for_everybody_has_one_line_each_and_a_summary(two: LabRunner, submitted: tuple[str, str]) -> None:
    nobody, done, summary = submitted[0].splitlines()
    assert re.fullmatch(r"nobody +FAILED +[\d.]+ s  nobody has no stack: no container on .+ carries its label", nobody)
    assert re.fullmatch(rf"{two.student} +done +[\d.]+ s  lesson03/read: application_\S+ SUCCEEDED in .+ s: .+", done)
    assert re.fullmatch(r"lesson03/read: 1 of 2 students done in [\d.]+ s", summary)


def test_a_failure_is_told_in_full_at_the_end(submitted: tuple[str, str]) -> None:
    assert submitted[1] == (
        "\n"
        "nobody\n"
        "error: nobody has no stack\n"
        "  no container on unix:///var/run/docker.sock carries its label\n"
        "  fix: invoke provision --student nobody\n"
        "\n"
        "error: lesson03/read: 1 of 2 students failed\n"
        "  nobody\n"
        "  fix: fix the causes above, then repeat it for them alone: --limit nobody\n"
    )


def test_a_check_of_everybody_is_a_table(two: LabRunner, submitted: tuple[str, str], tmp_path: Path) -> None:
    file = tmp_path / "results.csv"
    ran = two.run("check", "--job", "lesson03", "--student", "all", "--csv", str(file), student=False)
    assert ran.code == 1
    rows = [line.split(maxsplit=1) for line in ran.out.splitlines()]
    assert rows == [["student", "lesson03"], [two.student, "passed"], ["nobody", "no stack"]]
    assert file.read_text() == f"student,lesson03\n{two.student},passed\nnobody,no stack\n"
    assert ran.err == (
        "error: 1 of 2 students did not pass\n"
        "  nobody: no stack\n"
        "  fix: invoke check --student nobody --job lesson03 says what is wrong, and where to look\n"
    )


def test_every_lesson_has_its_column(two: LabRunner, submitted: tuple[str, str]) -> None:
    """The one that was submitted is passed; what others say depends on what ran here before."""
    ran = two.run("check", "--limit", two.student, "--csv", "-", student=False)
    (row,) = csv.DictReader(io.StringIO(ran.out))
    assert list(row) == ["student", *(f"lesson{i:02}" for i in range(1, 9)), "titanic"]
    assert row["lesson03"] == "passed"
    cells = {cell for column, cell in row.items() if column != "student"}
    assert all(re.fullmatch(r"passed|\d+ of \d+ wrong", cell) for cell in cells), row
    assert ran.code == (0 if cells == {"passed"} else 1)


def test_a_table_as_json_has_every_assertion(two: LabRunner, submitted: tuple[str, str]) -> None:
    ran = two.run("check", "--job", "lesson03", "--student", "all", "--json", student=False)
    found, nobody = json.loads(ran.out)["students"]
    assert (found["name"], found["passed"]) == (two.student, True)
    assert found["lessons"]["lesson03"]["assertions"] == two.check("lesson03")["assertions"]
    assert nobody["lessons"]["lesson03"]["verdict"] == "no stack"


def test_stop_and_reset_go_on_past_who_has_no_stack(two: LabRunner, submitted: tuple[str, str]) -> None:
    stopped = two.run("stop", "--job", "lesson03", "--student", "all", student=False)
    reset = two.run("reset", "--yes", "--job", "lesson03", "--limit", "*", student=False)
    for ran, last in (
        (stopped, f"nothing to stop: no step of lesson03 runs for {two.student}"),
        (reset, f"lesson03 of {two.student}: back at its start"),
    ):
        assert ran.code == 1
        assert [line.split()[:2] for line in ran.out.splitlines()[:2]] == [["nobody", "FAILED"], [two.student, "done"]]
        assert ran.out.splitlines()[1].endswith(f" s  {last}")
    assert not two.check("lesson03")["passed"]


@pytest.fixture
def streaming(two: LabRunner) -> Iterator[subprocess.Popen]:
    """A submit for everybody of a stream that does not end by itself, once it runs."""
    command = ["submit", "--job", "lesson03", "--continuous", "--student", "all"]
    try:
        with two.begun(*command, student=False) as process:
            ends = time.monotonic() + 120
            while not running(two):
                assert time.monotonic() < ends, "the stream did not begin"
                assert process.poll() is None, process.communicate()
                time.sleep(1)
            yield process
    finally:
        two.run("stop", "--job", "lesson03")


def running(two: LabRunner) -> list[str]:
    """The applications that YARN runs for the student."""
    (found,) = json.loads(two("status", "--json"))["students"]
    return [app["name"] for app in found["applications"] if app["state"] == "RUNNING"]


def test_ctrl_c_ends_the_applications_that_were_begun(two: LabRunner, streaming: subprocess.Popen) -> None:
    assert running(two) == [f"{two.student}-lesson03-read"]
    ended = press_ctrl_c(streaming)
    assert ended.code == 130
    assert re.search(rf"^{two.student} +ENDED +[\d.]+ s  ended application_\S+; ", ended.out, re.MULTILINE), ended.out
    assert ended.err == "interrupted\n"
    assert running(two) == []
