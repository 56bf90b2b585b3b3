"""`invoke check` for many students: a table of students by lessons, for people, as CSV or as JSON."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streamlab.engines import engine, labelled
from streamlab.errors import LabError, WrongRequest
from streamlab.lessons.jobs import Job
from streamlab.stacks import parallel
from streamlab.stacks.operation import Access, Operation
from streamlab.students.student import Student
from streamlab.ui import say, table
from streamlab.work import check

#: As `--csv`: the standard output.
STDOUT = "-"
CHECK = Operation("check", Access.USE)

Target = tuple[Job, str]


@dataclass(frozen=True)
class Cell:
    """What a check of one lesson came to for one student."""

    verdict: str
    assertions: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    why: str = ""

    @property
    def passed(self) -> bool:
        return self.verdict == "passed"


Row = Mapping[str, Cell]


def report(students: Sequence[Student], name: str | None, *, as_json: bool, csv_file: str | None) -> None:
    """Check one lesson, one step of it, or without a name every lesson, for every student, and print the table.

    Args:
        csv_file: where the table goes as CSV; `-` is the standard output, and then nothing else is printed there.

    Raises:
        WrongRequest: the CSV cannot be written there; nothing was checked.
        LabError: a cell is not `passed`.
    """
    if csv_file == STDOUT and as_json:
        raise WrongRequest("--csv - and --json both write to standard output", fix="give --csv a file")
    place = _place(csv_file) if csv_file not in (None, STDOUT) else None
    asked = check.asked(name)
    expected = {
        student.name: [target for target in asked if name or check.can_run(student, target[0])] for student in students
    }
    rows = ask(students, expected)
    lessons = [label(target) for target in asked if any(target in targets for targets in expected.values())]
    headings = ["student", *lessons]
    cells = [
        [student, *(row[lesson].verdict if lesson in row else "" for lesson in lessons)]
        for student, row in rows.items()
    ]
    if place:
        _write(place, as_csv([headings, *cells]))
    if csv_file == STDOUT:
        say(as_csv([headings, *cells]).rstrip("\n"))
    else:
        say(json.dumps(document(rows), indent=2) if as_json else table(headings, cells))
    problem = failure(rows)
    if problem:
        raise problem


def label(target: Target) -> str:
    """A column's heading: the lesson, or the step of it that alone is checked."""
    job, step = target
    return f"{job.name}/{step}" if step else job.name


def ask(students: Sequence[Student], expected: Mapping[str, Sequence[Target]]) -> dict[str, Row]:
    """Student -> lesson -> cell, in the order of `students`, of the lessons that are expected of each."""
    outcomes = parallel.run(students, lambda student: row(student, expected[student.name]), CHECK)
    return {
        outcome.name: _row_of(expected[outcome.name], _failed(outcome.error)) if outcome.error else outcome.answer
        for outcome in outcomes
    }


def row(student: Student, targets: Sequence[Target]) -> Row:
    """One student's cells. Where there is no stack to ask, all say so."""
    absent = _absent(student)
    if absent:
        return _row_of(targets, absent)
    return {label(target): _cell(student, target) for target in targets}


def _row_of(targets: Sequence[Target], cell: Cell) -> Row:
    return dict.fromkeys(map(label, targets), cell)


def _failed(error: LabError) -> Cell:
    verdict = "unreachable" if isinstance(error, engine.NoEngine) else "no answer"
    return Cell(verdict, why=f"{error.what}: {' '.join(error.evidence)}")


def _absent(student: Student) -> Cell | None:
    with engine.connect(student.docker_host) as client:
        found = labelled.summaries(client, student)
    if not found:
        return Cell("no stack")
    return Cell("suspended") if labelled.is_suspended(found) else None


def _cell(student: Student, target: Target) -> Cell:
    try:
        found = check.check(student, *target)
    except LabError as error:
        return Cell("no answer", why=f"{error.what}: {' '.join(error.evidence[-1:])}")
    assertions = found["assertions"]
    wrong = sum(not assertion["passed"] for assertion in assertions)
    return Cell(f"{wrong} of {len(assertions)} wrong" if wrong else "passed", assertions)


def document(rows: Mapping[str, Row]) -> dict[str, Any]:
    """The table as JSON has it.

    Returns:
        ``{"students": [{"name", "passed", "lessons": {lesson: {"verdict", "passed", "assertions", "why"}}}]}``; `why`
        is empty where the check was answered.
    """
    return {
        "students": [
            {
                "name": name,
                "passed": all(cell.passed for cell in row.values()),
                "lessons": {
                    lesson: {
                        "verdict": cell.verdict,
                        "passed": cell.passed,
                        "assertions": list(cell.assertions),
                        "why": cell.why,
                    }
                    for lesson, cell in row.items()
                },
            }
            for name, row in rows.items()
        ]
    }


def as_csv(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _place(file: str) -> Path:
    """Where the CSV goes, known to be a place for a file before minutes are spent on checks."""
    place = Path(file).expanduser().resolve()
    if not place.parent.is_dir() or (place.exists() and not place.is_file()):
        what = "is no file" if place.exists() else f"has no folder {place.parent}"
        raise WrongRequest(f"--csv {file} cannot be written", evidence=f"{place} {what}", fix="--csv results.csv")
    return place


def _write(place: Path, text: str) -> None:
    """Write the file whole, or leave the one that was there."""
    partial = place.with_name(f".{place.name}.{os.getpid()}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(place)
    except OSError as error:
        raise LabError(
            f"{place} cannot be written", evidence=error.strerror or str(error), fix="choose another --csv"
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def failure(rows: Mapping[str, Row]) -> LabError | None:
    """The error for a table in which something is not `passed`: a line for each student of whom that is so."""
    bad = [name for name, row in rows.items() if not all(cell.passed for cell in row.values())]
    if not bad:
        return None
    first = next(lesson for lesson, cell in rows[bad[0]].items() if not cell.passed)
    return LabError(
        f"{len(bad)} of {len(rows)} students did not pass",
        evidence=[f"{name}: {_told(rows[name])}" for name in bad],
        fix=f"invoke check --student {bad[0]} --job {first} says what is wrong, and where to look",
    )


def _told(row: Row) -> str:
    """What is not passed, lesson by lesson; in short, where no check could be asked or the table says it all."""
    said = {lesson: ": ".join(filter(None, (cell.verdict, cell.why))) for lesson, cell in row.items()}
    if not any(cell.assertions for cell in row.values()) and len(set(said.values())) == 1:
        return next(iter(said.values()))
    wrong = [f"{lesson} {text}" for lesson, text in said.items() if not row[lesson].passed]
    return ", ".join(wrong) if len(wrong) < 3 else f"{len(wrong)} of {len(row)} lessons"
