"""A class's grades: who has which, and what Moodle and Canvas make of the file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import handed_in
from streamlab.errors import LabError, WrongRequest
from streamlab.grading import gradebook, likeness
from streamlab.grading.grade import seed_of
from streamlab.grading.store import HandIn, Store
from streamlab.lessons import exercise
from streamlab.students.inventory import Lab
from streamlab.students.student import Student

DUE = "2026-12-01 20:00"
GAPS = len(exercise.load("lesson04")["gaps"])


def at(hour: int, day: int = 1) -> datetime:
    return datetime(2026, 12, day, hour, tzinfo=UTC)


@pytest.fixture
def lab(student: Student, tmp_path: Path) -> Lab:
    names = {"ada": "Ada Lovelace", "bob": "Боб, Младший", "carl": "Carl", "dora": "Dora", "eve": "Eve"}
    students = [
        replace(student, name=name, roster_name=full, email=f"{name}@school.example", id_number=f"0{number}")
        for number, (name, full) in enumerate(names.items())
    ]
    text = "class: spring\ntime_zone: UTC\nlessons:\n  lesson04: {deadline: 2026-12-01 20:00, grace_minutes: 90, "
    text += "deduction_per_day: 30, extensions: {dora: 2026-12-05 20:00}}\n"
    (tmp_path / "grading.yml").write_text(text, encoding="utf-8")
    return Lab(tmp_path / "class.yml", tuple(students))


@pytest.fixture
def store(lab: Lab, tmp_path: Path) -> Store:
    """ada on time, bob in grace, carl late, dora extended, eve never; dora has two of five gaps wrong."""
    made = Store("spring", str(tmp_path / "kept"))
    for name, when in (("ada", at(19)), ("bob", at(21)), ("carl", at(22)), ("dora", at(19, day=5))):
        one = handed_in.keep(made, name, when, {1: f"return {name}.load(1)"})
        graded(made, one, wrong={1, 2} if name == "dora" else set())
    return made


def graded(store: Store, one: HandIn, *, wrong: set[int]) -> None:
    found = [{"name": "x", "passed": gap not in wrong, "gap": gap} for gap in range(1, GAPS + 1)]
    store.keep_result(one, {"seed": seed_of(store, one), "assertions": found})


def written(lab: Lab, store: Store, tmp_path: Path, format_: str) -> str:
    to = tmp_path / "grades.csv"
    gradebook.report(lab, "lesson04", to=str(to), format_=format_, from_=str(store.folder.parent))
    return to.read_bytes().decode("utf-8")


def test_five_students_and_five_grades(lab: Lab, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    found = json.loads(written(lab, store, tmp_path, "json"))
    grades = {one["student"]: (one["points"], one["deduction"], one["grade"]) for one in found["grades"]}
    assert grades == {
        "ada": (100, 0, 100), "bob": (100, 0, 100), "carl": (100, 30, 70), "dora": (60, 0, 60), "eve": (None, 0, None),
    }  # fmt: skip
    said = capsys.readouterr().out
    lines = {line.split()[0]: line.split()[1:] for line in said.splitlines() if line}
    assert lines["carl"] == ["1", "2026-12-01", "22:00:00", "100", "-30", "70"]
    assert lines["eve"] == ["none", "-"]
    assert "alike" not in said


def test_a_deadline_and_points_change_without_a_new_run(
    lab: Lab, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "grading.yml").unlink()
    assert '"grade": 100.0' in written(lab, store, tmp_path, "json").split("carl")[1]
    described = exercise.load("lesson04")
    described["gaps"][0]["points"] = 6
    monkeypatch.setattr(exercise, "load", lambda lesson: described)
    rows = list(csv.DictReader(io.StringIO(written(lab, store, tmp_path, "plain"))))
    assert {row["student"]: row["grade"] for row in rows}["dora"] == "30.00"


def test_one_that_counts_and_has_no_result_is_named_and_nothing_is_written(
    lab: Lab, store: Store, tmp_path: Path
) -> None:
    handed_in.keep(store, "ada", at(20), {1: "return 2"}, number=2)
    with pytest.raises(LabError, match="1 hand-ins that count have not been graded") as caught:
        written(lab, store, tmp_path, "plain")
    assert caught.value.evidence == ["ada"]
    assert not (tmp_path / "grades.csv").exists()


def moodle_imports(text: str, users: Mapping[str, str], field: str) -> dict[str, float | None]:
    """What Moodle's import of grades as CSV does with a file, by its own rules: a new grade item, users by one field.

    A user that is not known ends the import; a cell without a user leaves the one of the line before; a dash is no
    grade; anything else must be a number, of 100 at most.
    """
    heading, *lines = csv.reader(io.StringIO(text))
    assert len(set(heading)) == len(heading)
    grades: dict[str, float | None] = {}
    user = None
    for line in lines:
        if len(line) <= 1:
            continue
        given = dict(zip(heading, (cell.strip() for cell in line), strict=True))
        if given[field] not in ("", "0"):  # to PHP both are empty
            assert given[field] in users, f"unknown user {given[field]}"
            user = users[given[field]]
        assert user, "no user"
        (value,) = (cell for name, cell in given.items() if name != field)
        assert value == "-" or 0 <= float(value) <= 100
        assert user not in grades
        grades[user] = None if value == "-" else float(value)
    return grades


def test_moodle_takes_the_file(lab: Lab, store: Store, tmp_path: Path) -> None:
    expected = {"ada": 100.0, "bob": 100.0, "carl": 70.0, "dora": 60.0, "eve": None}
    text = written(lab, store, tmp_path, "moodle")
    ids = {one.id_number: one.name for one in lab.students if one.id_number}
    assert moodle_imports(text, ids, "ID number") == expected
    without = Lab(lab.path, tuple(replace(one, id_number="") for one in lab.students))
    mails = {one.email: one.name for one in lab.students if one.email}
    assert moodle_imports(written(without, store, tmp_path, "moodle"), mails, "Email address") == expected
    names = Lab(lab.path, tuple(replace(one, id_number="", email="", username=f"{one.name}.x") for one in lab.students))
    users = {f"{one.name}.x": one.name for one in lab.students}
    assert moodle_imports(written(names, store, tmp_path, "moodle"), users, "Username") == expected
    with pytest.raises(AssertionError, match="unknown user 04"):
        moodle_imports(text, {key: name for key, name in ids.items() if name != "eve"}, "ID number")


def test_who_cannot_be_told_apart_is_refused(lab: Lab, store: Store, tmp_path: Path) -> None:
    ada, *others = lab.students
    nobody = replace(ada, id_number="", email="")
    for format_ in ("moodle", "canvas"):
        with pytest.raises(WrongRequest, match="cannot tell who these students are") as caught:
            written(Lab(lab.path, (nobody, *others)), store, tmp_path, format_)
        assert "ada" in caught.value.evidence[0]
    with pytest.raises(WrongRequest, match="the same ID number"):
        written(Lab(lab.path, (replace(ada, id_number="01"), *others)), store, tmp_path, "moodle")
    with pytest.raises(WrongRequest, match="the same SIS Login ID"):
        written(Lab(lab.path, (replace(ada, username="bob@school.example"), *others)), store, tmp_path, "canvas")
    with pytest.raises(WrongRequest, match="no format named 'excel'"):
        written(lab, store, tmp_path, "excel")
    assert not (tmp_path / "grades.csv").exists()


def test_canvas_takes_the_file(lab: Lab, store: Store, tmp_path: Path) -> None:
    heading, possible, *lines = csv.reader(io.StringIO(written(lab, store, tmp_path, "canvas")))
    assert heading == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "lesson04"]
    assert (possible[0].strip(), possible[-1]) == ("Points Possible", "100")
    assert lines[1] == ["Боб, Младший", "", "01", "bob@school.example", "", "100.00"]
    assert [line[-1] for line in lines] == ["100.00", "100.00", "70.00", "60.00", ""]
    named = Lab(lab.path, tuple(replace(one, username=f"u-{one.name}") for one in lab.students))
    assert ",u-bob,,100.00" in written(named, store, tmp_path, "canvas")


def test_an_id_number_that_moodle_takes_for_none_names_nobody(lab: Lab, store: Store, tmp_path: Path) -> None:
    ada, *others = lab.students
    zero = Lab(lab.path, (replace(ada, id_number="0"), *others))
    assert written(zero, store, tmp_path, "moodle").startswith("Email address,lesson04")


def answers(lesson: str = "lesson04") -> dict[int, str]:
    return handed_in.solutions(lesson)


def filled(lines: Mapping[int, str], lesson: str = "lesson04") -> dict[str, str]:
    source = exercise.text_of_program(lesson)
    program, task = (exercise.with_gaps(source, given) for given in (lines, None))
    return likeness.gaps_in(program, task)


def test_a_copy_is_listed_whatever_its_names_and_comments() -> None:
    own = answers()
    renamed = own[4].replace("delivered =", "mine =").replace("delivered.select", "mine.select") + "# all my own work\n"
    copied = {**own, 4: renamed, 5: own[5].replace("    counts", "     counts")}
    different = {1: 'return spark.readStream.table("x")', 2: "return records"}
    found = likeness.pairs({"ada": filled(own), "bob": filled(copied), "carl": filled(different), "dora": {}})
    (pair,) = found
    assert (pair.first, pair.second, pair.percent) == ("ada", "bob", 100)
    assert pair.same == ("parse", "read", "to_files") or "to_topic" not in pair.same


def test_scripts_of_sql_are_compared_by_their_gaps() -> None:
    own = answers("lesson09")
    noted = {**own, 3: f"-- my own; work\n{own[3]}"}
    given = {"ada": filled(own, "lesson09"), "bob": filled(noted, "lesson09"), "carl": filled({2: own[3]}, "lesson09")}
    assert sorted(given["carl"]) == ["gap 2"]
    (pair,) = likeness.pairs(given)
    assert (pair.first, pair.second, pair.percent) == ("ada", "bob", 100)
    assert pair.same == ("gap 1", "gap 2", "gap 4", "gap 5")


def test_open_gaps_and_what_is_no_python_are_like_nothing() -> None:
    assert filled({}) == {}
    assert sorted(filled({2: "return records"})) == ["parse"]
    assert likeness.gaps_in("def read(:\n", "") == {}
    nothing: dict[str, Any] = {"ada": filled({}), "bob": filled({})}
    assert likeness.pairs(nothing) == []


def test_pairs_that_are_alike_are_printed_and_change_no_grade(
    lab: Lab, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    store = Store("spring", str(tmp_path / "alike"))
    for name in ("ada", "bob"):
        graded(store, handed_in.keep(store, name, at(19), answers()), wrong=set())
    found = json.loads(written(lab, store, tmp_path, "json"))
    assert [one["grade"] for one in found["grades"]][:2] == [100, 100]
    said = capsys.readouterr().out
    assert "ada, bob  100 %" in said
    assert "this is no part of a grade" in said


def test_a_place_that_is_none_is_refused(lab: Lab, store: Store, tmp_path: Path, error_of: Callable) -> None:
    def to(place: str) -> None:
        gradebook.report(lab, "lesson04", to=place, format_="plain", from_=str(store.folder.parent))

    assert "cannot be written" in error_of(to, str(tmp_path / "none" / "g.csv"))
    assert "cannot be written" in error_of(to, str(tmp_path))
