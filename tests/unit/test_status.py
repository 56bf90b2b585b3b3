"""What `status` prints, whatever a node says of itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fake_engine import FakeEngine
from streamlab.engines.disk import Usage
from streamlab.engines.inside import Result
from streamlab.errors import LabError
from streamlab.stacks import health, prove, status
from streamlab.students.inventory import Lab
from streamlab.students.student import Student
from streamlab.students.topology import Node
from streamlab.work import check

MB = 2**20

KAFKA = Node("kafka1", "kafka", "kafka", "kafka", "spring-ada-kafka1", "10.89.1.6", memory_mb=448)


def row(name: str, service: str, problem: str | None = None) -> dict[str, Any]:
    return {
        "name": name, "service": service, "state": "running", "healthy": problem is None, "problem": problem,
        "memory_bytes": 100 * MB, "memory_limit_bytes": 384 * MB,
    }  # fmt: skip


def test_status_is_a_table_for_each_student() -> None:
    apps = [{"id": f"application_1_{i}", "name": "ada-lesson08-score", "state": "RUNNING", "final_status": "UNDEFINED"}
            for i in range(1, 8)]  # fmt: skip
    ada = {
        "name": "ada",
        "state": "healthy",
        "healthy": True,
        "busy": None,
        "nodes": [row("namenode", "hdfs"), row("kafka1", "kafka")],
        "applications": apps,
    }
    nodes = [row("kafka1", "kafka", "it is exited")]
    bob = {
        "name": "bob", "state": "unhealthy", "healthy": False, "busy": "snapshot exam by eve", "nodes": nodes,
        "applications": None,
    }  # fmt: skip
    assert status.describe({"students": [ada, bob]}, applications=2) == (
        "ada: healthy, 200 MB in use\n"
        "node      service  health   memory\n"
        "namenode  hdfs     healthy  100 of 384 MB\n"
        "kafka1    kafka    healthy  100 of 384 MB\n"
        "\n"
        "application      name                state    final status\n"
        "application_1_6  ada-lesson08-score  RUNNING  UNDEFINED\n"
        "application_1_7  ada-lesson08-score  RUNNING  UNDEFINED\n"
        "\n"
        "bob: NOT HEALTHY, 100 MB in use\n"
        "being changed by another command: snapshot exam by eve\n"
        "node    service  health                   memory\n"
        "kafka1  kafka    UNHEALTHY: it is exited  100 of 384 MB\n"
        "\n"
        "applications: YARN does not answer"
    )


def test_the_disk_of_a_stack_is_a_line_of_its_own_where_it_was_measured(student: Student) -> None:
    students = [
        {"name": "ada", "state": "healthy", "healthy": True, "busy": None, "nodes": [], "applications": []},
        {"name": "bob", "state": "suspended", "busy": None},
        {"name": "eve", "state": "suspended", "busy": None},
    ]
    usages = {name: Usage(replace(student, name=name, disk_mb=10), {"kafka1": 7 << 20}) for name in ("ada", "bob")}
    assert status.describe({"students": students}, usages=usages) == (
        "ada: healthy, 0 MB in use\n"
        "7 of 10 MB of disk (kafka1 7)\n"
        "node  service  health  memory\n"
        "\n"
        "bob: suspended; invoke resume starts it again\n"
        "7 of 10 MB of disk (kafka1 7)\n"
        "\n"
        "eve: suspended; invoke resume starts it again"
    )


@pytest.mark.usefixtures("alone")
def test_disk_is_measured_when_it_is_asked_for_of_those_who_answer(
    student: Student, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    engine = FakeEngine()
    engine.sizes[engine.add("edge")] = 5
    monkeypatch.setattr(status.engine, "connect", engine.connect)
    monkeypatch.setattr(status.engine, "unreachable", lambda students: {})

    def ask(one: Student) -> dict[str, Any]:
        if one.name == "bob":
            raise LabError("bob's engine fails")
        return status._found(one, "suspended", healthy=False, rows=[], applications=[])

    monkeypatch.setattr(status, "of_student", ask)
    both = [replace(student, disk_mb=1), replace(student, name="bob")]
    for with_disk, found in ((True, [{"edge": 5}, None]), (False, [None, None])):
        with pytest.raises(LabError):
            status.report(Lab(Path("class.yml"), tuple(both)), both, as_json=True, with_disk=with_disk)
        students = json.loads(capsys.readouterr().out)["students"]
        assert [one.get("disk_bytes") for one in students] == found
        assert students[0].get("disk_limit_bytes") == (2**20 if with_disk else None)


def test_a_stack_without_a_running_node_is_told_in_a_line() -> None:
    students = [{"name": "ada", "state": "suspended", "busy": None}, {"name": "bob", "state": "missing", "busy": None}]
    assert status.describe({"students": students}) == (
        "ada: suspended; invoke resume starts it again\n\nbob: no stack; invoke provision makes one"
    )


ANSWERS: dict[str, Any] = {"applications": [], "submits": []}


@pytest.mark.parametrize(
    ("states", "state"),
    [
        ({"edge": "running", "kafka1": "running"}, "healthy"),
        ({"edge": "running", "kafka1": "exited"}, "unhealthy"),
        ({"edge": "running"}, "unhealthy"),
        ({"edge": "exited", "kafka1": "exited"}, "suspended"),
        ({"edge": "exited", "kafka1": "restarting"}, "unhealthy"),
        ({}, "missing"),
    ],
)
def test_a_stack_s_state_follows_from_its_nodes(
    student: Student, monkeypatch: pytest.MonkeyPatch, states: dict[str, str], state: str
) -> None:
    @contextmanager
    def connect(docker_host: str) -> Iterator[None]:
        yield None

    found = [
        SimpleNamespace(status=of_it, attrs={"Labels": {"streamlab.node": name}, "State": of_it})
        for name, of_it in states.items()
    ]
    monkeypatch.setattr(status.engine, "connect", connect)
    monkeypatch.setattr(status.labelled, "everything", lambda client, student: found)
    monkeypatch.setattr(status, "nodes", lambda student: [KAFKA, replace(KAFKA, name="edge", kind="edge")])
    monkeypatch.setattr(status.memory, "in_use", lambda container, here: 5)
    monkeypatch.setattr(
        status.health, "ask", lambda running, names: {**health.NOBODY_ASKED, "nodes": dict.fromkeys(running)}
    )
    (looked,) = status.look([student])["students"]
    assert (looked["state"], looked["healthy"]) == (state, state == "healthy")


@pytest.mark.parametrize(
    ("container", "problems", "state", "problem"),
    [
        (SimpleNamespace(status="running"), {"kafka1": None}, "running", None),
        (SimpleNamespace(status="running"), {"kafka1": "it hung up"}, "running", "it hung up"),
        (SimpleNamespace(status="running"), {}, "running", "it was not asked"),
        (SimpleNamespace(status="exited"), {"kafka1": None}, "exited", "its container is exited"),
        (None, {}, "missing", "its container is missing"),
    ],
)  # fmt: skip
def test_a_node_is_healthy_only_when_it_runs_and_answers(
    container: Any, problems: dict, state: str, problem: str | None
) -> None:
    found = status._node(KAFKA, container, problems, {"kafka1": 5})
    assert (found["state"], found["problem"], found["healthy"]) == (state, problem, problem is None)
    assert (found["memory_bytes"], found["memory_limit_bytes"]) == (5, 448 * MB)


FORGED = "no answer\x1b[2J\nbob: healthy, 0 MB in use"

SHOWN = "no answer bob: healthy, 0 MB in use"


def test_a_node_cannot_write_a_line_of_the_lab_s_own() -> None:
    app = {
        "id": "application_1_1",
        "name": FORGED,
        "type": "SPARK",
        "tags": [FORGED],
        "state": "RUNNING",
        "final_status": "UNDEFINED",
        "started": 1,
        "finished": 0,
    }
    kept = {"job": "my04", "exercise": "lesson04", "at": 1, "right": 2, "of": 3}
    found = health.read(
        {
            "nodes": {"kafka1": FORGED, "edge": None},
            "applications": [app],
            "submits": [FORGED],
            "in_use": {FORGED: [1, 2], "yarn_mb": None, "hdfs_mb": [7, 0]},
            "checks": [{**kept, "job": FORGED, FORGED: 1}],
        }
    )
    assert found == {
        "nodes": {"kafka1": SHOWN, "edge": None},
        "applications": [{**app, "name": SHOWN, "tags": [SHOWN]}],
        "submits": [SHOWN],
        "in_use": {"hdfs_mb": [7, 0]},
        "checks": [{**kept, "job": SHOWN}],
    }


@pytest.mark.parametrize("pair", [["7", 0], [1, 2, 3], [1], 5, {"a": 1}])
def test_a_node_s_figures_are_numbers(pair: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        health.read({**health.NOBODY_ASKED, "in_use": {"yarn_mb": pair}})


def test_nor_does_what_a_proof_or_a_check_found(student: Student) -> None:
    def python(*args: str, seconds: int, tell: Callable) -> Result:
        tell({"service": "kafka", "passed": False, "seconds": 0.1, "answer": FORGED})
        return Result(0, "", "")

    stack = SimpleNamespace(student=student, python=python)
    (proven,) = prove._ask(stack, ["kafka"], seconds=1, tell=lambda proven: None)
    assertion = {
        "name": "rows",
        "expected": 1,
        "found": FORGED,
        "passed": True,
        "where": "cqlsh",
        "help": "",
        "pending": False,
    }
    described = check.describe({"job": "lesson01", "student": "ada", "assertions": [assertion]})
    for text in (proven.answer, described.splitlines()[0]):
        assert text.endswith("no answer bob: healthy, 0 MB in use")
