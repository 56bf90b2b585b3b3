"""A step is handed over to YARN: the options of spark-submit, what is said on the way, and for whom."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from streamlab.edge.room import Room
from streamlab.engines.inside import Result
from streamlab.errors import WrongRequest
from streamlab.lessons.bundle import Bundle
from streamlab.lessons.jobs import Preset, Step
from streamlab.stacks import capacity
from streamlab.stacks.operation import Access, Operation
from streamlab.students.inventory import Lab
from streamlab.students.student import Student
from streamlab.work import follow, submit
from streamlab.work.request import request

ML = Preset("ml", 1024, 1, 1, 1536, 2, overhead_mb=384, shuffle_partitions=4)
SCORE = Step(job="lesson08", name="score", title="t", preset="ml", timeout=9, streaming=True)
FREE = Room(free_mb=[4096], free_vcores=[8], step_mb=128, total_mb=4096)


def test_the_options_of_a_step(student: Student) -> None:
    assert submit.spark_options(student, SCORE, ML) == [
        *("--deploy-mode", "cluster", "--name", "ada-lesson08-score"),
        *("--driver-memory", "1024m", "--driver-cores", "1"),
        *("--num-executors", "1", "--executor-memory", "1536m", "--executor-cores", "2"),
        *("--conf", "spark.driver.memoryOverhead=384m", "--conf", "spark.executor.memoryOverhead=384m"),
        *("--conf", "spark.sql.shuffle.partitions=4", "--conf", "spark.yarn.submit.waitAppCompletion=false"),
    ]


def test_yarn_keeps_which_optional_services_an_application_needs(student: Student) -> None:
    options = submit.spark_options(student, SCORE, ML, ("flink", "hbase"))
    assert options[options.index("spark.yarn.tags=needs-flink,needs-hbase") - 1] == "--conf"


def test_the_application_is_read_from_what_spark_submit_says() -> None:
    said = (
        "25/01/01 10:00:00 INFO Client: Submitting application application_1735725600000_0012 to ResourceManager\n"
        "25/01/01 10:00:01 INFO YarnClientImpl: Submitted application application_1735725600000_0012\n"
    )
    assert submit.application_id(said) == "application_1735725600000_0012"
    assert submit.application_id("Error: Master must start with yarn") is None


def test_the_launcher_s_last_line_is_what_the_program_looks_for() -> None:
    from common.outcome import OUTCOME_MARK
    from edge.follow import OUTCOME

    assert follow.OUTCOME == OUTCOME_MARK == OUTCOME


def test_both_sides_give_an_application_one_name(student: Student) -> None:
    from common.settings import application_name

    assert submit.application_name(student, SCORE) == application_name("ada", "lesson08", "score")


@pytest.fixture
def hand_over(student: Student, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Hands lesson08/score over to an edge node that says these lines, and then ends with `code`, or is interrupted."""
    ran: list[list[str]] = []

    def run_inside(edge: None, command: list[str], *, seconds: int) -> Result:
        ran.append(command)
        return Result(0, "", "")

    def call(*lines: dict | str | tuple[str, str], code: int | None = 0) -> str:
        def python(
            module: str, request: str, *, seconds: int, about: str, zips: Any, tell: Callable, printed: Callable
        ) -> Result:
            assert (module, about) == ("edge.submit", "lesson08/score")
            asked.update(json.loads(request))
            for line in lines:
                tell(line) if isinstance(line, dict) else printed(*line)
            if code is None:
                raise KeyboardInterrupt
            return Result(
                code, "", "\n".join(line[1] for line in lines if isinstance(line, tuple) and line[0] == "err")
            )

        lines = [("err", line) if isinstance(line, str) else line for line in lines]
        stack = SimpleNamespace(student=student, edge=None, python=python)
        wanted = request("lesson08/score", given=["per_batch=7"])
        return submit._hand_over(stack, wanted.steps[0], wanted, Bundle(b"1" * 2048, "a" * 64))

    asked: dict[str, Any] = {}
    call.asked, call.ran = asked, ran
    monkeypatch.setattr(follow, "run_inside", run_inside)
    return call


FITS = {"fits": True, "room": asdict(replace(FREE, running=[], unhealthy=[]))}
UPLOADED = {"bundle": "a" * 64, "uploaded": False}
TAKEN = "INFO Client: Submitting application application_1_7 to ResourceManager"


def test_what_is_handed_over_is_told_as_it_is_done(hand_over: Callable, capsys: pytest.CaptureFixture) -> None:
    assert hand_over({"waiting": "YARN"}, FITS, {"made": "topic x: made"}, UPLOADED, TAKEN) == "application_1_7"
    assert capsys.readouterr().out == (
        "lesson08/score for ada, preset ml\n  topic x: made\n  bundle aaaaaaaaaaaa: already there (2 kB)\n"
    )
    asked = hand_over.asked
    assert (asked["step"], asked["typed"]) == ("lesson08/score", "lesson08")
    assert asked["arguments"] == ["--set", "per_batch=7"]
    assert not asked["continuous"]
    assert asked["containers"] == [[1408, 1], [1920, 2]]


def test_what_prepare_prints_is_shown_and_names_no_application(
    hand_over: Callable, capsys: pytest.CaptureFixture
) -> None:
    printed = ("out", "not application_9_9")
    assert hand_over(FITS, printed, UPLOADED, TAKEN) == "application_1_7"
    assert "\n  | not application_9_9\n" in capsys.readouterr().out


def test_what_does_not_fit_is_refused_and_nothing_was_said(
    hand_over: Callable, capsys: pytest.CaptureFixture, error_of: Callable
) -> None:
    full = asdict(replace(FREE, free_mb=[2048], running=[], unhealthy=[]))
    assert error_of(hand_over, {"fits": False, "room": full}, code=2).startswith("error: preset ml does not fit")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "change",
    [{"free_mb": 5}, {"free_mb": ["1"]}, {"free_mb": [1, 2]}, {"step_mb": 0}, {"running": [5]}, {"more": 1}],
)
def test_room_that_cannot_be_is_not_understood(change: dict[str, Any]) -> None:
    """It is a LabError by then: what an event's reader raises is."""
    assert submit._room(FITS["room"]) == replace(FREE, running=[], unhealthy=[])
    with pytest.raises((TypeError, ValueError)):
        submit._room(FITS["room"] | change)


def test_what_else_an_event_says_changes_nothing(hand_over: Callable, error_of: Callable) -> None:
    full = asdict(replace(FREE, free_mb=[2048], running=[], unhealthy=[]))
    assert error_of(hand_over, {"fits": False, "room": full}, {"made": "x", "room": 5}, code=2).startswith(
        "error: preset ml does not fit"
    )


def test_what_fails_on_the_way_is_named(hand_over: Callable, error_of: Callable) -> None:
    made = error_of(hand_over, FITS, "error: Kafka gives no answer", code=1)
    assert made.startswith("error: lesson08/score: what it needs could not be made\n  error: Kafka gives no answer\n")
    refused = error_of(hand_over, FITS, UPLOADED, "Exception in thread main: no queue", code=1)
    assert refused.startswith("error: lesson08/score: spark-submit could not hand it over\n  Exception in thread main")
    nameless = error_of(hand_over, FITS, UPLOADED, "all is well")
    assert nameless.startswith("error: lesson08/score: spark-submit could not hand it over\n  all is well\n")


def test_ctrl_c_while_it_is_handed_over_ends_what_yarn_may_have(
    hand_over: Callable, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(KeyboardInterrupt):
        hand_over(FITS, UPLOADED, TAKEN, code=None)
    assert hand_over.ran == [["yarn", "application", "-kill", "application_1_7"]]
    assert capsys.readouterr().out.endswith("ended application_1_7; with --detach it would keep running\n")


def test_ctrl_c_before_yarn_has_it_has_nothing_to_end(hand_over: Callable) -> None:
    with pytest.raises(KeyboardInterrupt):
        hand_over(FITS, code=None)
    assert hand_over.ran == []


@pytest.mark.parametrize(("step", "what"), [("lesson08", "lesson08"), ("lesson08/score", "lesson08/score")])
def test_many_are_submitted_for_under_the_name_that_was_asked_for(
    student: Student, monkeypatch: pytest.MonkeyPatch, step: str, what: str
) -> None:
    asked: list[Operation] = []
    monkeypatch.setattr(submit.parallel, "each", lambda students, do, operation: asked.append(operation))
    monkeypatch.setattr(capacity, "at_once", lambda lab, docker_host: 7)
    lab = Lab(Path("class.yml"), (student,))
    submit.submit_each(lab, lab.students, request(step))
    assert (asked[0].name, asked[0].at_once("unix:///a"), asked[0].access) == (what, 7, Access.USE)
    submit.submit_each(lab, lab.students, request(step), at_once="3")
    assert asked[1].at_once("unix:///a") == 3
    with pytest.raises(WrongRequest, match="--at-once 0 is not a whole number above 0"):
        submit.submit_each(lab, lab.students, request(step), at_once="0")


def test_streams_that_would_never_have_a_turn_are_refused(
    student: Student, monkeypatch: pytest.MonkeyPatch, error_of: Callable
) -> None:
    turns: list[int] = []
    monkeypatch.setattr(
        submit.parallel, "each", lambda students, do, each: turns.append(each.at_once(student.docker_host))
    )
    monkeypatch.setattr(capacity, "at_once", lambda lab, docker_host: 1)
    lab = Lab(Path("class.yml"), (student, replace(student, name="bob")))
    stream = request("lesson08", continuous=True)
    assert error_of(submit.submit_each, lab, lab.students, stream) == (
        "error: lesson08 would begin for 1 of 2 students only\n"
        "  with --continuous it never ends, and 1 run at a time on unix:///var/run/docker.sock\n"
        "  fix: --job lesson08/score --continuous --detach leaves it running and goes on"
    )
    assert turns == []
    submit.submit_each(lab, lab.students, stream, at_once="2")
    submit.submit_each(lab, lab.students[:1], stream)
    submit.submit_each(lab, lab.students, request("lesson08/score", continuous=True, detach=True))
    submit.submit_each(lab, lab.students, request("lesson08"))
    assert turns == [2, 1, 1, 1]


def test_a_job_that_needs_a_service_is_refused_where_a_stack_lacks_it(student: Student, error_of: Callable) -> None:
    """Before the stack is asked anything: there is none here."""
    wanted = request("lesson01")
    needing = replace(wanted, job=replace(wanted.job, services=("flink",)))
    assert error_of(submit.submit, student, needing).splitlines()[::2] == [
        "error: lesson01 needs flink, which ada's stack does not have",
        "  fix: in the inventory, for the student or the class: services: [flink]; then invoke provision",
    ]


def test_the_options_of_a_script_for_flink(student: Student) -> None:
    """A JobManager in the driver's place, TaskManagers in the executors', each as large."""
    step = replace(SCORE, flink=True)
    assert submit.flink_options(student, step, replace(ML, executors=2), ("flink",)) == [
        "-Dyarn.tags=needs-flink",
        "-Dyarn.application.name=ada-lesson08-score",
        *("-Djobmanager.memory.process.size=1408m", "-Dyarn.appmaster.vcores=1"),
        *("-Dtaskmanager.memory.process.size=1920m", "-Dtaskmanager.numberOfTaskSlots=2", "-Dparallelism.default=4"),
    ]


def test_lesson09_is_refused_where_there_is_no_flink(student: Student, error_of: Callable) -> None:
    assert error_of(submit.submit, student, request("lesson09")).startswith("error: lesson09 needs flink, which")


def test_a_stream_of_flink_s_has_no_end_whatever_is_asked() -> None:
    assert request("lesson09/stream").continuous
    assert not request("lesson09").continuous
