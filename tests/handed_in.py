"""Hand-ins for tests: an exercise with some gaps filled in, kept as if it had been received at a given time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from streamlab.grading.store import CONTROL_MACHINE, HandIn, Store
from streamlab.lessons import exercise
from streamlab.lessons.bundle import Bundle, zip_of


def solutions(lesson: str = "lesson04") -> dict[int, str]:
    """The right lines of each gap."""
    return exercise.solutions(exercise.text_of_program(lesson))


def packed(filled: Mapping[int, str] | None = None, *, lesson: str = "lesson04", job: str = "my04") -> Bundle:
    """The zip of a folder in which these gaps are filled in."""
    program = exercise.with_gaps(exercise.text_of_program(lesson), filled)
    return zip_of({f"{job}/{path}": text.encode() for path, text in exercise.files(lesson, job, program).items()})


def keep(
    store: Store,
    student: str,
    at: datetime,
    filled: Mapping[int, str] | None = None,
    *,
    lesson: str = "lesson04",
    number: int = 1,
) -> HandIn:
    """Keep a hand-in in a store, and return its record."""
    zipped = packed(filled, lesson=lesson)
    made = HandIn(student, "my04", lesson, number, at, CONTROL_MACHINE, zipped.sha256, len(zipped.data))
    store.add(made, zipped.data)
    return made
