"""What the edge node does between a key press and YARN having the application."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from edge import submit

ASKED = [(1408, 1), (1920, 2)]


class FakeYarn:
    """Answers each question with the next of what it was given: (free MB, running applications)."""

    def __init__(self, *answers: tuple[int, list[dict[str, Any]]]) -> None:
        self.answers = list(answers)

    def nodes(self) -> list[dict[str, int]]:
        return [{"availMemoryMB": self.answers[0][0], "availableVirtualCores": 8}]

    def unfinished(self) -> list[dict[str, Any]]:
        return self.answers.pop(0)[1]

    def metrics(self) -> dict[str, int]:
        return {"totalMB": 4096}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, events: Callable) -> Callable[..., list[dict]]:
    """Asks for room of a YARN that gives these answers; the events that were printed."""

    def call(*answers: tuple[int, list[dict[str, Any]]]) -> list[dict]:
        monkeypatch.setattr(submit, "Yarn", lambda: FakeYarn(*answers))
        submit.await_room(ASKED)
        return events()

    monkeypatch.setattr(submit, "allocation_step", lambda: 128)
    monkeypatch.setattr(submit.time, "sleep", lambda seconds: None)
    return call


def app(mb: int) -> dict[str, Any]:
    return {"id": "application_1_2", "name": "ada-lesson03-read", "allocatedMB": mb}


def test_what_fits_is_said_at_once(told: Callable) -> None:
    (event,) = told((4096, []))
    assert event["fits"]
    assert event["room"]["total_mb"] == 4096


def test_a_driver_that_has_still_to_go_is_waited_for_whatever_else_runs(told: Callable) -> None:
    """The other one was submitted, and has not been given anything yet: YARN says -1."""
    *waiting, last = told((2688, [app(-1)]), (2688, [app(-1)]), (4096, [app(-1)]))
    assert ["waiting" in event for event in waiting] == [True, True]
    assert last["fits"]
    assert last["room"]["running"] == ["application_1_2 0 MB ada-lesson03-read"]


def test_what_runs_is_not_waited_for(told: Callable) -> None:
    (event,) = told((2304, [app(1792)]))
    assert not event["fits"]
    assert (event["room"]["free_mb"], event["room"]["held_mb"]) == ([2304], 1792)


def test_what_is_not_given_back_is_waited_for_until_the_deadline(
    told: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submit, "RELEASE_SECONDS", 0)
    *_, last = told(*[(2688, [])] * 9)
    assert not last["fits"]


def test_the_command_line_of_a_step() -> None:
    request = {
        "spark": ["--name", "ada-lesson08-score"],
        "step": "lesson08/score",
        "arguments": ["--set", "z=a b; rm"],
        "continuous": True,
    }
    files = ("hdfs://namenode:8020/b.zip", "hdfs://namenode:8020/l.py")
    assert submit.command(request, *files) == [
        *("java", "@/etc/streamlab/spark/submit.args", "org.apache.spark.deploy.SparkSubmit"),
        *("--name", "ada-lesson08-score", "--py-files", *files),
        *("lesson08/score", "--set", "z=a b; rm", "--continuous"),
    ]
    assert submit.command(request | {"arguments": [], "continuous": False}, *files)[-2:] == [files[1], "lesson08/score"]


def test_yarn_s_step_is_read_from_its_own_configuration(tree: Callable) -> None:
    name = "yarn.scheduler.minimum-allocation-mb"
    set_, unset = (
        f"<configuration><property><name>{n}</name><value>128</value></property></configuration>" for n in (name, "x")
    )
    folder = tree({"set.xml": set_, "unset.xml": unset})
    assert submit.allocation_step(folder / "set.xml") == 128
    assert submit.allocation_step(folder / "unset.xml") == 1024
