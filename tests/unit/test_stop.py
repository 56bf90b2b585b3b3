"""A stream that does not end when it is asked to is killed, and what is said of that is what happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from streamlab.engines.inside import Result
from streamlab.errors import LabError
from streamlab.lessons import jobs
from streamlab.students.student import Student
from streamlab.work import stop


@pytest.fixture
def stubborn(monkeypatch: pytest.MonkeyPatch, student: Student) -> Callable[[Result], None]:
    """lesson08/score runs and does not end; what `yarn application -kill` comes to is what the test says."""

    def of(killed: Result) -> None:
        def answer(*_: Any, **__: Any) -> None:
            raise LabError("application_1_7 was still RUNNING after 90 s")

        @contextmanager
        def opened(student: Student) -> Iterator[Any]:
            yield SimpleNamespace(edge=None, answer=answer)

        monkeypatch.setattr(stop, "open_stack", opened)
        monkeypatch.setattr(stop, "running_of", lambda stack, steps: {"ada-lesson08-score": "application_1_7"})
        monkeypatch.setattr(stop, "run_inside", lambda node, argv, seconds: killed)

    return of


def test_what_does_not_end_is_killed(stubborn: Callable, student: Student, error_of: Callable) -> None:
    stubborn(Result(0, "", ""))
    assert error_of(stop.stop, student, *jobs.find("lesson08")) == (
        "error: lesson08/score: application_1_7 did not stop by itself and was killed\n"
        "  application_1_7 was still RUNNING after 90 s\n"
        "  fix: what it had finished is kept; the whole log: invoke logs --app application_1_7"
    )


def test_what_cannot_be_killed_either_is_not_said_to_be(
    stubborn: Callable, student: Student, error_of: Callable
) -> None:
    stubborn(Result(1, "", "the ResourceManager does not answer\n"))
    assert error_of(stop.stop, student, *jobs.find("lesson08")).splitlines()[:2] == [
        "error: lesson08/score: application_1_7 did not stop by itself, and could not be killed",
        "  the ResourceManager does not answer",
    ]
