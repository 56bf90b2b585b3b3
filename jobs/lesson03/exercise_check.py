"""What the exercise of lesson 3 starts from, and what each of its gaps should leave behind."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from common import file_sink
from common.checkpoint import Checkpoint
from common.checks import Assertion, Fact, equal, same_members, same_rows
from common.errors import JobError
from common.exercise import Exercise, as_spark_writes
from common.orders import COLUMNS
from lesson03 import data

if TYPE_CHECKING:
    from common.lab import Lab
    from common.records import Record

#: maxOffsetsPerTrigger that gap 1 asks for.
PER_BATCH = 200
#: Records of each partition of the orders that gap 5 leaves out.
LEFT_OUT = 20
TIMES = [name for name in COLUMNS if name.endswith("_at")]
PARSED = {
    "partition": "int",
    "offset": "bigint",
    **{name: "timestamp" if name in TIMES else "string" for name in COLUMNS},
    "malformed": "string",
}


def prepare(lab: Lab) -> list[str]:
    seed = lab.settings.seed
    return [
        lab.ensure_records(lab.settings.topic("orders"), data.exercise_records(seed)),
        lab.ensure_records(lab.settings.topic("returns"), data.exercise_returns(seed)),
    ]


def check(lab: Lab) -> list[Assertion]:
    work = Exercise(lab)
    orders: Fact[list[Record]] = Fact(lambda: records_of(lab, "orders"))
    return [
        *work.gap(1, lambda: reads(lab, work, orders)),
        *work.gap(2, lambda: parses(work, orders)),
        *work.gap(3, lambda: sorts_out(work, orders)),
        *work.gap(4, lambda: files(lab, orders), needs=[1, 2, 3]),
        *work.gap(5, lambda: starts(lab, work, orders), needs=[]),
    ]


def records_of(lab: Lab, topic: str) -> list[Record]:
    """The topic's records; none where it is gone, so that all that is found is too much."""
    try:
        return lab.kafka.consume_all(lab.settings.topic(topic))
    except JobError:
        return []


def reads(lab: Lab, work: Exercise, orders: Fact[list[Record]]) -> list[Assertion]:
    checkpoint = Checkpoint(lab.hdfs, work.checkpoint(1))
    offsets = f"hdfs dfs -cat '{checkpoint.path}/offsets/*'"
    sizes = Counter(record.partition for record in orders())
    return [
        equal("the columns of Spark's Kafka source", True, lambda: "offset" in work.columns(1), work.where(1)),
        equal("records from the topic's beginning", 1000, lambda: len(work.rows(1)), work.where(1)),
        same_members(
            "places (partition, offset) of the topic's records",
            {f"({one.partition}, {one.offset})" for one in orders()},
            lambda: {f"({row['partition']}, {row['offset']})" for row in work.rows(1)},
            work.where(1),
        ),
        equal(
            f"records of each batch, by maxOffsetsPerTrigger {PER_BATCH}",
            data.batch_plan(sizes, PER_BATCH),
            checkpoint.batch_sizes,
            offsets,
        ),
    ]


def parsed_rows(orders: Fact[list[Record]]) -> list[dict[str, Any]]:
    """The topic's records as gap 2 is to read them.

    Of a value whose time is none Spark reads the other columns all the same; of one that is no JSON, none.
    """
    rows = []
    for record in orders():
        row = dict.fromkeys(PARSED) | {"partition": record.partition, "offset": record.offset}
        if record.key in MALFORMED:
            row |= {"malformed": record.value, **MALFORMED[str(record.key)]}
        else:
            row |= as_spark_writes(json.loads(str(record.value)), TIMES)
        rows.append(row)
    return rows


#: The columns that can be read of a malformed record, by its key.
MALFORMED: dict[str, dict[str, Any]] = {
    "cut-off": {},
    "no-json": {},
    "no-time": {"order_id": "00112233445566778899aabbccddeeff", "status": "created"},
}


def with_kind(row: dict[str, Any]) -> dict[str, Any]:
    is_order = row["malformed"] is None and row["order_id"] is not None
    return {**row, "kind": "order" if is_order else "malformed"}


def parses(work: Exercise, orders: Fact[list[Record]]) -> list[Assertion]:
    return [
        equal("columns and types", PARSED, lambda: work.columns(2), work.where(2)),
        same_rows("records, all columns", parsed_rows(orders), lambda: work.rows(2), work.where(2)),
    ]


def sorts_out(work: Exercise, orders: Fact[list[Record]]) -> list[Assertion]:
    wanted = [with_kind(row) for row in parsed_rows(orders)]
    return [
        equal("columns and types", {**PARSED, "kind": "string"}, lambda: work.columns(3), work.where(3)),
        equal(
            "records by kind",
            by_kind(wanted),
            lambda: by_kind(work.rows(3)),
            work.where(3),
        ),
        same_rows("records, all columns", wanted, lambda: work.rows(3), work.where(3)),
    ]


def by_kind(rows: list[dict[str, Any]]) -> dict[str, int]:
    return dict(sorted(Counter(str(row["kind"]) for row in rows).items()))


def files(lab: Lab, orders: Fact[list[Record]]) -> list[Assertion]:
    folder = lab.settings.output("orders")
    place = lab.settings.checkpoint(f"{lab.settings.lesson}-files")
    where = f"hdfs dfs -ls -R {folder}"
    paths = Fact(lambda: file_sink.committed_files(lab.hdfs, folder))
    some = ("partition", "offset", "order_id", "status")

    def found() -> list[dict[str, Any]]:
        return [
            {**{name: row[name] for name in some}, "kind": kind_of(path)}
            for path in paths()
            for row in file_sink.parquet_rows(lab.hdfs, [path])
        ]

    wanted = [{name: row[name] for name in (*some, "kind")} for row in map(with_kind, parsed_rows(orders))]
    return [
        equal(
            "records done by its checkpoint",
            len(wanted),
            lambda: Checkpoint(lab.hdfs, place).records_done(),
            f"hdfs dfs -ls {place}/commits",
        ),
        same_rows("rows in the files that _spark_metadata names, with their folder's kind", wanted, found, where),
    ]


def kind_of(path: str) -> str | None:
    """The kind that a file's folder is named after; None for a file that is in no such folder."""
    folder = path.split("/")[-2]
    return folder.removeprefix("kind=") if folder.startswith("kind=") else None


def starts(lab: Lab, work: Exercise, orders: Fact[list[Record]]) -> list[Assertion]:
    returns = lab.settings.topic("returns")
    wanted = [
        {"topic": lab.settings.topic("orders"), "partition": one.partition, "offset": one.offset}
        for one in orders()
        if one.offset >= LEFT_OUT
    ]
    wanted += [{"topic": returns, "partition": 0, "offset": one.offset} for one in records_of(lab, "returns")]
    return [
        same_rows(
            "places (topic, partition, offset) of the records of both topics",
            wanted,
            lambda: [{name: row[name] for name in ("topic", "partition", "offset")} for row in work.rows(5)],
            work.where(5),
        )
    ]
