"""What a stack uses of its disk, by the engine's own measurement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from docker.errors import APIError

from fake_engine import FakeEngine, Refused
from streamlab.engines import disk
from streamlab.engines.disk import Usage
from streamlab.students.student import Student

LABELS = {"streamlab.class": "spring", "streamlab.student": "ada"}


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    monkeypatch.setattr(disk.time, "sleep", lambda seconds: None)
    return FakeEngine()


def add_volume(engine: FakeEngine, name: str, size: int | None, labels: dict[str, str] | None) -> None:
    engine.volumes[name] = {"Name": name, "Labels": labels}
    if size is not None:
        engine.sizes[name] = size


def test_volumes_and_what_containers_wrote_count_for_their_node(engine: FakeEngine) -> None:
    add_volume(engine, "spring-ada-kafka1", 140, LABELS)
    add_volume(engine, "spring-ada-config-0123", 3, LABELS)
    add_volume(engine, "spring-ada-edge", -1, LABELS)  # what the engine says of one that it could not measure
    add_volume(engine, "spring-ada-cassandra1", None, LABELS)
    add_volume(engine, "spring-ada-datanode1", 1000, None)  # somebody else's, whatever its name
    engine.add("kafka1")  # of the volume's name, and so of its size here
    engine.sizes[engine.add("edge", student="bob")] = 7
    engine.add("namenode")
    assert disk.stacks(engine.client) == {
        ("spring", "ada"): {"kafka1": 280, "other": 3, "edge": 0, "cassandra1": 0, "namenode": 0},
        ("spring", "bob"): {"edge": 7},
    }


def test_an_engine_without_anything_has_no_stacks(engine: FakeEngine) -> None:
    assert disk.stacks(engine.client) == {}


def test_an_engine_that_measures_for_somebody_else_is_asked_again(engine: FakeEngine) -> None:
    engine.measuring = 3
    assert disk.stacks(engine.client) == {}
    assert engine.measuring == 0


def test_an_engine_that_never_has_time_is_not_waited_for(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, error_of: Callable
) -> None:
    engine.measuring = 10**6
    monkeypatch.setattr(disk, "SECONDS", 0)
    assert error_of(disk.stacks, engine.client) == (
        "error: the Docker Engine does not measure its disk\n"
        "  for 0 s it said: a disk usage operation is already running\n"
        "  fix: end other programs that ask it, such as docker system df; then try again"
    )


def test_another_refusal_is_the_engine_s_own(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise Refused(500, "broken")

    monkeypatch.setattr(engine, "_measure", refuse)
    with pytest.raises(APIError, match="broken"):
        disk.stacks(engine.client)


def test_the_largest_stack_comes_first_and_one_that_is_not_there_uses_nothing(
    engine: FakeEngine, student: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.sizes[engine.add("edge", student="bob")] = 5 << 20
    both = [student, replace(student, name="bob")]
    assert [(one.student.name, one.mb) for one in disk.usages(engine.client, both)] == [("bob", 5), ("ada", 0)]
    monkeypatch.setattr(disk.engine, "connect", engine.connect)
    remote = replace(student, docker_host="ssh://lab@second")
    assert [one.student.name for one in disk.of_all([remote, *both])] == ["bob", "ada", "ada"]
    assert disk.of_all([]) == []


@pytest.mark.parametrize(
    ("limit_mb", "nodes", "is_over", "words"),
    [
        (10, {"edge": 10}, False, "10 of 10 MB of disk (edge 10)"),
        (10, {"edge": 7, "kafka1": 9, "other": 1, "cassandra1": 8}, True,
         "25 of 10 MB of disk, too much (kafka1 9, cassandra1 8, edge 7)"),
        (0, {"edge": 99}, False, "99 MB of disk (edge 99)"),
        (10, {}, False, "0 of 10 MB of disk"),
    ],
)  # fmt: skip
def test_what_is_said_of_a_stack(student: Student, limit_mb: int, nodes: dict, is_over: bool, words: str) -> None:
    usage = Usage(replace(student, disk_mb=limit_mb), {name: mb << 20 for name, mb in nodes.items()})
    assert (usage.is_over, str(usage)) == (is_over, words)
