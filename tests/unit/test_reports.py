"""What `status`, `links` and `check` print."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from streamlab.stacks import status
from streamlab.students.topology import Node, Student
from streamlab.work import check, look

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


def test_a_stack_without_a_running_node_is_told_in_a_line() -> None:
    students = [{"name": "ada", "state": "suspended", "busy": None}, {"name": "bob", "state": "missing", "busy": None}]
    assert status.describe({"students": students}) == (
        "ada: suspended; invoke resume starts it again\n\nbob: no stack; invoke provision makes one"
    )


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
    monkeypatch.setattr(status.engine, "everything", lambda client, student: found)
    monkeypatch.setattr(status, "nodes", lambda student: [KAFKA, replace(KAFKA, name="edge", kind="edge")])
    monkeypatch.setattr(status.memory, "in_use", lambda container, here: 5)
    monkeypatch.setattr(status, "_ask", lambda running, names: {"nodes": dict.fromkeys(running), "applications": []})
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


def test_pages_are_listed_with_their_addresses(student: Student) -> None:
    assert look.links(student) == (
        "page                   address\n"
        "HDFS NameNode          http://127.0.0.1:20070/\n"
        "YARN                   http://127.0.0.1:20088/\n"
        "a running application  http://127.0.0.1:20088/proxy/APPLICATION_ID/"
    )


ROWS = {"name": "rows in Cassandra", "expected": "200", "found": "200", "passed": True, "where": "cqlsh"}
MODEL = {
    "name": "the model",
    "expected": "a folder",
    "found": "no such file",
    "passed": False,
    "where": "hdfs dfs -ls /m",
}


@pytest.fixture
def report(student: Student, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Report lesson08, whose check on the edge node gives these assertions."""

    def run(*assertions: dict) -> None:
        @contextmanager
        def opened(student: Student) -> Iterator[Any]:
            yield SimpleNamespace(answer=answer)

        def answer(*args: str, seconds: int, zips: Any, read: Callable, printed: Callable) -> list[dict]:
            printed("out", "a line of the check's own")
            return read(list(assertions))

        monkeypatch.setattr(check, "open_stack", opened)
        check.report(student, "lesson08", as_json=False)

    return run


def test_a_check_that_holds_is_told_in_a_line_each(report: Callable, capsys: pytest.CaptureFixture) -> None:
    report(ROWS)
    assert (
        capsys.readouterr().out
        == "  | a line of the check's own\n  ok    rows in Cassandra: 200\nlesson08 of ada: 1 of 1 as expected\n"
    )


def test_a_check_that_does_not_hold_fails_and_says_where_to_look(
    report: Callable, error_of: Callable, capsys: pytest.CaptureFixture
) -> None:
    assert error_of(report, ROWS, MODEL) == (
        "error: lesson08 of ada is not as it should be\n"
        "  1 of 2 assertions do not hold, first: the model\n"
        "  fix: look where the lines marked WRONG say; invoke submit --job lesson08 runs it again"
    )
    assert capsys.readouterr().out == (
        "  | a line of the check's own\n"
        "  ok    rows in Cassandra: 200\n"
        "  WRONG the model: expected a folder, found no such file; look at hdfs dfs -ls /m\n"
        "lesson08 of ada: 1 of 2 as expected\n"
    )


def test_a_check_that_looks_at_nothing_proves_nothing(report: Callable, error_of: Callable) -> None:
    assert error_of(report).startswith("error: the check of lesson08 looked at nothing\n")
