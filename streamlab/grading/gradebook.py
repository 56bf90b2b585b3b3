"""`invoke gradebook`: a class's grades for one lesson as a table, for people and for Moodle, Canvas and programs.

Deadlines and points are applied here. Whoever has handed in nothing has no grade, which is not the grade 0.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC

from streamlab.errors import LabError, WrongRequest, unknown
from streamlab.grading import likeness, points
from streamlab.grading.deadlines import Deadline, counting, deadline_of
from streamlab.grading.grade import seed_of
from streamlab.grading.packing import Contents
from streamlab.grading.store import HandIn, Store
from streamlab.lessons import exercise
from streamlab.paths import private_file, typed
from streamlab.students.inventory import Lab
from streamlab.students.student import Student
from streamlab.ui import say, table
from streamlab.work.check_table import as_csv


@dataclass(frozen=True)
class Row:
    """One student's grade.

    Args:
        hand_in: the one that counts; None where there is none.
        points: of 100, before anything is taken off; None where it has not been graded.
        deduction: points of 100 that are taken off, for being late.
    """

    student: Student
    hand_in: HandIn | None = None
    points: float | None = None
    deduction: int = 0

    @property
    def grade(self) -> float | None:
        """Points of 100; None where there is no grade."""
        return None if self.points is None else max(0.0, round(self.points - self.deduction, 2))

    @property
    def received_at(self) -> str | None:
        return self.hand_in.received_at.astimezone(UTC).isoformat() if self.hand_in else None

    @property
    def name(self) -> str:
        return self.student.roster_name or self.student.name


def report(
    lab: Lab, lesson: str, *, to: str | None, format_: str, from_: str | None = None, deadlines: str | None = None
) -> None:
    """Print the grades and the pairs of hand-ins that are alike, and write the grades to a file.

    Raises:
        WrongRequest: there is no such format or lesson, or the format needs what the inventory does not say.
        LabError: a hand-in that counts has not been graded; nothing was written.
    """
    if format_ not in FORMATS:
        raise unknown("format", format_, FORMATS, usage="--format {}")
    exercise.load(lesson)
    students, store = lab.students, Store(lab.students[0].lab_class, from_)
    names = [one.name for one in students]
    due = deadline_of(lesson, deadlines, lab.path, lab_class=students[0].lab_class, students=names)
    found = [one for one in store.hand_ins(lesson) if one.student in names]
    made = rows(students, store, counting(found, due), due)
    text = FORMATS[format_](lesson, made)
    say(table(["student", "hand-in", "received (UTC)", "points", "late", "grade"], [_shown(row) for row in made]))
    handed_in = {row.student.name: store.contents(row.hand_in) for row in made if row.hand_in}
    alike = likeness.pairs({name: likeness.gaps_in(one.program, task_of(one)) for name, one in handed_in.items()})
    if alike:
        say("\nalike, to be looked at by a person; this is no part of a grade:")
        headings = ["students", "likeness", "the same word for word"]
        say(table(headings, [[f"{p.first}, {p.second}", f"{p.percent} %", ", ".join(p.same)] for p in alike]))
    missing = [row.student.name for row in made if row.hand_in and row.points is None]
    if missing:
        raise LabError(
            f"{len(missing)} hand-ins that count have not been graded",
            evidence=", ".join(missing),
            fix=f"invoke grade --job {lesson}",
        )
    if to:
        _write(to, text)


def task_of(contents: Contents) -> str:
    """The exercise's program as it was given out to a student."""
    program = exercise.with_gaps(exercise.text_of_program(contents.lesson))
    return exercise.files(contents.lesson, contents.job, program)[exercise.source(contents.lesson).name]


def rows(students: Sequence[Student], store: Store, counts: Mapping[str, HandIn], due: Deadline | None) -> list[Row]:
    """A row for each student, in the class's order."""
    made = []
    for student in students:
        hand_in = counts.get(student.name)
        result = store.result(hand_in, seed=seed_of(store, hand_in)) if hand_in else None
        got = points.percent(points.of(hand_in.lesson, result["assertions"])) if hand_in and result else None
        made.append(Row(student, hand_in, got, due.deduction(hand_in) if due and hand_in else 0))
    return made


def _shown(row: Row) -> list[str]:
    if row.hand_in is None:
        return [row.student.name, "none", "", "", "", "-"]
    at = f"{row.hand_in.received_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    late = f"-{row.deduction}" if row.deduction else ""
    graded = ["not yet", late, "-"] if row.points is None else [f"{row.points:g}", late, f"{row.grade:g}"]
    return [row.student.name, str(row.hand_in.number), at, *graded]


def _write(to: str, text: str) -> None:
    place = typed(to)
    if not place.parent.is_dir() or place.is_dir():
        raise WrongRequest(f"--to {to} cannot be written", evidence=f"{place} is no place for a file", fix="--to g.csv")
    with private_file(place) as file:
        file.write(text.encode("utf-8"))
    say(f"\n{place}: written")


def moodle(lesson: str, made: Sequence[Row]) -> str:
    """As Moodle's import of grades takes it: one column says who somebody is, a grade is of 100, `-` is no grade.

    An unknown user ends the whole import, and a line whose user is empty would go to the student of the line before: so
    everybody is named in the same way, by what all of the class have, and nobody may lack it. PHP takes "0" for empty.

    Raises:
        WrongRequest: there is nothing by which all are named, or two are named alike.
    """
    for heading, key in (("ID number", _id_number), ("Email address", _email), ("Username", _username)):
        if all(key(row.student) not in ("", "0") for row in made):
            _require_different([key(row.student) for row in made], heading)
            return as_csv([[heading, lesson], *([key(row.student), _number(row.grade, "-")] for row in made)])
    raise _unnamed("Moodle", made)


def canvas(lesson: str, made: Sequence[Row]) -> str:
    """As Canvas imports a gradebook: five columns about the student, of which the ids of the school's system count.

    Canvas asks for the SIS User ID, then for the SIS Login ID, which is a user name or an e-mail. Whom it knows by
    neither it takes for whoever has the same name.

    Raises:
        WrongRequest: somebody has none of these, or two have the same.
    """
    if any(not (_id_number(row.student) or _login(row.student)) for row in made):
        raise _unnamed("Canvas", made)
    for heading, key in (("SIS User ID", _id_number), ("SIS Login ID", _login)):
        _require_different([key(row.student) for row in made if key(row.student)], heading)
    lines = [[row.name, "", _id_number(row.student), _login(row.student), "", _number(row.grade, "")] for row in made]
    headings = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", lesson]
    return as_csv([headings, ["    Points Possible", "", "", "", "", "100"], *lines])


def plain(lesson: str, made: Sequence[Row]) -> str:
    """For a spreadsheet: the lab's own names, and how each grade came about."""
    lines = [
        [
            row.student.name, row.name, lesson, row.received_at or "", _number(row.points, ""), str(row.deduction),
            _number(row.grade, ""),
        ]
        for row in made
    ]  # fmt: skip
    return as_csv([["student", "name", "lesson", "received_at", "points", "deduction", "grade"], *lines])


def as_json(lesson: str, made: Sequence[Row]) -> str:
    """For programs: ``{"lesson", "grades": [{"student", "name", "received_at", "clock", "sha256", "points",
    "deduction", "grade"}]}``; `null` where there is none."""
    grades = [
        {
            "student": row.student.name, "name": row.name,
            "received_at": row.received_at,
            "clock": row.hand_in.clock if row.hand_in else None,
            "sha256": row.hand_in.sha256 if row.hand_in else None,
            "points": row.points, "deduction": row.deduction, "grade": row.grade,
        }
        for row in made
    ]  # fmt: skip
    return json.dumps({"lesson": lesson, "grades": grades}, indent=2, ensure_ascii=False) + "\n"


FORMATS: Mapping[str, Callable[[str, Sequence[Row]], str]] = {
    "plain": plain, "moodle": moodle, "canvas": canvas, "json": as_json,
}  # fmt: skip


def _id_number(student: Student) -> str:
    return student.id_number


def _email(student: Student) -> str:
    return student.email


def _username(student: Student) -> str:
    return student.username


def _login(student: Student) -> str:
    return student.username or student.email


def _unnamed(platform: str, made: Sequence[Row]) -> WrongRequest:
    without = [row.student.name for row in made if not (_id_number(row.student) or _login(row.student))]
    return WrongRequest(
        f"{platform} cannot tell who these students are",
        evidence=f"without id_number, email and username: {', '.join(without)}"
        if without
        else "everybody has an id_number, an email or a username, and nothing is there for all",
        fix="make the roster with a column `id_number`, `email` or `username`, or add one to each student by hand",
    )


def _number(value: float | None, none: str) -> str:
    return none if value is None else f"{value:.2f}"


def _require_different(values: Sequence[str], what: str) -> None:
    twice = sorted({one for one in values if values.count(one) > 1})
    if twice:
        raise WrongRequest(
            f"several students have the same {what}", evidence=", ".join(twice), fix="correct the roster"
        )
