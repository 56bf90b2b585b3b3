"""The check of lesson 2 fails in words on an empty cluster, passes on a right one, and names what is off."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from common.checks import Assertion
from common.errors import Missing
from common.settings import LabInfo, Settings
from lesson02 import data
from lesson02.check import check

HOME = "/user/student/lesson02"
INFO = LabInfo(
    "student01", "kafka1:9092", ("cassandra1",), "http://namenode:9870", "hdfs://namenode:8020", "http://rm:8088"
)
TOPICS = ("l02-events", "l02-slice", "l02-broken-no-flush", "l02-broken-twice")
GROUPS = ("l02-group", "l02-at-least-once", "l02-at-most-once")


class World:
    """HDFS, Kafka and YARN as dictionaries; what is not in them is missing, as on a cluster."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.topics: dict[str, list[Any]] = {}
        self.groups: dict[str, dict[tuple[str, int], int]] = {}
        self.outcomes: dict[str, str] = {}
        self.notes: dict[tuple[str, int], str] = {}

    def read(self, path: str) -> str:
        if path not in self.files:
            raise Missing(f"no such file: {path}")
        return self.files[path]

    def consume(self, topic: str) -> list[Any]:
        if topic not in self.topics:
            raise Missing(f"no such topic: {topic}")
        return self.topics[topic]

    def latest(self, name: str) -> Any:
        if name not in self.outcomes:
            raise Missing(f"no such application: {name}")
        return SimpleNamespace(outcome=self.outcomes[name])

    def lab(self) -> Any:
        return SimpleNamespace(
            info=INFO,
            settings=Settings(info=INFO, lesson="lesson02", topics=TOPICS),
            hdfs=SimpleNamespace(read_text=self.read),
            kafka=SimpleNamespace(
                count=lambda topic: len(self.consume(topic)),
                consume_all=self.consume,
                committed=lambda group: self.groups.get(group, {}),
                notes=lambda group: self.notes,
            ),
            yarn=SimpleNamespace(latest=self.latest),
        )

    def put_handled(self, group: str, places: list[tuple[int, int]]) -> None:
        lines = [json.dumps({"partition": partition, "offset": offset}) for partition, offset in places]
        self.files[f"{HOME}/out/{group}.jsonl"] = "\n".join(lines)

    def put_members(self, partitions: dict[str, list[int]]) -> None:
        members = {
            name: {"partitions": owned, "read": [[number, offset] for number in owned for offset in range(20)]}
            for name, owned in partitions.items()
        }
        self.notes = {("l02-events", number): name for name, owned in partitions.items() for number in owned}
        found = {"lag_before": 60, "lag_after": 0, "members": members}
        self.files[f"{HOME}/out/members.json"] = json.dumps(found)


def record(key: str, value: str, partition: int = 0, offset: int = 0) -> Any:
    return SimpleNamespace(key=key, value=value, partition=partition, offset=offset)


@pytest.fixture
def right() -> World:
    world = World()
    world.outcomes = {"student01-lesson02-slice": "SUCCEEDED", "student01-lesson02-groups": "SUCCEEDED"}
    world.topics["l02-events"] = [
        record(key, value, number, offset)
        for number in range(3)
        for offset, (key, value) in enumerate(data.partition(number))
    ]
    world.topics["l02-slice"] = [record(key, json.dumps(value)) for key, value in data.sliced()]
    world.topics["l02-slice"].append(record("count", '{"rows":9}'))
    world.groups = {group: {("l02-events", number): 20 for number in range(3)} for group in GROUPS}
    world.put_members({"member-a": [0, 1], "member-b": [2]})
    there = [(number, offset) for number in range(3) for offset in range(20)]
    world.put_handled("l02-at-least-once", [*there[:24], *there[20:]])
    world.put_handled("l02-at-most-once", [*there[:24], *there[30:]])
    return world


def failures(world: World) -> dict[str, Any]:
    return {one.name: one.found for one in check(world.lab()) if not one.passed}


def test_everything_passes_on_a_cluster_that_is_as_it_should_be(right: World) -> None:
    assert failures(right) == {}


def test_an_empty_cluster_fails_everywhere_in_plain_words() -> None:
    found = check(World().lab())
    assert all(isinstance(one, Assertion) and not one.passed and one.where for one in found)
    words = [one.found for one in found]
    assert all(text.startswith("no such ") or text.endswith("has committed nothing") for text in words), words
    assert json.dumps([one.as_dict() for one in found])


def test_topics_that_are_there_but_empty_fail_too(right: World) -> None:
    right.topics = {name: [] for name in TOPICS}
    found = failures(right)
    assert found["slice: keys whose seq does not increase"] == "no records in l02-events"
    assert len(found) == 7


def test_a_record_that_was_sent_twice_is_found(right: World) -> None:
    right.topics["l02-slice"].append(right.topics["l02-slice"][0])
    found = failures(right)
    assert found["slice: records in l02-slice"] == 11
    assert found["slice: events in l02-slice"].startswith("1 too many: cellar ")


def test_a_count_that_was_sent_twice_is_found(right: World) -> None:
    right.topics["l02-slice"].append(record("count", '{"rows":9}'))
    assert failures(right)["slice: the count in l02-slice"] == [{"rows": 9}, {"rows": 9}]


def test_a_foreign_event_and_a_key_in_two_partitions_are_found(right: World) -> None:
    right.topics["l02-events"].append(record("cellar", '{"sensor": "cellar", "seq": 10, "value": 1.0}', partition=2))
    found = failures(right)
    assert found["slice: sum of the end offsets of l02-events"] == 61
    assert found["slice: records of l02-events by content"].startswith("1 too many: ('cellar', ")
    assert found["slice: partitions of each key"]["cellar"] == [0, 2]


def test_events_out_of_order_are_found(right: World) -> None:
    events = right.topics["l02-events"]
    events[0], events[2] = events[2], events[0]
    assert failures(right) == {"slice: keys whose seq does not increase": ["cellar"]}


def test_a_group_that_stopped_early_is_found(right: World) -> None:
    right.groups["l02-group"]["l02-events", 1] = 12
    assert failures(right) == {"groups: offsets that l02-group has committed": {0: 20, 1: 12, 2: 20}}


def test_members_that_own_the_same_partition_are_found(right: World) -> None:
    right.put_members({"member-a": [0, 1], "member-b": [1, 2]})
    found = failures(right)
    assert found["groups: partitions, each owned by one member"] == [0, 1, 1, 2]
    assert found["groups: records that the two members read"] == "80 read, 20 twice, 0 never"


def test_one_member_that_owned_all_is_found(right: World) -> None:
    right.put_members({"member-a": [0, 1, 2], "member-b": []})
    assert failures(right) == {
        "groups: members that have committed a partition, by the notes beside their offsets": ["member-a"],
        "groups: members that owned partitions": 1,
    }


def test_a_division_that_only_the_job_s_own_file_knows_is_found(right: World) -> None:
    """Kafka says who has committed a partition; the step's file alone proves nothing."""
    right.notes = dict.fromkeys(right.notes, "member-a")
    assert failures(right) == {
        "groups: members that have committed a partition, by the notes beside their offsets": ["member-a"],
        "groups: partitions that a member says it owned and another one has committed": [2],
    }


@pytest.mark.parametrize("value", ["7", "[]", '{"sensor": "roof"}', "not JSON", None])
def test_a_record_that_is_no_event_is_a_sentence(right: World, value: str) -> None:
    right.topics["l02-events"].append(record("roof", value, 2, 20))
    found = failures(right)["slice: keys whose seq does not increase"]
    assert found.startswith("the record at offset 20 of partition 2 ")


def test_deliveries_that_cost_nothing_are_found(right: World) -> None:
    """Sixty of sixty would be exactly once, which neither place of a commit gives when a member dies."""
    right.put_handled("l02-at-least-once", [(number, offset) for number in range(3) for offset in range(20)])
    assert failures(right) == {
        "groups: what the members of l02-at-least-once handled": "60 read, 0 twice, 0 never",
    }
