"""Nodes leave after their data has: in which order a stack is asked, and what stays when something fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from streamlab.engines import engine, inside
from streamlab.engines.inside import Result
from streamlab.errors import LabError
from streamlab.stacks import placement
from streamlab.stacks.prove import Proven
from streamlab.stacks.stack import Stack
from streamlab.students import topology
from streamlab.students.topology import Student

ALL_ONE = {"hdfs": 1, "kafka": 1, "cassandra": 1}


class Node:
    """A container: keeps what was done with it among all that was done."""

    def __init__(self, name: str, done: list[str], status: str = "running") -> None:
        self.name, self.done, self.status = name, done, status
        self.file = ""

    def start(self) -> None:
        self.done.append(f"start {self.name}")

    def stop(self, timeout: int) -> None:
        self.done.append(f"stop {self.name}")

    def remove(self) -> None:
        self.done.append(f"remove {self.name}")


class World:
    """A stack whose nodes are there, and what was done with them in turn. `found` is what a look finds."""

    def __init__(self, student: Student, more: list[str]) -> None:
        self.done: list[str] = []
        names = [node.name for node in topology.nodes(student)] + more
        self.there = {name: Node(name, self.done) for name in names}
        ring = [topology.address(student, name) for name in names if name.startswith("cassandra")]
        self.found = {"replication": ALL_ONE, "ring": ring, "keyspaces": ["lab"], "brokers": [1, 2, 3]}
        self.raised: list[str] = []
        self.steps: dict[str, Any] = {}
        self.drained = Result(0, "{}", "")
        self.proofs = True
        volumes = SimpleNamespace(get=lambda name: SimpleNamespace(remove=lambda: self.done.append(f"drop {name}")))
        self.client = SimpleNamespace(volumes=volumes)

    def run(self, node: Node, argv: list[str], *, seconds: int, **_: Any) -> Result:
        if argv[0] == "cat":
            return Result(0, node.file, "")
        self.done.append(f"{node.name}: {' '.join(argv[:2])}")
        return Result(0, "", "")

    def put(self, node: Node, folder: str, files: dict[str, bytes]) -> None:
        ((name, content),) = files.items()
        node.file = content.decode()
        self.done.append(f"{node.name}: {folder}/{name} {node.file.strip()}")

    def answer(self, module: str, step: str, given: str, *, seconds: int, read: Callable) -> dict[str, Any]:
        if step != "look":
            self.done.append(step)
        self.steps[step] = json.loads(given)
        return read({"look": self.found, "copy": {"told": [], "raised": self.raised}}.get(step, {}))

    def python(self, module: str, step: str, given: str, *, seconds: int) -> Result:
        self.done.append(step)
        self.steps[step] = json.loads(given)
        return self.drained


@pytest.fixture
def world(student: Student, monkeypatch: pytest.MonkeyPatch) -> World:
    """A stack out of which a node of each kind of worker is to go."""
    made = World(student, ["datanode2", "nodemanager2", "kafka2", "cassandra2"])
    stack = Stack(student, made.client, made.there["edge"])

    @contextmanager
    def open_stack(of: Student) -> Iterator[Stack]:
        yield replace(stack, student=of)

    monkeypatch.setattr(placement, "open_stack", open_stack)
    monkeypatch.setattr(engine, "containers", lambda client, student: made.there)
    monkeypatch.setattr(inside, "run_inside", made.run)
    monkeypatch.setattr(inside, "put_files", made.put)
    monkeypatch.setattr(Stack, "answer", lambda self, *args, **given: made.answer(*args, **given))
    monkeypatch.setattr(Stack, "python", lambda self, *args, **given: made.python(*args, **given))
    monkeypatch.setattr(
        placement, "prove", lambda student, services, seconds: [Proven("hdfs", made.proofs, 0.1, "no DataNode")]
    )
    return made


def test_a_node_goes_in_its_product_s_own_way_and_then_its_volume(world: World, student: Student) -> None:
    assert placement.settle(student, ["cassandra2", "datanode2", "kafka2", "nodemanager2"]) == [
        "cassandra2 left", "datanode2 left", "kafka2 left", "nodemanager2 left",
    ]  # fmt: skip
    assert world.done == [
        "answering",
        'namenode: /data/leaving.json [{"hostName": "datanode2", "adminState": "DECOMMISSIONED"}]',
        "edge: hdfs dfsadmin",
        "resourcemanager: /data/leaving nodemanager2",
        "edge: yarn rmadmin",
        "cassandra1: nodetool repair",
        "cassandra2: nodetool repair",
        "copy",
        "cassandra2: nodetool decommission",
        "drained",
        *("stop cassandra2", "remove cassandra2", "drop spring-ada-cassandra2"),
        *("stop datanode2", "remove datanode2", "drop spring-ada-datanode2"),
        *("stop kafka2", "edge: kafka-cluster.sh unregister", "remove kafka2", "drop spring-ada-kafka2"),
        *("stop nodemanager2", "remove nodemanager2", "drop spring-ada-nodemanager2"),
        *("namenode: /data/leaving.json ", "edge: hdfs dfsadmin"),
        *("resourcemanager: /data/leaving ", "edge: yarn rmadmin"),
    ]
    assert world.steps["copy"] == {
        "before": ALL_ONE,
        "after": ALL_ONE,
        "nodes": {"hdfs": ["datanode1"], "kafka": ["kafka1"], "cassandra": ["cassandra1"]},
    }


def test_what_stays_as_it_was_is_not_looked_through(world: World, student: Student) -> None:
    placement.settle(student, ["kafka2", "nodemanager2"])
    assert world.steps["copy"]["nodes"] == {"kafka": ["kafka1"]}


def test_fewer_copies_are_remembered_before_and_more_after(world: World, student: Student) -> None:
    """A run that is cut off between the two must not be taken for one that has made them."""
    two = dict.fromkeys(student.node_counts, 2) | {"namenode": 1, "resourcemanager": 1, "edge": 1}
    placement.settle(replace(student, node_counts=two), [])
    assert [step for step in world.done if step in ("copy", "remember")] == ["copy", "remember"]
    assert world.steps["remember"] == {"hdfs": 2, "kafka": 2, "cassandra": 2}
    world.done.clear()
    world.found = {**world.found, "replication": {"hdfs": 2, "kafka": 2, "cassandra": 2}}
    placement.settle(student, ["datanode2"])
    assert [step for step in world.done if step in ("copy", "remember")] == ["remember", "copy"]
    assert world.steps["remember"] == ALL_ONE


def test_what_still_holds_something_stays_and_says_why(world: World, student: Student) -> None:
    world.drained = Result(1, "", "Traceback\nTimeoutError: nodemanager2 is DECOMMISSIONING with 2 containers\n")
    with pytest.raises(LabError) as caught:
        placement.settle(student, ["nodemanager2"])
    assert str(caught.value) == (
        "error: ada: nodemanager2 cannot leave yet\n"
        "  TimeoutError: nodemanager2 is DECOMMISSIONING with 2 containers\n"
        "  fix: end what runs there (invoke stop), or keep the node in the inventory; then invoke provision"
    )
    assert not [step for step in world.done if step.startswith(("stop", "remove ", "drop"))]


def test_nothing_moves_before_those_that_take_it_answer(world: World, student: Student) -> None:
    world.proofs = False
    with pytest.raises(LabError, match="hdfs does not answer as it should"):
        placement.settle(student, ["datanode2"])
    assert "copy" not in world.done


def test_a_node_that_does_not_run_is_started_since_only_it_has_its_data(world: World, student: Student) -> None:
    world.there["kafka2"].status = "exited"
    placement.settle(student, ["kafka2"])
    assert world.done[0] == "start kafka2"


def test_what_has_left_already_is_only_taken_away(world: World, student: Student) -> None:
    """The run before was cut off between the two."""
    world.found = {**world.found, "ring": ["10.89.1.7"], "brokers": [1]}
    placement.settle(student, ["cassandra2", "kafka2"])
    assert "cassandra2: nodetool decommission" not in world.done
    assert "edge: kafka-cluster.sh unregister" not in world.done
    assert {"remove cassandra2", "remove kafka2"} <= set(world.done)


def test_a_keyspace_with_more_copies_is_repaired_on_every_node(world: World, student: Student) -> None:
    world.raised = ["lab"]
    counts = {**student.node_counts, "cassandra": 2}
    placement.settle(replace(student, node_counts=counts, asked_copies={"cassandra": 1}), [])
    repairs = [f"cassandra{i}: nodetool repair" for i in (1, 2)]
    assert [step for step in world.done if "nodetool" in step] == [
        *repairs, "cassandra1: nodetool cleanup", "cassandra2: nodetool cleanup",
    ]  # fmt: skip


def test_who_leaves_is_told_once(world: World, student: Student) -> None:
    placement.settle(student, [])
    assert not [step for step in world.done if "leaving" in step]
