"""One operation on many stacks: how many at a time, what fails for one of them, and how it is cancelled."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from docker.errors import DockerException

from streamlab import cancel
from streamlab.engines import engine
from streamlab.errors import LabError, WrongRequest
from streamlab.stacks import parallel
from streamlab.stacks.operation import Access, Operation
from streamlab.students.student import Student
from streamlab.ui import progress, say

pytestmark = pytest.mark.usefixtures("reached")

#: Seconds after which a test that waits has failed.
SOON = 10
LESSON = Operation("lesson01", Access.USE, SOON)


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

    parallel.each(students[:2], work, LESSON)
    *lines, summary = told(capsys.readouterr().out).splitlines()
    assert sorted(lines) == ["ada           done 0 s  ended for ada", "bob           done 0 s  ended for bob"]
    assert summary == "lesson01: 2 of 2 students done in 0 s"


def test_of_a_single_student_everything_is_told(students: list[Student], capsys: pytest.CaptureFixture) -> None:
    def work(student: Student) -> None:
        say("  half of it")
        raise WrongRequest("it does not fit")

    with pytest.raises(WrongRequest, match="it does not fit"):
        parallel.each(students[:1], work, LESSON)
    assert capsys.readouterr().out == "  half of it\n"


def test_the_others_go_on_and_every_failure_is_told_in_full(
    students: list[Student], error_of: Callable, capsys: pytest.CaptureFixture
) -> None:
    def work(student: Student) -> None:
        if student.name == "bob":
            raise LabError("it ended FAILED", evidence=["Traceback", "  in line 3", "ValueError: no"], fix="mend it")
        if student.name == "carl":
            raise DockerException("the way to the engine broke down")

    assert error_of(parallel.each, students[:3], work, LESSON) == (
        "error: lesson01: 2 of 3 students failed\n"
        "  bob, carl\n"
        "  fix: fix the causes above, then repeat it for them alone: --limit bob,carl"
    )
    printed = capsys.readouterr()
    assert sorted(told(printed.out).splitlines()) == [
        "ada           done 0 s",
        "bob           FAILED 0 s  it ended FAILED: ValueError: no",
        "carl          FAILED 0 s  carl: the Docker Engine at unix:///var/run/docker.sock could not carry out a "
        "request: the way to the engine broke down",
        "lesson01: 1 of 3 students done in 0 s",
    ]
    blocks = sorted(printed.err.strip("\n").split("\n\n"))
    assert blocks[0] == "bob\nerror: it ended FAILED\n  Traceback\n    in line 3\n  ValueError: no\n  fix: mend it"
    assert blocks[1].startswith("carl\nerror: carl: the Docker Engine at")


def test_whatever_goes_wrong_for_one_is_that_one_s_error(
    students: list[Student], capsys: pytest.CaptureFixture
) -> None:
    """Of whatever type: a mistake of ours must not cost five others their turn."""
    done = []

    def work(student: Student) -> None:
        if student.name == "bob":
            raise ZeroDivisionError("no")
        if student.name == "carl":
            raise BrokenPipeError("the engine is gone")
        done.append(student.name)

    with pytest.raises(LabError, match="2 of 6 students failed") as caught:
        parallel.each(students, work, LESSON)
    assert caught.value.evidence == ["bob, carl"]
    assert sorted(done) == ["ada", "dora", "eve", "finn"]
    said = capsys.readouterr().err
    assert "ZeroDivisionError: no" in said
    assert "test_parallel.py:" in said  # where to look
    assert "the engine is gone" in said


def test_what_is_wrong_for_everybody_is_a_wrong_request(students: list[Student]) -> None:
    def work(student: Student) -> None:
        raise WrongRequest("no stack")

    with pytest.raises(WrongRequest, match="6 of 6 students failed"):
        parallel.each(students, work, LESSON)


def test_a_turn_has_a_deadline(students: list[Student]) -> None:
    def work(student: Student) -> None:
        Run().wait()

    short = replace(LESSON, seconds=0.1)
    for chosen in (students[:1], students[:2]):
        outcomes = parallel.run(chosen, work, short)
        assert [str(outcome.error).splitlines()[0] for outcome in outcomes] == [
            f"error: {student.name}: lesson01 did not finish within 0 s" for student in chosen
        ]


def test_a_docker_host_that_does_not_answer_costs_its_own_students_alone(
    students: list[Student], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = [replace(student, docker_host="ssh://lab@gone") for student in students[:3]]
    error = engine.NoEngine("no Docker Engine answers at ssh://lab@gone")
    monkeypatch.setattr(engine, "unreachable", lambda targets: {"ssh://lab@gone": error})
    outcomes = parallel.run([*gone, *students[3:]], lambda student: student.name, LESSON)
    assert [outcome.answer for outcome in outcomes] == [None, None, None, "dora", "eve", "finn"]
    assert {outcome.error for outcome in outcomes} == {error, None}


def test_only_so_many_have_their_turn_at_once_on_each_docker_host(
    students: list[Student], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "unreachable", lambda targets: {})
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

    outcomes = parallel.run([*students, *second], work, replace(LESSON, at_once=bound.get))
    assert {outcome.answer for outcome in outcomes} == {student.name for student in (*students, *second)}
    assert most == bound


class Run:
    """What a turn waits for, as a command in a node: it ends when it is told to, and knows no exceptions."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.ends = 0

    def wait(self) -> None:
        with cancel.waiting(self.end):
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
        parallel.each(students, work, replace(LESSON, at_once=lambda docker_host: 2))
    assert sorted(cleaned) == ["ada 0", "bob 0"]
    assert [runs[student.name].ends > 0 for student in students] == [True, True, False, False, False, False]
    assert sorted(told(capsys.readouterr().out).splitlines()) == [
        "ada           ENDED 0 s  ended ada's",
        "bob           ENDED 0 s  ended bob's",
    ]


def test_a_turn_that_is_between_two_waits_is_cancelled_at_the_next() -> None:
    token, later = cancel.CancelToken(), Run()
    with cancel.cancellable(token):
        token.cancel()
        with pytest.raises(KeyboardInterrupt):
            later.wait()
    assert later.ends == 0


def test_a_wait_that_ended_by_itself_is_cancelled_none_the_less() -> None:
    """Its command was ended and looks like one that failed: what follows must not take it for a failure."""
    token = cancel.CancelToken()

    def ended() -> None:
        with cancel.waiting(lambda: None):
            token.cancel()
            raise LabError("no answer")

    with cancel.cancellable(token), pytest.raises(KeyboardInterrupt):
        ended()


def test_without_a_token_nothing_changes() -> None:
    run = Run()
    run.over.set()
    run.wait()
    assert run.ends == 0


def test_a_repeated_turn_waits_for_nobody_else_s_and_ctrl_c_ends_all(students: list[Student]) -> None:
    """The second of two turns at a time goes on where the first is stuck."""
    stuck, counts = threading.Event(), dict.fromkeys("abce", 0)

    def work(student: Student) -> None:
        if student.name == "ada":
            with cancel.waiting(stuck.set):
                stuck.wait(SOON)

    def finished(student: Student, outcome: parallel.Outcome) -> float:
        counts[student.name[0]] += 1
        assert outcome.error is None
        if counts["b"] == 3:
            raise KeyboardInterrupt
        return 0.01

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        parallel.repeat(students[:2], work, replace(LESSON, at_once=lambda docker_host: 2), finished=finished)
    assert time.monotonic() - began < SOON
    assert stuck.is_set()
    assert counts["a"] == 0
