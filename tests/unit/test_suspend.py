"""Stacks are stopped and started again; what would be lost is not stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from streamlab.engines import disk, engine, labelled
from streamlab.engines.disk import Usage
from streamlab.errors import LabError
from streamlab.stacks import daemons, operation, prove, status, suspend
from streamlab.stacks.prove import Proven
from streamlab.students.student import Student

pytestmark = pytest.mark.usefixtures("alone")

NAMES = ("kafka1", "nodemanager1")
IDLE: dict[str, Any] = {"applications": [], "submits": []}


class Node:
    def __init__(self, state: str) -> None:
        self.status = state

    def stop(self, timeout: int) -> None:
        self.status = "exited"

    def start(self) -> None:
        self.status = "running"


@pytest.fixture
def stacks(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Node]]:
    """Student -> nodes; two of each, and no engine behind them."""
    found: dict[str, list[Node]] = {"ada": [Node("running"), Node("running")], "bob": [Node("exited")], "eve": []}

    @contextmanager
    def connect(docker_host: str) -> Iterator[None]:
        yield None

    monkeypatch.setattr(engine, "connect", connect)
    for name in ("containers", "summaries"):
        monkeypatch.setattr(labelled, name, lambda client, student: dict(zip(NAMES, found[student.name], strict=False)))
    monkeypatch.setattr(status, "look", lambda students: {"students": [IDLE]})
    monkeypatch.setattr(prove, "prove", lambda student: [Proven("hdfs", True, 0.1, "yes")])
    return found


def named(student: Student, *names: str) -> list[Student]:
    return [replace(student, name=name) for name in names]


def states(nodes: list[Node]) -> list[str]:
    return [node.status for node in nodes]


def test_every_node_is_stopped_and_started_again(
    stacks: dict[str, list[Node]], student: Student, capsys: pytest.CaptureFixture
) -> None:
    for name in ("ada", "bob"):
        suspend.suspend(named(student, name))
    assert states(stacks["ada"]) == ["exited", "exited"]
    suspend.resume(named(student, "ada"))
    assert states(stacks["ada"]) == ["running", "running"]
    assert states(stacks["bob"]) == ["exited"]
    assert capsys.readouterr().out.splitlines() == [
        "ada: suspended, 2 nodes stopped",
        "bob: was suspended already",
        "ada: resumed and proved",
    ]


def test_a_daemon_that_ends_again_and_again_is_stopped_too(stacks: dict[str, list[Node]], student: Student) -> None:
    stacks["bob"] = [Node("restarting"), Node("created")]
    suspend.suspend(named(student, "bob"))
    assert states(stacks["bob"]) == ["exited", "created"]


def test_a_running_application_is_not_lost_unless_that_is_wanted(
    stacks: dict[str, list[Node]], student: Student, monkeypatch: pytest.MonkeyPatch, error_of: Callable
) -> None:
    apps = [{"id": "application_1_2", "name": "a", "state": s} for s in ("FINISHED", "RUNNING")]
    monkeypatch.setattr(status, "look", lambda students: {"students": [IDLE | {"applications": apps}]})
    assert error_of(suspend.suspend, named(student, "ada")) == (
        "error: ada: applications are running and would be lost\n"
        "  ada: application_1_2 a\n"
        "  fix: invoke stop --job NAME, or add --force"
    )
    monkeypatch.setattr(status, "look", lambda students: {"students": [IDLE | {"submits": ["lesson08"]}]})
    assert "\n  ada: lesson08, which is about to be submitted\n" in error_of(suspend.suspend, named(student, "ada"))
    assert states(stacks["ada"]) == ["running", "running"]
    suspend.suspend(named(student, "ada"), force=True)
    assert states(stacks["ada"]) == ["exited", "exited"]


def test_what_is_not_known_to_be_idle_is_not_stopped(
    stacks: dict[str, list[Node]], student: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    """YARN does not answer in time on a machine that is busy: with somebody's lesson, most likely."""
    nodes = [{"name": "resourcemanager", "problem": "timed out"}, {"name": "kafka1", "problem": None}]
    state = {"name": "ada", "applications": None, "nodes": nodes}
    monkeypatch.setattr(status, "look", lambda students: {"students": [state]})
    with pytest.raises(LabError, match="not known whether applications are running") as caught:
        suspend.suspend(named(student, "ada"))
    assert caught.value.evidence == ["YARN does not answer", "resourcemanager: timed out"]
    assert states(stacks["ada"]) == ["running", "running"]
    stacks["ada"][1].status = "exited"  # as a suspend that was cut off leaves it: nothing can run any more
    suspend.suspend(named(student, "ada"))
    assert states(stacks["ada"]) == ["exited", "exited"]


def test_who_has_no_stack_is_an_error_and_the_others_go_on(
    stacks: dict[str, list[Node]], student: Student, error_of: Callable, capsys: pytest.CaptureFixture
) -> None:
    for act in (suspend.suspend, suspend.resume):
        assert "1 of 2 students failed\n  eve" in error_of(act, named(student, "bob", "eve"))
        assert "eve has no stack" in capsys.readouterr().err
        assert "eve has no stack" in error_of(act, named(student, "eve"))
    assert states(stacks["bob"]) == ["running"]


def test_nothing_is_looked_at_before_the_stack_is_one_s_own(
    stacks: dict[str, list[Node]], student: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    @contextmanager
    def admitted(target: Student, wanted: operation.Operation) -> Iterator[None]:
        asked.append((target.name, wanted.name, wanted.access))
        raise LabError("somebody else is at work")
        yield

    monkeypatch.setattr(operation, "admitted", admitted)
    monkeypatch.setattr(engine, "connect", None)
    for act in (suspend.suspend, suspend.resume):
        with pytest.raises(LabError, match="somebody else"):
            act(named(student, "ada"))
    change = operation.Access.CHANGE
    assert asked == [("ada", "suspend", change), ("ada", "resume", change)]


def test_a_service_that_does_not_come_back_is_an_error(
    stacks: dict[str, list[Node]], student: Student, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    answers: dict[str, Any] = {"ada": Proven("kafka", False, 9.0, "silence"), "bob": Proven("kafka", True, 0.1, "yes")}
    monkeypatch.setattr(prove, "prove", lambda student: [answers[student.name]])
    monkeypatch.setattr(prove, "failure", lambda student, proven: LabError(f"{student.name}: {proven.answer}"))
    with pytest.raises(LabError, match="1 of 2 students failed"):
        suspend.resume(named(student, "ada", "bob"))
    printed = capsys.readouterr()
    assert "ada's stack did not come back healthy\n  error: ada: silence" in printed.err
    assert "bob: resumed and proved" in printed.out


@pytest.mark.parametrize("writer", ["nodemanager1", "hbase1"])
def test_nobody_is_stopped_while_who_writes_to_hdfs_still_needs_it(
    student: Student, stacks: dict[str, list[Node]], monkeypatch: pytest.MonkeyPatch, writer: str
) -> None:
    """A NodeManager brings its applications' logs to HDFS before it ends, HBase what it has in memory."""
    stopped = []

    class Slow(Node):
        def __init__(self, name: str) -> None:
            super().__init__("running")
            self.name = name

        def stop(self, timeout: int) -> None:
            if self.name == writer:
                time.sleep(0.2)
            stopped.append(self.name)

    names = ("namenode", "datanode1", "resourcemanager", writer, "kafka1", "edge")
    monkeypatch.setattr(labelled, "containers", lambda client, student: {name: Slow(name) for name in names})
    assert daemons.stop_nodes(student) == 6
    assert sorted(stopped[:2]) == ["edge", "kafka1"]  # which need not wait for it
    assert stopped[2] == writer
    assert sorted(stopped[3:]) == ["datanode1", "namenode", "resourcemanager"]


def test_only_stacks_that_use_too_much_disk_are_stopped(
    stacks: dict[str, list[Node]], student: Student, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """On every Docker host that answers, and the others are named."""
    used = {"ada": 11, "bob": 10}
    small = [replace(one, disk_mb=10) for one in named(student, *used)]
    remote = replace(student, name="eve", docker_host="ssh://lab@second")
    error = engine.NoEngine("no Docker Engine answers", evidence="timed out")
    monkeypatch.setattr(engine, "unreachable", lambda students: {remote.docker_host: error})
    monkeypatch.setattr(disk, "of_all", lambda students: [Usage(s, {"edge": used[s.name] << 20}) for s in students])
    with pytest.raises(LabError, match="not reached: eve"):
        suspend.suspend_over_disk([*small, remote])
    assert states(stacks["ada"]) == ["exited", "exited"]
    assert capsys.readouterr().out.splitlines() == [
        "ada: 11 of 10 MB of disk, too much (edge 11)",
        "ada: suspended, 2 nodes stopped",
    ]


def test_where_no_stack_uses_too_much_disk_that_is_said(
    stacks: dict[str, list[Node]], student: Student, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(engine, "unreachable", lambda students: {})
    monkeypatch.setattr(disk, "of_all", lambda students: [Usage(one, {"edge": 9 << 20}) for one in students])
    suspend.suspend_over_disk(named(student, "ada"))
    assert states(stacks["ada"]) == ["running", "running"]
    assert capsys.readouterr().out == "1 stack measured, none uses more than its disk_mb\n"
