"""One way to act on a stack: within a deadline, and whatever goes wrong is an error that people can read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
from docker.errors import APIError, DockerException

from streamlab import cancel
from streamlab.errors import LabError, WrongRequest
from streamlab.stacks import operation
from streamlab.stacks.operation import Access, Operation
from streamlab.students.student import Student

pytestmark = pytest.mark.usefixtures("alone")

#: Seconds after which a test that waits has failed.
SOON = 10
LESSON = Operation("lesson01", Access.USE, SOON)


def test_what_is_done_answers(student: Student) -> None:
    assert operation.act(lambda student: student.name, student, LESSON) == "ada"


def test_it_has_a_deadline(student: Student) -> None:
    def wait(student: Student) -> None:
        over = threading.Event()
        with cancel.waiting(over.set):
            assert over.wait(SOON)

    with pytest.raises(LabError, match="ada: lesson01 did not finish within 0 s"):
        operation.act(wait, student, replace(LESSON, seconds=0.1))


def raising(error: BaseException) -> Callable[[Student], None]:
    def fail(student: Student) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (APIError("500 Server Error", explanation="no space left"), "could not carry out a request\n  no space left"),
        (DockerException("the engine is gone"), "could not carry out a request\n  the engine is gone"),
        (ZeroDivisionError("no"), "failed with an unexpected error\n  ZeroDivisionError: no\n  streamlab/stacks/"),
    ],
)
def test_what_was_not_foreseen_is_an_error_in_three_parts(
    student: Student, error_of: Callable, raised: Exception, said: str
) -> None:
    assert said in error_of(operation.act, raising(raised), student, LESSON)


@pytest.mark.parametrize("raised", [WrongRequest("it does not fit"), BrokenPipeError(), KeyboardInterrupt()])
def test_what_means_something_stays_what_it_is(student: Student, raised: BaseException) -> None:
    with pytest.raises(type(raised)) as caught:
        operation.act(raising(raised), student, LESSON)
    assert caught.value is raised
