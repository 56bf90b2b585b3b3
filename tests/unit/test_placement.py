"""Nodes leave after their data has: in which order a stack is asked, and what stays when something fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from edge import placement as edge_placement
from fake_engine import FakeEngine
from streamlab.engines import engine, inside, labelled
from streamlab.engines.inside import Result
from streamlab.errors import LabError
from streamlab.stacks import placement
from streamlab.stacks.prove import SECONDS, Proven
from streamlab.stacks.stack import Stack
from streamlab.students import addresses, topology
from streamlab.students.student import Student

REFRESH_HDFS = "edge: hdfs dfsadmin -refreshNodes"
REFRESH_YARN = "edge: yarn rmadmin -refreshNodes -g 1000000 -server"
UNREGISTER = "edge: kafka-cluster.sh unregister --bootstrap-server kafka1:9092 --id 2"
DECOMMISSION = "cassandra2: nodetool decommission --force"
ALL_ONE = {"hdfs": 1, "kafka": 1, "cassandra": 1}


class Node:
    """A container: keeps what was done with it among all that was done."""

    def __init__(self, name: str, world: World) -> None:
        self.name, self.world, self.status = name, world, "running"
        self.files: dict[str, str] = {}

    def start(self) -> None:
        self.world.do(f"start {self.name}")

    def stop(self, timeout: int) -> None:
        self.world.do(f"stop {self.name}")

    def remove(self) -> None:
        self.world.do(f"remove {self.name}")


class World:
    """A stack whose nodes are there, and what was done with them in turn. `found` is what a look finds."""

    def __init__(self, student: Student, more: list[str]) -> None:
        self.done: list[str] = []
        names = [node.name for node in topology.nodes(student)] + more
        self.there = {name: Node(name, self) for name in names}
        ring = [addresses.address(student, name) for name in names if name.startswith("cassandra")]
        self.found = {"replication": ALL_ONE, "ring": ring, "keyspaces": ["lab"], "brokers": [1, 2, 3]}
        self.raised: list[str] = []
        self.steps: dict[str, Any] = {}
        self.drained = Result(0, "{}", "")
        self.proofs = True
        self.cut_off_at = self.fails = ""
        volumes = SimpleNamespace(get=lambda name: SimpleNamespace(remove=lambda: self.do(f"drop {name}")))
        self.client = SimpleNamespace(volumes=volumes)

    def do(self, what: str) -> None:
        if what == self.cut_off_at:
            raise KeyboardInterrupt
        self.done.append(what)

    def run(self, node: Node, argv: list[str], *, seconds: int, **_: Any) -> Result:
        if argv[0] == "cat":
            return Result(0, node.files.get(argv[1], ""), "")
        if argv[:2] == ["rm", "-f"]:
            del node.files[argv[2]]
        else:
            self.do(what := f"{node.name}: {' '.join(argv)}")
            if what == self.fails:
                return Result(1, "", "daemon says no")
        return Result(0, "", "")

    def put(self, node: Node, folder: str, files: dict[str, bytes]) -> None:
        ((name, content),) = files.items()
        node.files[f"{folder}/{name}"] = content.decode()
        if f"{folder}/{name}" != placement.NOTE:
            self.do(f"{node.name}: {folder}/{name} {content.decode().strip()}")

    @property
    def note(self) -> str | None:
        return self.there["namenode"].files.get(placement.NOTE)

    def answer(self, module: str, step: str, given: str, *, seconds: int, read: Callable) -> dict[str, Any]:
        assert (module, step in edge_placement.STEPS) == ("edge.placement", True)
        assert json.loads(given).get("seconds", 0) < seconds  # else nobody hears why it took too long
        if step != "look":
            self.do(step)
        self.steps[step] = json.loads(given)
        return read({"look": self.found, "copy": {"told": [], "raised": self.raised}}.get(step, {}))

    def python(self, module: str, step: str, given: str, *, seconds: int) -> Result:
        assert (module, step in edge_placement.STEPS) == ("edge.placement", True)
        assert json.loads(given).get("seconds", 0) < seconds  # else nobody hears why it took too long
        self.do(step)
        self.steps[step] = json.loads(given)
        return self.drained


@pytest.fixture
def world(student: Student, monkeypatch: pytest.MonkeyPatch) -> World:
    """A stack out of which a node of each kind of worker is to go."""
    made = World(student, ["datanode2", "nodemanager2", "kafka2", "cassandra2"])
    stack = Stack(student, made.client, made.there["edge"])

    @contextmanager
    def open_on_engine(of: Student) -> Iterator[Stack]:
        yield replace(stack, student=of)

    monkeypatch.setattr(placement, "open_on_engine", open_on_engine)
    monkeypatch.setattr(labelled, "containers", lambda client, student: made.there)
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
        REFRESH_HDFS,
        "resourcemanager: /data/leaving nodemanager2",
        REFRESH_YARN,
        "cassandra1: nodetool repair -full -pr lab",
        "cassandra2: nodetool repair -full -pr lab",
        "copy",
        "drained",
        DECOMMISSION,
        *("stop cassandra2", "remove cassandra2", "drop spring-ada-cassandra2"),
        *("stop datanode2", "remove datanode2", "drop spring-ada-datanode2"),
        *("stop kafka2", UNREGISTER, "remove kafka2", "drop spring-ada-kafka2"),
        *("stop nodemanager2", "remove nodemanager2", "drop spring-ada-nodemanager2"),
        *("namenode: /data/leaving.json ", REFRESH_HDFS),
        *("resourcemanager: /data/leaving ", REFRESH_YARN),
    ]
    assert world.steps["copy"] == {
        "before": ALL_ONE,
        "after": ALL_ONE,
        "nodes": {"hdfs": ["datanode1"], "kafka": ["kafka1"], "cassandra": ["cassandra1"]},
    }
    assert world.steps["answering"] == {"nodes": ["namenode", "resourcemanager"], "seconds": SECONDS}
    assert world.steps["drained"] == {
        "datanodes": ["datanode2"], "nodemanagers": ["nodemanager2"], "seconds": placement.LEAVE_SECONDS,
    }  # fmt: skip
    assert world.note is None


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


def test_nodes_that_could_not_leave_and_are_kept_are_taken_back(world: World, student: Student) -> None:
    """As the error says: keep them in the inventory; then provision, which changes no container."""
    names = ["cassandra2", "datanode2", "kafka2", "nodemanager2"]
    kinds = ("cassandra", "datanode", "kafka", "nodemanager")
    larger = replace(student, node_counts={**student.node_counts, **dict.fromkeys(kinds, 2)})
    two = {"hdfs": 2, "kafka": 2, "cassandra": 2}
    world.found = {**world.found, "replication": two}
    world.drained = Result(1, "", "TimeoutError: nodemanager2 is DECOMMISSIONING with 2 containers\n")
    with pytest.raises(LabError):
        placement.settle(student, names)
    assert DECOMMISSION not in world.done  # the one step that cannot be taken back
    world.done.clear()
    world.found = {**world.found, "replication": world.steps["remember"]}
    assert placement.settle(larger, []) == [
        "datanode2 stays", "nodemanager2 stays", "kafka2 stays", "cassandra2 stays",
    ]  # fmt: skip
    for step in ("namenode: /data/leaving.json ", "resourcemanager: /data/leaving ", REFRESH_YARN, "copy"):
        assert step in world.done
    assert (world.steps["copy"]["after"], world.steps["remember"]) == (two, two)
    assert world.note is None


REMOVALS = [f"{how}{name}" for name in ("cassandra2", "datanode2", "kafka2", "nodemanager2")
            for how in ("stop ", "remove ", "drop spring-ada-")]  # fmt: skip


@pytest.mark.parametrize("moment", [*REMOVALS, UNREGISTER, "namenode: /data/leaving.json "])
def test_a_removal_that_was_cut_off_anywhere_is_completed(world: World, student: Student, moment: str) -> None:
    world.cut_off_at = moment
    with pytest.raises(KeyboardInterrupt):
        placement.settle(student, names := ["cassandra2", "datanode2", "kafka2", "nodemanager2"])
    before = set(world.done)
    world.cut_off_at = ""
    world.done.clear()
    ring, brokers = ["10.89.1.7"], [1] if UNREGISTER in before else [1, 2]
    world.found = {**world.found, "ring": ring, "brokers": brokers}
    left = [name for name in names if f"drop spring-ada-{name}" not in before]
    for name in names:
        if f"remove {name}" in before:
            del world.there[name]
    assert placement.settle(student, left) == [f"{name} left" for name in left]
    assert set(REMOVALS) <= before | set(world.done)
    assert not [step for step in world.done if step.startswith(("start", "cassandra2"))]
    assert world.note is None


def test_a_volume_without_its_container_may_hold_the_only_copy(world: World, student: Student) -> None:
    """Somebody has removed the container of a node that had handed over nothing."""
    for name in ("datanode2", "nodemanager2"):
        del world.there[name]
    with pytest.raises(LabError) as caught:
        placement.settle(student, ["datanode2", "nodemanager2"])
    assert str(caught.value) == (
        "error: ada: datanode2 cannot leave: the container is gone\n"
        "  volume spring-ada-datanode2 may hold data that no other node has\n"
        "  fix: keep the node in the inventory and provision, then take it out and provision again"
    )
    assert world.done == []
    assert placement.settle(student, ["nodemanager2"]) == ["nodemanager2 left"]  # YARN keeps none


@pytest.mark.parametrize("moment", ["remove cassandra2", "drop spring-ada-cassandra2"])
def test_a_node_of_cassandra_that_had_left_comes_back_without_its_old_data(
    world: World, student: Student, moment: str
) -> None:
    """A run was cut off after the node had left the ring; the next one wants it again, and has started it."""
    world.cut_off_at = moment
    with pytest.raises(KeyboardInterrupt):
        placement.settle(student, ["cassandra2"])
    world.cut_off_at = ""
    world.done.clear()
    larger = replace(student, node_counts={**student.node_counts, "cassandra": 2})
    with pytest.raises(LabError) as caught:
        placement.settle(larger, [])
    assert str(caught.value) == (
        "error: ada: cassandra2 had already left, and must be created again\n"
        "  what was left of an interrupted run is removed; the data are on the other nodes\n"
        "  fix: invoke provision once more"
    )
    assert world.done == ["stop cassandra2", "remove cassandra2", "drop spring-ada-cassandra2"]
    assert placement.settle(larger, []) == ["cassandra2 stays"]
    assert world.note is None


def test_a_new_node_of_a_name_that_has_left_is_not_taken_for_the_old_one(world: World, student: Student) -> None:
    world.cut_off_at = "namenode: /data/leaving.json "
    with pytest.raises(KeyboardInterrupt):
        placement.settle(student, ["cassandra2", "datanode2"])
    world.cut_off_at = ""
    world.done.clear()
    larger = replace(student, node_counts={**student.node_counts, "cassandra": 2, "datanode": 2})
    assert placement.settle(larger, []) == ["datanode2 stays", "cassandra2 stays"]
    assert not [step for step in world.done if step.startswith(("stop", "remove ", "drop"))]


@pytest.mark.parametrize("command", [REFRESH_HDFS, DECOMMISSION])
def test_a_command_that_fails_in_a_node_ends_it_and_nobody_is_removed(
    world: World, student: Student, command: str
) -> None:
    world.fails = command
    with pytest.raises(LabError) as caught:
        placement.settle(student, ["cassandra2", "datanode2"])
    assert caught.value.what == f"ada: {command.partition(': ')[2]} failed"
    assert caught.value.evidence == ["daemon says no"]
    assert not [step for step in world.done if step.startswith(("stop", "remove ", "drop"))]
    assert world.note == "cassandra2 leaves\ndatanode2 leaves\n"


@pytest.mark.parametrize(
    ("proved", "note", "settled"), [(True, [], True), (True, [placement.NOTE], False), (False, [], False)]
)
def test_a_stack_is_settled_once_it_is_proved_and_nobody_is_about_to_leave(
    student: Student, monkeypatch: pytest.MonkeyPatch, proved: bool, note: list[str], settled: bool
) -> None:
    fake = FakeEngine()
    fake.add("namenode", files=note)
    monkeypatch.setattr(engine, "connect", fake.connect)
    monkeypatch.setattr(placement, "is_proved", lambda of: proved)
    assert placement.is_settled(student) is settled


def test_nothing_moves_before_those_that_take_it_answer(world: World, student: Student) -> None:
    world.proofs = False
    with pytest.raises(LabError, match="hdfs does not answer correctly"):
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
    assert not [step for step in world.done if step.startswith("cassandra2: ")]  # nor is it repaired
    assert UNREGISTER not in world.done
    assert {"remove cassandra2", "remove kafka2"} <= set(world.done)


def test_a_keyspace_with_more_copies_is_repaired_on_every_node(world: World, student: Student) -> None:
    world.raised = ["lab"]
    counts = {**student.node_counts, "cassandra": 2}
    placement.settle(replace(student, node_counts=counts, asked_copies={"cassandra": 1}), [])
    repairs = [f"cassandra{i}: nodetool repair -full -pr lab" for i in (1, 2)]
    assert [step for step in world.done if "nodetool" in step] == [
        *repairs, "cassandra1: nodetool cleanup", "cassandra2: nodetool cleanup",
    ]  # fmt: skip


def test_who_leaves_is_told_once(world: World, student: Student) -> None:
    placement.settle(student, [])
    assert not [step for step in world.done if "leaving" in step]
