"""Which copies a stack's data should have, on which nodes, when its plan has changed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from common.errors import Missing
from common.hdfs import Status
from edge import placement

Serve = Callable[[int, Any], None]


@pytest.mark.parametrize(
    ("now", "before", "after", "nodes", "then"),
    [
        (1, 1, 3, 3, 3),  # it had the stack's number, and gets the new one
        (1, 2, 3, 3, 1),  # somebody wanted one copy only
        (3, 3, 2, 2, 2),  # a node leaves
        (5, 3, 3, 4, 4),  # never more than there are nodes
        (2, 2, 2, 4, 2),  # nothing changes
        (2, 1, 1, 1, 1),  # a run that was cut off has remembered the new number already
    ],
)
def test_copies_follow_the_plan_and_choices_stay(now: int, before: int, after: int, nodes: int, then: int) -> None:
    assert placement.copies(now, before=before, after=after, nodes=nodes) == then


@pytest.mark.parametrize(
    ("held", "brokers", "count", "then"),
    [
        ([1, 2], [1, 2, 3], 2, [1, 2]),
        ([1], [1, 2, 3], 3, [1, 3, 2]),  # the third holds less than the second
        ([3, 1], [1, 2], 2, [1, 2]),  # the third leaves
        ([3], [1, 2], 1, [2]),
        ([1, 2, 3], [1, 2], 2, [1, 2]),
    ],
)
def test_a_partition_stays_where_it_is_as_far_as_it_can(
    held: list[int], brokers: list[int], count: int, then: list[int]
) -> None:
    assert placement.places(held, brokers, count, Counter({1: 5, 2: 2, 3: 1})) == then


def test_what_a_broker_keeps_counts_once() -> None:
    load = Counter({1: 2, 2: 2, 3: 3})
    placement.places([1], [1, 2, 3], 2, load)
    assert load == {1: 2, 2: 3, 3: 3}


def test_partitions_are_spread_over_the_brokers_that_take_them() -> None:
    load = Counter({1: 4, 2: 4})
    assert [placement.places([1], [1, 2, 3, 4], 2, load)[1] for _ in range(4)] == [3, 4, 3, 4]


class Hdfs:
    """Files by path with their number of copies, and texts."""

    def __init__(self, files: dict[str, int]) -> None:
        self.files = files
        self.texts: dict[str, str] = {}

    def walk(self, top: str) -> list[Status]:
        assert top == "/"
        return [Status(path, False, 1, copies) for path, copies in self.files.items()]

    def set_replication(self, path: str, copies: int) -> None:
        self.files[path] = copies

    def read_text(self, path: str) -> str:
        if path not in self.texts:
            raise Missing(f"no such file: {path}")
        return self.texts[path]

    def write(self, path: str, text: str) -> None:
        self.texts[path] = text


class Brokers:
    """Partitions and who holds them; what is reassigned is held at once."""

    def __init__(self, held: dict[str, list[int]]) -> None:
        self.partitions = held

    def held(self) -> dict[str, list[int]]:
        return dict(self.partitions)

    def reassign(self, wanted: dict[str, list[int]]) -> None:
        self.partitions |= wanted


class Cassandra:
    """Keyspaces and their replication; keeps the statements that change one."""

    def __init__(self, **keyspaces: dict[str, str]) -> None:
        self.keyspaces = keyspaces
        self.asked: list[str] = []

    def rows(self, cql: str) -> list[dict]:
        if cql.startswith("SELECT"):
            return [{"keyspace_name": name, "replication": how} for name, how in self.keyspaces.items()]
        self.asked.append(cql)
        return []


def simple(copies: int) -> dict[str, str]:
    return {"class": "org.apache.cassandra.locator.SimpleStrategy", "replication_factor": str(copies)}


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    brokers = Brokers({"orders-0": [1], "orders-1": [1], "__consumer_offsets-0": [1]})
    brokers.close = lambda: None
    monkeypatch.setattr(placement, "brokers_of", lambda lab: placement.closing(brokers))
    local = {"class": "org.apache.cassandra.locator.LocalStrategy"}
    cassandra = Cassandra(system=local, system_auth=simple(1), lab=simple(1), systematic=simple(1))
    return SimpleNamespace(hdfs=Hdfs({"/a": 1, "/b": 2}), cassandra=cassandra, brokers=brokers)


ONE = {"hdfs": 1, "kafka": 1, "cassandra": 1}
LARGE = {"hdfs": ["datanode1", "datanode2"], "kafka": ["kafka1", "kafka2", "kafka3"], "cassandra": ["c1", "c2"]}


def test_what_a_larger_stack_keeps_gets_more_copies(lab: SimpleNamespace) -> None:
    done = placement.copy(lab, {"before": ONE, "after": {"hdfs": 2, "kafka": 3, "cassandra": 2}, "nodes": LARGE})
    assert done == {
        "told": ["1 files", "3 partitions", "keyspace lab", "keyspace systematic"],
        "raised": ["lab", "systematic"],
    }
    assert lab.hdfs.files == {"/a": 2, "/b": 2}
    assert {tuple(sorted(held)) for held in lab.brokers.partitions.values()} == {(1, 2, 3)}
    assert lab.cassandra.asked[0] == (
        "ALTER KEYSPACE \"lab\" WITH replication = {'class': 'org.apache.cassandra.locator.SimpleStrategy', "
        "'replication_factor': '2'}"
    )


def test_what_is_as_it_should_be_is_left_alone(lab: SimpleNamespace) -> None:
    done = placement.copy(lab, {"before": ONE, "after": ONE, "nodes": LARGE})
    assert done == {"told": [], "raised": []}
    assert lab.cassandra.asked == []


def test_nothing_stays_on_a_broker_that_leaves(lab: SimpleNamespace) -> None:
    lab.brokers.partitions = {"orders-0": [3, 1], "orders-1": [2, 3]}
    two, one = {"hdfs": 1, "kafka": 2, "cassandra": 1}, {kind: names[:1] for kind, names in LARGE.items()}
    placement.copy(lab, {"before": two, "after": two, "nodes": {**one, "kafka": ["kafka1", "kafka2"]}})
    assert lab.brokers.partitions == {"orders-0": [1, 2], "orders-1": [2, 1]}
    assert lab.hdfs.files == {"/a": 1, "/b": 1}  # two copies of /b cannot be on one DataNode


def test_keyspaces_are_replicated_as_they_were_but_for_the_number(lab: SimpleNamespace) -> None:
    """One with fewer copies has nothing to be repaired."""
    network = {"class": "org.apache.cassandra.locator.NetworkTopologyStrategy", "datacenter1": "2"}
    lab.cassandra = Cassandra(fewer=network, more=simple(1))
    two = {"hdfs": 1, "kafka": 1, "cassandra": 2}
    done = placement.copy(lab, {"before": two, "after": {**two, "cassandra": 1}, "nodes": {"cassandra": ["c1", "c2"]}})
    assert done == {"told": ["keyspace fewer"], "raised": []}
    assert lab.cassandra.asked == [
        "ALTER KEYSPACE \"fewer\" WITH replication = {'class': 'org.apache.cassandra.locator.NetworkTopologyStrategy', "
        "'datacenter1': '1'}"
    ]


def test_only_keyspaces_with_more_copies_anywhere_are_repaired() -> None:
    several = {"class": "org.apache.cassandra.locator.NetworkTopologyStrategy", "one": "1", "two": "3"}
    cassandra = Cassandra(fewer=simple(3), more=simple(1), both=several, one_fewer={**several, "one": "2"})
    assert list(placement.copy_keyspaces(cassandra, lambda now: 2)) == [
        ("fewer", False), ("more", True), ("both", True), ("one_fewer", False),
    ]  # fmt: skip


def test_a_look_finds_what_is_there_in_order(lab: SimpleNamespace) -> None:
    lab.brokers.registered = lambda: {2, 1}
    lab.cassandra.ring = lambda: {"10.89.1.14", "10.89.1.7"}
    assert placement.look(lab, {}) == {
        "replication": ONE,
        "ring": ["10.89.1.14", "10.89.1.7"],
        "keyspaces": ["lab", "systematic"],
        "brokers": [1, 2],
    }


def test_the_copies_are_remembered(lab: SimpleNamespace) -> None:
    assert placement.remembered(lab.hdfs) == ONE
    assert placement.remember(lab, {**ONE, "kafka": 3}) == {}
    assert placement.remembered(lab.hdfs) == {**ONE, "kafka": 3}


def leaving(state: str) -> dict[str, Any]:
    node = {"adminState": state, "numBlocks": 12}
    return {"beans": [{"LiveNodes": json.dumps({"datanode1:9866": node, "datanode2:9866": node})}]}


def test_a_datanode_is_waited_for_until_its_blocks_are_elsewhere(web: Serve) -> None:
    web(9870, leaving("Decommissioned"))
    assert placement.drained(None, {"datanodes": ["datanode2"], "nodemanagers": [], "seconds": 0}) == {}


def test_what_takes_its_time_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [["datanode2 is Decommission In Progress"], []]
    monkeypatch.setattr(placement, "_held", lambda datanodes, nodemanagers: answers.pop(0))
    monkeypatch.setattr(placement, "PAUSE_S", 0)
    assert placement.drained(None, {"datanodes": ["datanode2"], "nodemanagers": [], "seconds": 60}) == {}
    assert answers == []


def test_what_a_datanode_still_holds_is_told(web: Serve) -> None:
    web(9870, leaving("Decommission In Progress"))
    with pytest.raises(TimeoutError, match=r"^datanode2 is Decommission In Progress, with 12 blocks$"):
        placement.drained(None, {"datanodes": ["datanode2"], "nodemanagers": [], "seconds": 0})
    with pytest.raises(TimeoutError, match=r"^datanode3 is not known to the NameNode, with 0 blocks$"):
        placement.drained(None, {"datanodes": ["datanode3"], "nodemanagers": [], "seconds": 0})


def test_what_a_nodemanager_still_runs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [{"nodeHostName": f"nodemanager{i}", "state": "DECOMMISSIONING", "numContainers": i} for i in (1, 2)]
    apps = [{"id": "application_1_1", "name": "mine"}]

    def in_states(states: str) -> list[dict[str, Any]]:
        return [node for node in nodes if node["state"] in states.split(",")]

    yarn = SimpleNamespace(nodes=in_states, unfinished=lambda: apps)
    monkeypatch.setattr(placement, "Yarn", lambda: yarn)
    with pytest.raises(TimeoutError) as caught:
        placement.drained(None, {"datanodes": [], "nodemanagers": ["nodemanager2"], "seconds": 0})
    assert str(caught.value) == ("nodemanager2 is DECOMMISSIONING with 2 containers; running: application_1_1 mine")
    apps.clear()
    for state in ("NEW", "RUNNING", "UNHEALTHY"):
        nodes[1]["state"] = state
        with pytest.raises(TimeoutError) as caught:
            placement.drained(None, {"datanodes": [], "nodemanagers": ["nodemanager2"], "seconds": 0})
        assert str(caught.value) == f"nodemanager2 is {state} with 2 containers; running: nothing any more"
    for state in ("DECOMMISSIONED", "LOST", "SHUTDOWN"):
        nodes[1]["state"] = state
        assert placement.drained(None, {"datanodes": [], "nodemanagers": ["nodemanager2"], "seconds": 0}) == {}


def test_a_daemon_that_does_not_answer_is_named(network: dict) -> None:
    with pytest.raises(TimeoutError, match=r"namenode: .*refused"):
        placement.answering(None, {"nodes": ["namenode"], "seconds": 0})
