"""What lesson 2 leaves behind, looked at from outside: records, committed offsets, files of the demonstrations."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from functools import partial
from typing import TYPE_CHECKING, Any

from common.checks import Assertion, Fact, application_succeeded, equal, json_of
from common.errors import JobError, Missing
from lesson02 import data
from lesson02.places import AT_LEAST_ONCE, AT_MOST_ONCE, COUNT, GROUPS, MEMBERS, MEMBERS_OUT, SHARED, effects

if TYPE_CHECKING:
    from common.lab import Lab
    from common.records import Record


def check(lab: Lab) -> list[Assertion]:
    return [*events(lab), *sliced(lab), *groups(lab)]


def events(lab: Lab) -> list[Assertion]:
    """Sixty events, a sensor's all in one partition and in order."""
    topic = lab.settings.topic("events")
    records = Fact(lambda: some(lab.kafka.consume_all(topic), topic))
    offsets = f"kafka-get-offsets.sh --bootstrap-server {lab.info.kafka} --topic {topic}"
    read = consumer(lab, topic)
    return [
        equal(f"slice: sum of the end offsets of {topic}", data.EVENTS, lambda: lab.kafka.count(topic), offsets),
        equal(
            f"slice: records of {topic} by content",
            "all as sent",
            lambda: differences(Counter(data.events()), Counter((one.key, one.value) for one in records())),
            read,
        ),
        equal("slice: partitions of each key", owners(), lambda: partitions_of(records()), read),
        equal("slice: keys whose seq does not increase", [], lambda: out_of_order(records()), read),
    ]


def sliced(lab: Lab) -> list[Assertion]:
    """Offsets 2 to 4 of each partition, each once, and their count."""
    topic = lab.settings.topic("slice")
    records = Fact(lambda: some(lab.kafka.consume_all(topic), topic))
    wanted = Counter({text(key, value): 1 for key, value in data.sliced()})
    read = consumer(lab, topic)
    return [
        application_succeeded(lab, "slice"),
        # Not "at least": the step asks what is there before it writes.
        equal(f"slice: records in {topic}", len(data.sliced()) + 1, lambda: lab.kafka.count(topic), read),
        equal(
            f"slice: events in {topic}",
            "all as sent",
            lambda: differences(wanted, Counter(text(o.key, json_of(o)) for o in records() if o.key != COUNT)),
            read,
        ),
        equal(
            f"slice: the count in {topic}",
            [{"rows": len(data.sliced())}],
            lambda: [json_of(one) for one in records() if one.key == COUNT],
            read,
        ),
    ]


def groups(lab: Lab) -> list[Assertion]:
    """What the groups have committed, who owned what, and what became of the records where a member died."""
    topic, place = lab.settings.topic("events"), lab.settings.output(MEMBERS_OUT)
    found: Fact[dict[str, Any]] = Fact(lambda: json.loads(lab.hdfs.read_text(place)))
    cat = f"hdfs dfs -cat {place}"
    return [
        application_succeeded(lab, "groups"),
        *(
            equal(
                f"groups: offsets that {group} has committed",
                committed_by_partition(),
                partial(committed, lab, group, topic),
                f"kafka-consumer-groups.sh --bootstrap-server {lab.info.kafka} --describe --group {group}",
            )
            for group in GROUPS
        ),
        equal(
            "groups: members that have committed a partition, by the notes beside their offsets",
            sorted(MEMBERS),
            lambda: sorted(set(notes(lab, topic).values())),
            f"kafka-consumer-groups.sh --bootstrap-server {lab.info.kafka} --describe --group {SHARED}",
        ),
        equal(
            "groups: partitions that a member says it owned and another one has committed",
            [],
            lambda: [
                number
                for name, one in found()["members"].items()
                for number in one["partitions"]
                if notes(lab, topic).get(number) != name
            ],
            cat,
        ),
        equal("groups: lag before and after two members read", [data.EVENTS, 0], lambda: lags(found()), cat),
        equal("groups: members that owned partitions", len(MEMBERS), lambda: owning(found()), cat),
        equal(
            "groups: partitions, each owned by one member",
            list(range(data.PARTITIONS)),
            lambda: sorted(p for one in found()["members"].values() for p in one["partitions"]),
            cat,
        ),
        equal(
            "groups: records that a member read of a partition it did not own",
            0,
            lambda: foreign(found()),
            cat,
        ),
        equal(
            "groups: records that the two members read",
            "60 read, 0 twice, 0 never",
            lambda: told([tuple(place) for one in found()["members"].values() for place in one["read"]]),
            cat,
        ),
        *(delivered(lab, group, total) for group, total in TOTALS.items()),
    ]


TOTALS = {AT_LEAST_ONCE: data.AT_LEAST_ONCE, AT_MOST_ONCE: data.AT_MOST_ONCE}


def delivered(lab: Lab, group: str, total: int) -> Assertion:
    """With a commit after the work some records are handled twice, with one before it some are lost; never both."""
    place = lab.settings.output(effects(group))
    twice, never = max(total - data.EVENTS, 0), max(data.EVENTS - total, 0)

    def handled() -> str:
        lines = [json.loads(line) for line in lab.hdfs.read_text(place).splitlines()]
        return told([(one["partition"], one["offset"]) for one in lines])

    expected = f"{total} read, {twice} twice, {never} never"
    return equal(f"groups: what the members of {group} handled", expected, handled, f"hdfs dfs -cat {place}")


def told(places: list[tuple[int, int]]) -> str:
    """How many records of the topic were read, read twice, and not read, by their partition and offset."""
    counts = Counter(places)
    there = {(number, offset) for number in range(data.PARTITIONS) for offset in range(len(data.partition(number)))}
    again = sum(count - 1 for count in counts.values())
    return f"{len(places)} read, {again} twice, {len(there - set(counts))} never"


def committed_by_partition() -> dict[int, int]:
    return {number: len(data.partition(number)) for number in range(data.PARTITIONS)}


def committed(lab: Lab, group: str, topic: str) -> dict[int, int]:
    offsets = {part: end for (name, part), end in lab.kafka.committed(group).items() if name == topic}
    if not offsets:
        raise Missing(f"group {group} has committed nothing")
    return dict(sorted(offsets.items()))


def notes(lab: Lab, topic: str) -> dict[int, str]:
    """By partition, the member that has committed it: each commits its name beside the offset, and Kafka keeps it."""
    found = {part: note for (name, part), note in lab.kafka.notes(SHARED).items() if name == topic}
    if not found:
        raise Missing(f"group {SHARED} has committed nothing")
    return found


def lags(found: dict[str, Any]) -> list[int]:
    return [found["lag_before"], found["lag_after"]]


def owning(found: dict[str, Any]) -> int:
    return sum(bool(one["partitions"]) for one in found["members"].values())


def foreign(found: dict[str, Any]) -> int:
    return sum(place[0] not in one["partitions"] for one in found["members"].values() for place in one["read"])


def some(records: list[Record], topic: str) -> list[Record]:
    """No records at all would make every statement about them true."""
    if not records:
        raise Missing(f"no records in {topic}")
    return records


def owners() -> dict[str, list[int]]:
    return {key: [number] for key, number in sorted(data.SENSORS.items())}


def partitions_of(records: list[Record]) -> dict[str, list[int]]:
    found: dict[str, set[int]] = defaultdict(set)
    for record in records:
        found[str(record.key)].add(record.partition)
    return {key: sorted(numbers) for key, numbers in sorted(found.items())}


def out_of_order(records: list[Record]) -> list[str]:
    """Keys whose events are not numbered 0, 1, 2, … in the order of their offsets."""
    seqs: dict[str, list[int]] = defaultdict(list)
    for record in records:
        event = json_of(record)
        if not isinstance(event, dict) or not isinstance(event.get("seq"), int):
            place = f"offset {record.offset} of partition {record.partition}"
            raise JobError(f"the record at {place} has no number seq: {str(record.value)[:60]!r}")
        seqs[str(record.key)].append(event["seq"])
    return sorted(key for key, found in seqs.items() if found != sorted(set(found)))


def differences(wanted: Counter[Any], found: Counter[Any]) -> str:
    """In words: how many records are missing and too many, with one of each."""
    parts = [
        f"{lot.total()} {words}: {next(iter(lot))}"
        for words, lot in (("missing", wanted - found), ("too many", found - wanted))
        if lot
    ]
    return "; ".join(parts) or "all as sent"


def text(key: str | None, value: dict[str, Any]) -> str:
    """One record in a form in which two can be compared, whatever the order of its fields."""
    return f"{key} {json.dumps(value, sort_keys=True)}"


def consumer(lab: Lab, topic: str) -> str:
    show = "--formatter-property print.key=true --formatter-property print.partition=true"
    return f"kafka-console-consumer.sh --bootstrap-server {lab.info.kafka} --topic {topic} --from-beginning {show}"
