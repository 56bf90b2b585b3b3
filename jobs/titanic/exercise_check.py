"""What the exercise of the titanic lesson starts from, and what each of its gaps should leave behind."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from common.checkpoint import Checkpoint
from common.checks import Assertion, equal, json_of, same_rows
from common.exercise import Exercise
from titanic import data
from titanic.places import CLASSES_FILE

if TYPE_CHECKING:
    from common.lab import Lab

#: maxOffsetsPerTrigger that the exercise asks for; Spark shares it out over three partitions, rounded down.
PER_BATCH = 300
READ_TYPES = {"PassengerId": "int", "Pclass": "int", "Age": "int", "event_time": "timestamp"}
NAMED_TYPES = {"PassengerId": "int", "ClassName": "string", "AgeBand": "string", "event_time": "timestamp"}
MINUTE_TYPES = {"start": "timestamp", "passengers": "bigint"}


def prepare(lab: Lab) -> list[str]:
    settings = lab.settings
    records = [(str(one.PassengerId), data.as_json(one)) for one in data.passengers(settings.seed)]
    return [
        lab.ensure_file(settings.input(CLASSES_FILE), data.classes_csv()),
        lab.ensure_records(settings.topic("raw"), records),
    ]


def check(lab: Lab) -> list[Assertion]:
    work, seed = Exercise(lab), lab.settings.seed
    return [
        *work.gap(1, lambda: reads(lab, work)),
        *work.gap(2, lambda: named(work, seed)),
        *work.gap(3, lambda: topic(lab), needs=[1, 2]),
        *work.gap(4, lambda: minutes(work, seed), needs=[1]),
        *work.gap(5, lambda: ages(work, seed), needs=[1, 2]),
    ]


def enriched(seed: int, columns: dict[str, str] | tuple[str, ...]) -> list[dict[str, Any]]:
    """All passengers, these columns of each."""
    return [{name: row[name] for name in columns} for row in map(data.enriched, data.passengers(seed))]


def reads(lab: Lab, work: Exercise) -> list[Assertion]:
    checkpoint = Checkpoint(lab.hdfs, work.checkpoint(1))
    offsets = f"hdfs dfs -cat '{checkpoint.path}/offsets/*'"
    return [
        equal("columns and types", READ_TYPES, lambda: work.columns(1), work.where(1)),
        same_rows(
            "passengers, from the topic's beginning",
            enriched(lab.settings.seed, READ_TYPES),
            lambda: work.rows(1),
            work.where(1),
        ),
        equal("batches of at most 300", True, lambda: max(checkpoint.batch_sizes()) <= PER_BATCH, offsets),
    ]


def named(work: Exercise, seed: int) -> list[Assertion]:
    return [
        equal("columns and types", NAMED_TYPES, lambda: work.columns(2), work.where(2)),
        same_rows("passengers, all columns", enriched(seed, NAMED_TYPES), lambda: work.rows(2), work.where(2)),
    ]


def topic(lab: Lab) -> list[Assertion]:
    name, seed = lab.settings.topic("enriched"), lab.settings.seed
    checkpoint = Checkpoint(lab.hdfs, lab.settings.checkpoint(f"{lab.settings.lesson}-enrich"))
    where = f"kafka-console-consumer.sh --bootstrap-server {lab.info.kafka} --topic {name} --from-beginning"
    values = enriched(seed, ("PassengerId", "ClassName", "AgeBand"))

    def found() -> list[dict[str, Any]]:
        return [{"key": one.key, "value": json_of(one)} for one in lab.kafka.consume_all(name)]

    return [
        equal(
            "records done by its checkpoint",
            len(data.passengers(seed)),
            checkpoint.records_done,
            f"hdfs dfs -ls {checkpoint.path}",
        ),
        same_rows("keys and values", [{"key": str(one["PassengerId"]), "value": one} for one in values], found, where),
    ]


def minutes(work: Exercise, seed: int) -> list[Assertion]:
    rows = [
        {"start": f"{datetime.fromisoformat(start):%Y-%m-%dT%H:%M:%S.000Z}", "passengers": count}
        for start, count in data.windows(seed).items()
    ]
    return [
        equal("columns and types", MINUTE_TYPES, lambda: work.columns(4), work.where(4)),
        same_rows("passengers by minute", rows, lambda: work.rows(4), work.where(4)),
    ]


def ages(work: Exercise, seed: int) -> list[Assertion]:
    where = f"hdfs dfs -cat {work.lab.settings.output('gaps.json')}"
    return [equal("passengers by age band", data.mix(seed)[0], lambda: work.value(5), where)]
