"""Five students, five grades: on time, in grace, late, extended, never; a copy, and rows that were typed by hand."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

from five_students import Course

GRADES = {"ada": 80.0, "bob": 100.0, "carl": 100.0, "dora": 80.0, "eve": None}


def report_of(course: Course, student: str) -> str:
    (file,) = (course.store.folder / "lesson04" / student).glob("*.report.md")
    return file.read_text(encoding="utf-8")


def test_rows_that_were_typed_by_hand_pass_on_the_data_that_they_were_seen_in(course: Course) -> None:
    assert course.own.code == 0, course.own.out
    assert "my04 of ada: " in course.own.out
    assert "WRONG" not in course.own.out


def test_and_lose_their_gap_on_other_data(course: Course) -> None:
    text = report_of(course, "ada")
    assert "**80 of 100 points**" in text
    lost = text[text.index("## Gap ") :]
    assert lost.startswith("## Gap 5: 0 of ")
    assert "orders by status, added up over the batches" in lost
    assert "  - expected: " in lost
    assert "  - found: " in lost
    assert re.search(r"  - read: \S+/structured-streaming-programming-guide.html#foreachbatch\n", lost)


def test_each_has_the_grade_that_the_rules_give(course: Course, tmp_path: Path) -> None:
    ran = course.gradebook("--to", str(tmp_path / "grades.json"), "--format", "json")
    assert ran.code == 0, ran.out + ran.err
    found = json.loads((tmp_path / "grades.json").read_text(encoding="utf-8"))["grades"]
    assert {one["student"]: one["grade"] for one in found} == GRADES
    assert {one["student"]: one["deduction"] for one in found} == {**dict.fromkeys(GRADES, 0), "dora": 20}
    assert {one["student"]: one["clock"] for one in found}["ada"] == "control machine"


def test_moodle_s_file_has_a_line_for_each(course: Course, tmp_path: Path) -> None:
    assert course.gradebook("--to", str(tmp_path / "grades.csv"), "--format", "moodle").code == 0
    lines = list(csv.reader((tmp_path / "grades.csv").read_text(encoding="utf-8").splitlines()))
    assert lines[0] == ["Email address", "lesson04"]
    assert lines[1:] == [
        [f"{name}@school.example", "-" if grade is None else f"{grade:.2f}"] for name, grade in GRADES.items()
    ]


def test_a_copy_is_shown_to_a_person(course: Course) -> None:
    assert "bob, carl  100 %" in course.gradebook().out


def test_nothing_of_one_hand_in_is_left_for_the_next(course: Course) -> None:
    """bob's and carl's leave a file on HDFS and a process; dora's, on a stack of one's name, fails if it finds any."""
    on = {student: self_of(course, student)["on"] for student in ("bob", "carl", "dora")}
    assert {on["bob"], on["carl"]} == {"grader01", "grader02"}
    assert on["dora"] in {"grader01", "grader02"}
    assert "**100 of 100 points**" in report_of(course, "dora")


def self_of(course: Course, student: str) -> dict[str, str]:
    files = sorted((course.store.folder / "lesson04" / student).glob("*.result.json"))
    return json.loads(files[-1].read_text(encoding="utf-8"))


def test_a_run_that_is_cut_off_leaves_no_stack_and_the_next_goes_on(course: Course) -> None:
    assert course.cut_off.code == 130
    assert [json.loads(said)["students"][0]["state"] for said in course.left] == ["missing", "missing"]
    for student, before in course.first.items():
        (result,) = (course.store.folder / "lesson04" / student).glob("*.result.json")
        assert result.read_bytes() == before
    assert "4 hand-ins count, 2 of them are graded already" in course.graded
    assert "dora          hand-in 1: 100 of 100, in " in course.graded


def test_what_is_graded_stays_so_and_needs_no_stack(course: Course) -> None:
    where = ("--from", str(course.folder), "--deadlines", str(course.deadlines))
    said = course.lab("grade", "--job", "lesson04", *where, student=False)
    assert "lesson04: 4 hand-ins count, 4 of them are graded already\n" in said
    assert "making" not in said
