"""One command for many students: how many at a time, what is told of each, and how Ctrl-C ends them."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from docker.errors import DockerException

from streamlab import interrupt
from streamlab.errors import LabError, WrongRequest
from streamlab.students import many
from streamlab.students.topology import Student
from streamlab.ui import progress, say

#: Seconds after which a test that waits has failed.
SOON = 10


@pytest.fixture
def students(student: Student) -> list[Student]:
    return [replace(student, name=name) for name in ("ada", "bob", "carl", "dora", "eve", "finn")]


def told(text: str) -> str:
    """What was printed, with every number of seconds as 0."""
    return re.sub(r" *\d+\.\d s", " 0 s", text)


def test_each_student_has_one_line_and_all_a_summary(students: list[Student], capsys: pytest.CaptureFixture) -> None:
    def work(student: Student) -> None:
        with progress("work") as line:
            line.update("half of it")
        say(f"began for {student.name}")
        say(f"  ended for {student.name}")

    many.each(students[:2], work, what="lesson01")
    *lines, summary = told(capsys.readouterr().out).splitlines()
    assert sorted(lines) == ["ada           done 0 s  ended for ada", "bob           done 0 s  ended for bob"]
    assert summary == "lesson01: 2 of 2 students done in 0 s"


def test_of_a_single_student_everything_is_told(students: list[Student], capsys: pytest.CaptureFixture) -> None:
    def work(student: Student) -> None:
        say("  half of it")
        raise WrongRequest("it does not fit")

    with pytest.raises(WrongRequest, match="it does not fit"):
        many.each(students[:1], work, what="lesson01")
    assert capsys.readouterr().out == "  half of it\n"


def test_the_others_go_on_and_every_failure_is_told_in_full(
    students: list[Student], error_of: Callable, capsys: pytest.CaptureFixture
) -> None:
    def work(student: Student) -> None:
        if student.name == "bob":
            raise LabError("it ended FAILED", evidence=["Traceback", "  in line 3", "ValueError: no"], fix="mend it")
        if student.name == "carl":
            raise DockerException("the way to the engine broke down")

    assert error_of(many.each, students[:3], work, what="lesson01") == (
        "error: lesson01: 2 of 3 students failed\n"
        "  bob, carl\n"
        "  fix: mend the causes above, then repeat it for them alone: --limit bob,carl"
    )
    printed = capsys.readouterr()
    assert sorted(told(printed.out).splitlines()) == [
        "ada           done 0 s",
        "bob           FAILED 0 s  it ended FAILED: ValueError: no",
        "carl          FAILED 0 s  carl: the Docker host unix:///var/run/docker.sock did not do what it was asked: "
        "the way to the engine broke down",
        "lesson01: 1 of 3 students done in 0 s",
    ]
    blocks = sorted(printed.err.strip("\n").split("\n\n"))
    assert blocks[0] == "bob\nerror: it ended FAILED\n  Traceback\n    in line 3\n  ValueError: no\n  fix: mend it"
    assert blocks[1].startswith("carl\nerror: carl: the Docker host")


def test_a_mistake_of_ours_is_not_taken_for_a_student_s_failure(students: list[Student]) -> None:
    def work(student: Student) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        many.each(students, work, what="lesson01")


def test_only_so_many_have_their_turn_at_once_on_each_docker_host(students: list[Student]) -> None:
    second = [replace(student, name=f"{student.name}2", docker_host="ssh://lab@second") for student in students]
    bound = {students[0].docker_host: 2, "ssh://lab@second": 1}
    lock, now, most = threading.Lock(), dict.fromkeys(bound, 0), dict.fromkeys(bound, 0)

    def work(student: Student) -> str:
        with lock:
            now[student.docker_host] += 1
            most[student.docker_host] = max(most[student.docker_host], now[student.docker_host])
        time.sleep(0.02)
        with lock:
            now[student.docker_host] -= 1
        return student.name

    outcomes = many.run([*students, *second], work, what="lesson01", at_once=bound.get)
    assert {outcome.answer for outcome in outcomes} == {student.name for student in (*students, *second)}
    assert most == bound


class Run:
    """What a turn waits for, as a command in a node: it ends when it is told to, and does not hear an exception."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.ends = 0

    def wait(self) -> None:
        with interrupt.waiting(self.end):
            assert self.over.wait(SOON)

    def end(self) -> None:
        self.ends += 1
        self.over.set()


def test_ctrl_c_ends_what_runs_lets_it_clean_up_and_begins_no_other(
    students: list[Student], capsys: pytest.CaptureFixture, heard_ctrl_c: None
) -> None:
    runs = {student.name: Run() for student in students}
    both_run = threading.Barrier(3)
    cleaned: list[str] = []

    def work(student: Student) -> None:
        both_run.wait(SOON)
        try:
            runs[student.name].wait()
        except KeyboardInterrupt:
            kill = Run()
            threading.Timer(0.1, kill.over.set).start()
            kill.wait()  # what cleans up is waited for, and not interrupted again
            cleaned.append(f"{student.name} {kill.ends}")
            say(f"ended {student.name}'s")
            raise

    def press() -> None:
        both_run.wait(SOON)
        time.sleep(0.1)  # until both wait for their runs
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    threading.Thread(target=press).start()
    with pytest.raises(KeyboardInterrupt):
        many.each(students, work, what="lesson01", at_once=lambda docker_host: 2)
    assert sorted(cleaned) == ["ada 0", "bob 0"]
    assert [runs[student.name].ends > 0 for student in students] == [True, True, False, False, False, False]
    assert sorted(told(capsys.readouterr().out).splitlines()) == [
        "ada           ENDED 0 s  ended ada's",
        "bob           ENDED 0 s  ended bob's",
    ]


def test_a_turn_that_is_between_two_waits_hears_of_it_at_the_next() -> None:
    ear, later = interrupt.Interrupt(), Run()
    with interrupt.hearing(ear):
        ear.interrupt()
        with pytest.raises(KeyboardInterrupt):
            later.wait()
    assert later.ends == 0


def test_a_wait_that_ended_by_itself_is_interrupted_none_the_less() -> None:
    """Its command was ended and looks like one that failed: what follows must not take it for a failure."""
    ear = interrupt.Interrupt()

    def ended() -> None:
        with interrupt.waiting(lambda: None):
            ear.interrupt()
            raise LabError("no answer")

    with interrupt.hearing(ear), pytest.raises(KeyboardInterrupt):
        ended()


def test_without_an_ear_nothing_changes() -> None:
    run = Run()
    run.over.set()
    run.wait()
    assert run.ends == 0
