"""What the exercise of lesson 2 starts from, and what each of its gaps should leave behind."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from common.checks import Assertion, Fact, equal, json_of, same_rows
from common.errors import JobError
from common.exercise import Exercise
from lesson02 import data
from lesson02.places import READINGS

if TYPE_CHECKING:
    from common.lab import Lab

TYPES = {"sensor": "string", "seq": "int", "value": "double"}
SLICE_TYPES = {"key": "string", "value": "string", "partition": "int", "offset": "bigint"}


def prepare(lab: Lab) -> list[str]:
    return [lab.ensure_file(lab.settings.input(READINGS), data.readings_csv(lab.settings.seed))]


def check(lab: Lab) -> list[Assertion]:
    work = Exercise(lab)
    return [
        *work.gap(1, lambda: reads(lab, work)),
        *work.gap(2, lambda: messages(lab, work)),
        *work.gap(3, lambda: sent(lab, work)),
        *work.gap(4, lambda: ends(lab, work), needs=[3]),
        *work.gap(5, lambda: sliced(lab, work), needs=[3]),
        *work.gap(6, lambda: group(lab, work), needs=[3]),
    ]


def own_readings(lab: Lab) -> list[dict[str, Any]]:
    """The student's own readings, in the file's order."""
    return [asdict(one) for one in data.readings(lab.settings.seed)]


def reads(lab: Lab, work: Exercise) -> list[Assertion]:
    return [
        equal("columns and types", TYPES, lambda: work.columns(1), work.where(1)),
        same_rows("readings, all columns", own_readings(lab), lambda: work.rows(1), work.where(1)),
    ]


def messages(lab: Lab, work: Exercise) -> list[Assertion]:
    wanted = [{"key": one["sensor"], "value": one} for one in own_readings(lab)]
    returned = Fact(lambda: pairs(work.value(2)))
    where = f"{lab.settings.lesson}/exercise.py: print(pairs[0])"
    return [
        same_rows("keys, and values read as JSON", wanted, returned, where),
        equal(
            "the order of the file",
            [one["sensor"] for one in own_readings(lab)][:8],
            lambda: [one["key"] for one in returned()][:8],
            where,
        ),
    ]


def pairs(value: Any) -> list[dict[str, Any]]:
    """What gap 2 returned as rows.

    Raises:
        JobError: it is not a list of pairs of texts, or a value is not JSON.
    """
    if not isinstance(value, list):
        raise JobError(f"a {type(value).__name__}, not a list")
    rows = []
    for place, pair in enumerate(value):
        if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(one, str) for one in pair)):
            raise JobError(f"item {place} is not a pair of texts: {str(pair)[:60]}")
        try:
            rows.append({"key": pair[0], "value": json.loads(pair[1], parse_constant=not_json)})
        except ValueError as error:
            raise JobError(f"the value of item {place} is not JSON: {pair[1][:60]!r}") from error
    return rows


def not_json(word: str) -> None:
    """Python's json reads NaN; the standard does not know it."""
    raise ValueError(f"{word} is not JSON")


def sent(lab: Lab, work: Exercise) -> list[Assertion]:
    topic = lab.settings.topic("readings")
    show = "--formatter-property print.key=true --formatter-property print.partition=true"
    where = f"kafka-console-consumer.sh --bootstrap-server {lab.info.kafka} --topic {topic} --from-beginning {show}"
    records = Fact(lambda: lab.kafka.consume_all(topic))
    wanted = [
        {"partition": number, "key": one.sensor, "value": asdict(one)}
        for number in range(data.PARTITIONS)
        for one in data.readings_of_partition(number, lab.settings.seed)
    ]

    def found() -> list[dict[str, Any]]:
        return [{"partition": one.partition, "key": one.key, "value": json_of(one)} for one in records()]

    def reported() -> str:
        told = work.value(3)
        if not isinstance(told, list) or not all(isinstance(one, list) for one in told):
            raise JobError(f"no list of [partition, offset]: {str(told)[:60]}")
        there = Counter((one.partition, one.offset) for one in records())
        wrong = [one for one in told if tuple(one) not in there]
        if wrong:
            return f"{len(wrong)} are not in the topic, such as {wrong[0]}"
        return "one of each record" if Counter(map(tuple, told)) == there else f"{len(told)} of {there.total()} records"

    return [
        same_rows("records in the topic, each once, in its key's partition", wanted, found, where),
        equal("partitions and offsets that the brokers reported", "one of each record", reported, where),
    ]


def ends(lab: Lab, work: Exercise) -> list[Assertion]:
    topic = lab.settings.topic("readings")
    where = f"kafka-get-offsets.sh --bootstrap-server {lab.info.kafka} --topic {topic}"
    wanted = {
        str(number): len(data.readings_of_partition(number, lab.settings.seed)) for number in range(data.PARTITIONS)
    }
    return [equal("end offsets by partition", wanted, lambda: work.value(4), where)]


def sliced(lab: Lab, work: Exercise) -> list[Assertion]:
    wanted = [
        {"key": one.sensor, "value": asdict(one), "partition": number, "offset": offset}
        for number in range(data.PARTITIONS)
        for offset, one in enumerate(data.readings_of_partition(number, lab.settings.seed))
        if data.FIRST <= offset < data.END
    ]

    def found() -> list[dict[str, Any]]:
        return [{**row, "value": json.loads(row["value"])} for row in work.rows(5)]

    return [
        equal("columns and types", SLICE_TYPES, lambda: work.columns(5), work.where(5)),
        same_rows("records at offsets 2, 3 and 4 of each partition", wanted, found, work.where(5)),
    ]


def group(lab: Lab, work: Exercise) -> list[Assertion]:
    topic, name = lab.settings.topic("readings"), f"{lab.settings.topic('readings').partition('-')[0]}-readers"
    where = f"kafka-consumer-groups.sh --bootstrap-server {lab.info.kafka} --describe --group {name}"
    ends = {number: len(data.readings_of_partition(number, lab.settings.seed)) for number in range(data.PARTITIONS)}

    def committed() -> dict[int, int]:
        return {part: end for (there, part), end in sorted(lab.kafka.committed(name).items()) if there == topic}

    return [
        equal("the highest value of each sensor", data.highest(lab.settings.seed), lambda: work.value(6), where),
        equal(f"offsets that the group {name} has committed", ends, committed, where),
    ]
