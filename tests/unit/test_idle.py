"""A service is taken from a stack only when no application of it runs there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conftest import SECOND, Engines
from streamlab.engines import engine
from streamlab.errors import LabError, WrongRequest
from streamlab.stacks import host_setup, idle, preflight, provision, status
from streamlab.stacks.playbooks import Summary
from streamlab.students.docker_hosts import LOCAL
from streamlab.students.inventory import Lab
from streamlab.students.student import Student


def app(number: int, **changes: Any) -> dict[str, Any]:
    found = {"id": f"application_1_{number}", "name": f"job{number}", "type": "SPARK", "tags": [], "state": "RUNNING"}
    return found | changes


FLINK = app(1, type="Apache Flink")
NEEDS_HBASE = app(2, tags=["needs-hbase"])
OTHERS = [app(3), app(4, type="Apache Flink", state="FINISHED"), app(5, type="MAPREDUCE", tags=["mine"])]


@pytest.fixture
def with_both(student: Student) -> Student:
    return replace(
        student,
        services=("flink", "hbase"),
        node_counts={**student.node_counts, "hbase": 1},
        node_memory_mb={**student.node_memory_mb, "hbase": 512},
        node_idle_mb={**student.node_idle_mb, "hbase": 280},
    )


@pytest.fixture
def running(engines: Engines, with_both: Student, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What runs in ada's stack, which has both services."""
    engines[LOCAL].add_stack(with_both)
    apps: list[dict[str, Any]] = []

    def look(students: list[Student]) -> dict[str, Any]:
        return {"students": [{"name": one.name, "nodes": [], "applications": list(apps)} for one in students]}

    monkeypatch.setattr(status, "look", look)
    return apps


def test_what_uses_a_service_that_is_to_leave_is_named_with_the_command_that_ends_it(
    running: list, student: Student
) -> None:
    running += [FLINK, NEEDS_HBASE, *OTHERS]
    (error,) = idle.refusals([replace(student, services=("hbase",))]).values()
    assert isinstance(error, WrongRequest)
    assert str(error) == (
        "error: ada: applications use flink, which the inventory does not give the stack any more\n"
        "  application_1_1 job1 uses flink\n"
        "  nothing was changed: the stack has services: [flink, hbase]\n"
        '  fix: wait for their end, or: invoke shell --student ada --command "yarn application -kill application_1_1"'
    )
    (both,) = idle.refusals([student]).values()
    assert both.evidence[:2] == ["application_1_1 job1 uses flink", "application_1_2 job2 uses hbase"]
    assert "-kill application_1_1 application_1_2" in both.fix


def test_what_uses_none_of_them_is_no_reason(running: list, student: Student, with_both: Student) -> None:
    running += [FLINK, *OTHERS]
    assert idle.refusals([replace(student, services=("flink",))]) == {}
    assert idle.refusals([with_both]) == {}


def test_who_loses_nothing_is_not_asked(
    engines: Engines, student: Student, with_both: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A class costs one list of each Docker host, and nothing where one does not answer."""
    bob = replace(student, name="bob", docker_host=SECOND)
    engines[LOCAL].add_stack(student)
    engines.gone = {SECOND}
    monkeypatch.setattr(status, "look", lambda students: pytest.fail("asked"))
    assert idle.refusals([with_both, bob, replace(student, name="new")], silent=[SECOND]) == {}
    assert engines.asked == [LOCAL]


def test_a_suspended_stack_runs_nothing(engines: Engines, running: list, student: Student) -> None:
    running.append(FLINK)
    for one in engines[LOCAL].containers.values():
        one["State"] = {"Status": "exited", "ExitCode": 143}
    assert idle.refusals([student]) == {}


def test_what_is_not_known_to_be_unused_stays(running: list, student: Student, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [{"name": "resourcemanager", "problem": "timed out"}]
    state = {"name": "ada", "nodes": nodes, "applications": None}
    monkeypatch.setattr(status, "look", lambda students: {"students": [state]})
    (error,) = idle.refusals([replace(student, services=("hbase",))]).values()
    assert str(error) == (
        "error: ada: it is not known whether applications are running; they would be lost\n"
        "  YARN does not answer\n"
        "  resourcemanager: timed out\n"
        "  fix: keep services: [flink, hbase] in the inventory, and invoke provision --student ada repairs it; "
        "then take flink away"
    )


@pytest.mark.parametrize("do", [provision.provision, provision.preview])
def test_provision_refuses_it_before_anything_is_changed(
    engines: Engines, running: list, student: Student, alone: None, do: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    played: list[str] = []
    monkeypatch.setattr(engine, "silence", lambda host: None)
    monkeypatch.setattr(preflight, "require_possible", lambda *_, **__: None)
    monkeypatch.setattr(preflight, "require_memory", lambda *_, **__: None)
    monkeypatch.setattr(host_setup, "ensure_images", lambda *_: pytest.fail("images were brought"))
    monkeypatch.setattr(provision, "play", lambda *_, limit, **__: played.extend(limit) or Summary(changed=1))
    running.append(FLINK)
    engines[LOCAL].calls.clear()
    with pytest.raises(LabError, match="ada: applications use flink,") as caught:
        do(Lab(Path("class.yml"), (student,)), [student])
    assert (caught.value.exit_code, played, engines[LOCAL].calls) == (2, [], [])
