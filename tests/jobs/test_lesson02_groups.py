"""Members of a group, with Kafka replaced by a list: what a death costs follows from where the commit stands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from kafka.errors import CoordinatorNotAvailableError

from common.kafka import Kafka
from common.settings import Settings
from lesson02 import data, groups
from lesson02.members import Share, chunk, is_divided

PLACE = "the only partition"


class MemoryGroup:
    """One partition of sixty records and one group's commits; each member begins where the last commit stands."""

    def __init__(self) -> None:
        self.committed = 0
        self.commits: list[int] = []

    @contextmanager
    def member(self, settings: Settings, group: str, name: str) -> Iterator[Any]:
        yield MemoryConsumer(self)


class MemoryConsumer:
    def __init__(self, group: MemoryGroup) -> None:
        self.group = group
        self.next = group.committed

    def subscribe(self, topics: list[str]) -> None:
        assert topics == ["l02-events"]

    def assignment(self) -> set[str]:
        return {PLACE}

    def position(self, place: str) -> int:
        return self.next

    def end_offsets(self, places: list[str]) -> dict[str, int]:
        return dict.fromkeys(places, data.EVENTS)

    def poll(self, *, timeout_ms: int, max_records: int) -> dict[str, list[Any]]:
        """Never more than seven, as a broker gives what it has at hand."""
        upto = min(self.next + min(max_records, 7), data.EVENTS)
        records = [SimpleNamespace(partition=0, offset=offset) for offset in range(self.next, upto)]
        self.next = upto
        return {PLACE: records}

    def commit(self) -> None:
        self.group.committed = self.next
        self.group.commits.append(self.next)


@pytest.fixture
def group(monkeypatch: pytest.MonkeyPatch) -> MemoryGroup:
    made = MemoryGroup()
    monkeypatch.setattr(groups, "member", made.member)
    return made


@pytest.fixture
def lesson02(settings: Settings) -> Settings:
    return replace(settings, lesson="lesson02", step="groups", topics=("l02-events",))


def test_a_commit_after_the_work_hands_the_last_records_out_again(group: MemoryGroup, lesson02: Settings) -> None:
    handled = groups.relay(lesson02, "g", commit_first=False)
    offsets = [one["offset"] for one in handled]
    assert offsets == [*range(24), *range(20, 60)]
    assert len(offsets) == data.AT_LEAST_ONCE
    assert group.commits == [10, 20, 30, 40, 50, 60]
    assert groups.told("g", handled) == "g: 60 records in the topic, 64 handled: 4 twice, 0 never"


def test_a_commit_before_the_work_loses_what_was_still_to_come(group: MemoryGroup, lesson02: Settings) -> None:
    handled = groups.relay(lesson02, "g", commit_first=True)
    offsets = [one["offset"] for one in handled]
    assert offsets == [*range(24), *range(30, 60)]
    assert len(offsets) == data.AT_MOST_ONCE
    assert groups.told("g", handled) == "g: 60 records in the topic, 54 handled: 0 twice, 6 never"


def test_a_chunk_is_full_however_little_a_poll_brings(group: MemoryGroup) -> None:
    consumer = MemoryConsumer(group)
    assert [record.offset for record in chunk(consumer, 10)] == list(range(10))
    consumer.next = 55
    assert [record.offset for record in chunk(consumer, 10)] == list(range(55, 60))
    assert chunk(consumer, 10) == []


@pytest.mark.parametrize(
    ("owned", "divided"),
    [
        (({0, 1}, {2}), True),
        (({0, 1, 2}, set()), False),  # the second is not there yet
        (({0, 1, 2}, {2}), False),  # the first has not heard of it yet
        (({0}, {2}), False),
    ],
)
def test_a_topic_is_divided_when_each_partition_has_one_owner(owned: tuple[set[int], ...], divided: bool) -> None:
    shares = [Share(str(number), partitions) for number, partitions in enumerate(owned)]
    assert is_divided(shares, 3) is divided


def test_the_first_group_of_a_cluster_is_asked_about_again() -> None:
    """A cluster without any group yet has no coordinator; the first question makes it one."""
    answers = iter([CoordinatorNotAvailableError(), "CoordinatorLoadInProgressError", "GroupIdNotFoundError"])

    def delete_groups(names: list[str]) -> dict[str, str]:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return dict.fromkeys(names, answer)

    kafka = Kafka("nowhere:1")
    kafka.__dict__["_admin"] = SimpleNamespace(delete_groups=delete_groups)
    assert kafka.delete_group("l02-group") is False
