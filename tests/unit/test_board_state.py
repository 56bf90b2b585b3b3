"""What the board makes of a stack's facts: what needs help first, and nothing that a stack could forge or blow up."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import Any

import pytest

from streamlab.board import collect, needs
from streamlab.board.collect import Collector, Facts
from streamlab.errors import LabError
from streamlab.stacks import status
from streamlab.students.student import Student

NOW = 1_795_800_000
STREAM: dict[str, Any] = {
    "application": "application_1_1", "name": "ada-lesson03-read", "query": "l03", "batch": 3, "at": NOW - 5,
    "input_rows_per_second": 10.0, "processed_rows_per_second": 20.0, "lag": 0, "watermark": None,
    "watermark_age_s": None, "state_rows": 0, "state_bytes": 0, "error": "", "idle": False,
}  # fmt: skip


def node(name: str = "kafka1", problem: str | None = None) -> dict[str, Any]:
    return {
        "name": name, "service": "kafka", "state": "running", "healthy": problem is None, "problem": problem,
        "memory_bytes": 100 << 20, "memory_limit_bytes": 400 << 20,
    }  # fmt: skip


def app(number: int, name: str = "ada-lesson03-read", state: str = "SUCCEEDED", **changes: Any) -> dict[str, Any]:
    final = {"RUNNING": "UNDEFINED", "ACCEPTED": "UNDEFINED"}.get(state, state)
    return {
        "id": f"application_1_{number}", "name": name, "state": "FINISHED" if final == state else state,
        "final_status": final, "started": NOW - 100 + number, "finished": NOW - 90 + number,
    } | changes  # fmt: skip


def facts(state: str = "healthy", **changes: Any) -> Facts:
    said = {
        "name": "ada", "state": state, "healthy": state == "healthy", "busy": None, "nodes": [node()],
        "applications": [], "submits": [], "in_use": {}, "checks": [],
    }  # fmt: skip
    own = {key: changes.pop(key) for key in ("streams", "streams_problem", "disk_mb") if key in changes}
    return Facts(said | changes, **own)


@pytest.fixture
def shown(student: Student) -> Any:
    def show(*args: Any, history: collect.History | None = None, **changes: Any) -> dict[str, Any]:
        return collect.state(replace(student, disk_mb=1000), facts(*args, **changes), history or {}, now=NOW)

    return show


def test_a_stack_in_which_all_is_well_needs_nothing(shown: Any) -> None:
    said = shown(streams=[STREAM], disk_mb=80, in_use={"yarn_mb": [896, 4096], "hdfs_mb": [5, 0]})
    assert (said["level"], said["needs"]) == ("fine", [])
    assert (said["memory_mb"], said["disk_mb"], said["yarn_mb"], said["hdfs_mb"]) == (
        [100, 400], [80, 1000], [896, 4096], [5, 0],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "level", "code"),
    [
        ({"nodes": [node(problem="refused")], "state": "unhealthy"}, "help", "node"),
        ({"nodes": [node(problem="stopped")], "state": "unhealthy", "busy": "snapshot by eve"}, "watch", "node"),
        ({"streams": [STREAM | {"error": "boom"}]}, "help", "stream.failed"),
        ({"streams": [STREAM | {"at": NOW - 61}]}, "watch", "stream.still"),
        ({"streams_problem": "no answer"}, "watch", "streams"),
        ({"applications": [app(1, state="FAILED")]}, "watch", "application.failed"),
        ({"applications": [app(1, state="FAILED"), app(2, state="FAILED")]}, "help", "application.failed.again"),
        ({"applications": [app(1, state="ACCEPTED", started=NOW - 46, finished=0)]}, "watch", "application.waits"),
        ({"disk_mb": 900}, "watch", "disk"),
        ({"disk_mb": 1001}, "help", "disk"),
        ({"in_use": {"hdfs_mb": [95, 100]}}, "watch", "hdfs"),
        (
            {"applications": [app(i) for i in range(5)],
             "checks": [{"job": "lesson03", "exercise": "", "at": NOW, "right": 1, "of": 2}]},
            "watch", "check",
        ),
    ],
)  # fmt: skip
def test_what_needs_a_look_has_a_reason(shown: Any, changes: dict[str, Any], level: str, code: str) -> None:
    said = shown(changes.pop("state", "healthy"), **changes)
    assert (said["level"], said["needs"][0]["code"]) == (level, code)


@pytest.mark.parametrize(
    "changes",
    [
        {"streams": [STREAM | {"at": NOW - 900, "idle": True}]},  # it has nothing to do
        {"applications": [app(1, state="FAILED"), app(2)]},  # it was put right
        {"applications": [app(1, state="FAILED"), app(2, state="KILLED")]},
        {"applications": [app(1, state="FAILED", finished=NOW - 3 * 3600)]},
        {"applications": [app(1, state="FAILED"), app(2, "ada-lesson03-read", "RUNNING")]},
        {"applications": None, "in_use": {"hdfs_mb": [95, 0]}},
        {"checks": [{"job": "lesson03", "exercise": "", "at": NOW, "right": 1, "of": 2}]},
    ],
)
def test_what_is_as_it_should_be_has_none(shown: Any, changes: dict[str, Any]) -> None:
    assert shown(**changes)["needs"] == []


@pytest.mark.parametrize(
    ("lags", "behind"),
    [([0, 10, 20, 30], True), ([0, 10, 20, 5], False), ([5, 5, 5, 5], False), ([None, None, None, None], False)],
)
def test_a_stream_falls_behind_when_its_lag_only_grows(shown: Any, lags: list[int | None], behind: bool) -> None:
    history = {("application_1_1", "l03"): [(NOW - 40 + 10 * i, lag, 1.0) for i, lag in enumerate(lags)]}
    said = shown(streams=[STREAM | {"lag": lags[-1]}], history=history)
    assert [need["code"] for need in said["needs"]] == (["stream.behind"] if behind else [])
    assert said["streams"][0]["history"][0] == [NOW - 40, lags[0], 1.0]


def test_what_does_not_run_comes_last_and_what_fails_first(shown: Any) -> None:
    for state in ("suspended", "missing"):
        assert (shown(state)["level"], shown(state)["memory_mb"]) == ("off", None)
    both = shown(applications=[app(1, state="FAILED")], streams=[STREAM | {"error": "boom"}])
    assert [need["level"] for need in both["needs"]] == ["help", "watch"]
    assert needs.LEVELS == ("help", "watch", "fine", "off")


def test_who_is_not_reached_needs_help_and_is_told_why(student: Student) -> None:
    error = LabError("no Docker Engine answers at ssh://lab@second")
    said = collect.state(student, collect.unknown(student, error), {}, now=NOW)
    assert (said["level"], said["state"], said["nodes"], said["memory_mb"]) == ("help", "unknown", [], None)
    assert said["needs"] == [{"level": "help", "code": "unknown", "said": {"problem": error.what}}]


def test_attempts_are_submits_of_the_step_that_was_submitted_most_often(shown: Any) -> None:
    names = ["ada-lesson08-train", "ada-lesson08-score", "ada-lesson08-score", "ada-my04-exercise", "PySparkShell"]
    check = {"job": "my04", "exercise": "lesson04", "at": 7, "right": 2, "of": 5}
    said = shown(applications=[app(i, name) for i, name in enumerate([*names, "bob-lesson01-rate"])], checks=[check])
    assert said["jobs"] == [
        {"job": "lesson08", "lesson": "lesson08", "right": 0, "of": 0, "at": 0, "attempts": 2},
        {"job": "my04", "lesson": "lesson04", "right": 2, "of": 5, "at": 7, "attempts": 1},
    ]
    assert [one["name"] for one in said["applications"]][:1] == ["lesson08/train"]
    assert "PySparkShell" in [one["name"] for one in said["applications"]]


def test_what_a_stack_says_is_cut_to_size(shown: Any) -> None:
    """Whatever it is, it is JSON that a browser reads, and small."""
    wild = STREAM | {
        "query": "<script>\x1b[2J\n" + "x" * 100_000, "lag": 10**40, "input_rows_per_second": float("nan"),
        "state_bytes": float("inf"),
    }  # fmt: skip
    many = [app(i, "y" * 100_000) for i in range(2000)]
    checks = [{"job": f"j{i}", "exercise": "", "at": 1, "right": 1, "of": 1} for i in range(1000)]
    said = shown(streams=[wild] * 1000, applications=many, checks=checks, nodes=[node(problem="z" * 10**6)])
    text = json.dumps(said, allow_nan=False)
    assert len(text) < 40_000
    (first, *_) = said["streams"]
    assert first["query"].startswith("<script> xxx")
    assert (first["lag"], first["input_rows_per_second"], first["state_bytes"]) == (collect.LARGEST, None, None)


def test_streams_are_asked_where_something_runs_and_remembered(
    student: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = dict(facts().status)
    lag = iter(range(100))
    monkeypatch.setattr(status, "of_student", lambda student: found)
    monkeypatch.setattr(collect.disk, "of_all", lambda students: [])
    monkeypatch.setattr(collect.streams, "ask", lambda student: [STREAM | {"lag": next(lag)}])
    collector = Collector([student])
    assert collector.state(student, collector.ask(student))["streams"] == []
    found["applications"] = [app(1, state="RUNNING")]
    said = [collector.state(student, collector.ask(student)) for _ in range(collect.SHOWN + 5)][-1]
    history = said["streams"][0]["history"]
    assert [look[1] for look in history] == list(range(5, collect.SHOWN + 5))


def test_where_streams_run_health_is_asked_for_less_often(student: Student, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    found = facts(applications=[app(1, state="RUNNING")]).status
    running: list[dict[str, Any]] = [STREAM]
    monkeypatch.setattr(status, "of_student", lambda student: asked.append(student.name) or found)
    monkeypatch.setattr(collect.disk, "of_all", lambda students: [])
    monkeypatch.setattr(collect.streams, "ask", lambda student: running)
    collector = Collector([student])
    for _ in range(3):
        collector.ask(student)
    assert asked == ["ada"]
    monkeypatch.setattr(collect, "STATUS_SECONDS", 0)
    collector.ask(student)
    assert asked == ["ada"] * 2
    monkeypatch.setattr(collect, "STATUS_SECONDS", 60)
    running.clear()  # they have ended: what runs now is asked
    for _ in range(2):
        collector.ask(student)
    assert asked == ["ada"] * 3


def test_a_stack_whose_streams_are_not_known_is_shown_all_the_same(
    student: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(student: Student) -> None:
        raise LabError("ada: nothing understood", evidence=["{"])

    monkeypatch.setattr(status, "of_student", lambda student: facts(applications=[app(1, state="RUNNING")]).status)
    monkeypatch.setattr(collect.disk, "of_all", lambda students: [])
    monkeypatch.setattr(collect.streams, "ask", ask)
    assert Collector([student]).ask(student).streams_problem == "ada: nothing understood: {"


def test_a_disk_is_measured_by_one_and_once_a_minute(student: Student, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[int] = []
    begun, go_on = threading.Event(), threading.Event()

    def of_all(students: list[Student]) -> list[Any]:
        measured.append(len(students))
        begun.set()
        assert go_on.wait(10)
        return [collect.disk.Usage(student, {"kafka1": len(measured) << 20})]

    monkeypatch.setattr(collect.disk, "of_all", of_all)
    one, other = collect._Disk(), replace(student, docker_host="ssh://lab@second")
    found: list[int | None] = []
    asking = [threading.Thread(target=lambda: found.append(one.of(student, [student, other]))) for _ in range(3)]
    for thread in asking:
        thread.start()
    assert begun.wait(10)
    go_on.set()
    for thread in asking:
        thread.join()
    assert (found, measured) == ([1, 1, 1], [1])  # who came meanwhile has waited for the first, and measured nothing
    begun.clear()
    go_on.clear()
    one.at -= collect.DISK_SECONDS
    again = threading.Thread(target=one.of, args=(student, [student]))
    again.start()
    assert begun.wait(10)
    assert one.of(student, [student]) == 1  # what is known, while somebody measures it
    go_on.set()
    again.join()
    assert one.of(student, [student]) == 2
