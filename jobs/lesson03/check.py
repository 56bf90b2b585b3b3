"""What lesson 3 leaves behind, looked at from outside: Kafka's records, checkpoints and parquet files on HDFS, YARN."""

from __future__ import annotations

import csv
import json
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from common import file_sink
from common.checkpoint import Checkpoint
from common.checks import Assertion, Fact, application_succeeded, equal, same_members, same_rows
from common.errors import JobError
from common.exercise import as_spark_writes
from common.orders import COLUMNS, MALFORMED_RECORDS
from lesson03 import data
from lesson03.batches import kept_batches, plan, size
from lesson03.places import (
    CATEGORIES,
    FILES_QUERY,
    KIND,
    MALFORMED_KIND,
    ORDER_KIND,
    ORDERS,
    ORDERS_QUERY,
)

if TYPE_CHECKING:
    from common.lab import Lab
    from common.records import Record

#: What the output keeps of a record as Kafka has it, before the order's own columns.
SOURCE = ("topic", "partition", "offset", "timestamp", "key", "value")
TIMES = [name for name in COLUMNS if name.endswith("_at")]


def check(lab: Lab) -> list[Assertion]:
    records: Fact[list[Record]] = Fact(lambda: lab.kafka.consume_all(lab.settings.topic("orders")))
    second = second_delivery_sent(records)
    return [
        application_succeeded(lab, "read"),
        *arrived(lab, records, second=second),
        *batched(lab, records, second=second),
        *read(lab, records, second=second),
        *from_files(lab),
    ]


def second_delivery_sent(records: Fact[list[Record]]) -> bool:
    """Whether the student has sent the twenty orders more; part of them is not enough, and then the counts say so."""
    try:
        sent = {record.key for record in records()}
    except Exception:  # what is wrong is found again, and reported, by each assertion about the topic
        return False
    return any(key in sent for key, _ in data.second_delivery())


def arrived(lab: Lab, records: Fact[list[Record]], *, second: bool) -> list[Assertion]:
    """What the topic holds: each record once."""
    topic = lab.settings.topic("orders")
    keys = {key for key, _ in [*data.messages(), *(data.second_delivery() if second else ())]}
    return [
        equal(
            f"read: records in {topic}",
            len(keys),
            lambda: lab.kafka.count(topic),
            f"kafka-get-offsets.sh --bootstrap-server {lab.info.kafka} --topic {topic}",
        ),
        same_members(
            f"read: keys in {topic}",
            keys,
            lambda: {record.key for record in records()},
            f"kafka-console-consumer.sh --bootstrap-server {lab.info.kafka} --topic {topic} --from-beginning",
        ),
    ]


def batched(lab: Lab, records: Fact[list[Record]], *, second: bool) -> list[Assertion]:
    """The query's checkpoint: offsets are noted before a batch, a commit after it."""
    path, topic = lab.settings.checkpoint(ORDERS_QUERY), lab.settings.topic("orders")
    checkpoint = Checkpoint(lab.hdfs, path)
    batches = Fact(lambda: kept_batches(checkpoint, topic))
    where = f"hdfs dfs -cat '{path}/offsets/*'"
    return [
        equal(
            f"read: last batch of {ORDERS_QUERY} begun and committed",
            "the same",
            lambda: "the same" if checkpoint.planned[-1] == checkpoint.commits[-1] else both(checkpoint),
            f"hdfs dfs -ls {path}/offsets {path}/commits",
        ),
        equal(f"read: records that {ORDERS_QUERY} has done", total(second), checkpoint.records_done, where),
        equal(
            f"read: records of each batch of {ORDERS_QUERY}",
            plan(lab, records, batches),
            lambda: [size(batch) for batch in batches()],
            where,
        ),
    ]


def both(checkpoint: Checkpoint) -> str:
    return f"begun {checkpoint.planned[-1]}, committed {checkpoint.commits[-1]}"


def total(second: bool) -> int:
    return sum(data.kinds(second=second).values())


def read(lab: Lab, records: Fact[list[Record]], *, second: bool) -> list[Assertion]:
    """The orders' parquet files, as the sink's own list names them; all columns, each record once."""
    folder = lab.settings.output(ORDERS)
    files = Fact(lambda: file_sink.committed_files(lab.hdfs, folder))

    def rows_of(kind: str) -> Fact[list[dict[str, Any]]]:
        return Fact(lambda: file_sink.parquet_rows(lab.hdfs, [path for path in files() if f"/{KIND}={kind}/" in path]))

    orders, malformed = rows_of(ORDER_KIND), rows_of(MALFORMED_KIND)
    wanted = wanted_rows(lab.settings.topic("orders"), records, second=second)
    where = f"hdfs dfs -ls {folder}/{KIND}={{}}"
    return [
        equal(
            "read: records in parquet by kind",
            data.kinds(second=second),
            lambda: {MALFORMED_KIND: len(malformed()), ORDER_KIND: len(orders())},
            where.format("*"),
        ),
        same_rows(
            "read: orders, all columns, each once",
            wanted[ORDER_KIND],
            lambda: [in_words(row) for row in orders()],
            f"spark-sql -e 'SELECT * FROM parquet.`{folder}`'",
        ),
        same_members(
            "read: keys of the malformed records",
            {key for key, _ in MALFORMED_RECORDS},
            lambda: {row["key"] for row in malformed()},
            where.format(MALFORMED_KIND),
        ),
        same_rows(
            "read: malformed records, place and text, each once",
            wanted[MALFORMED_KIND],
            lambda: [{name: in_words(row).get(name) for name in SOURCE} for row in malformed()],
            f"spark-sql -e 'SELECT * FROM parquet.`{folder}` WHERE {KIND} = \"{MALFORMED_KIND}\"'",
        ),
        equal(
            "read: orders by status",
            data.statuses(second=second),
            lambda: dict(sorted(Counter(row["status"] for row in orders()).items())),
            where.format(ORDER_KIND),
        ),
    ]


def wanted_rows(topic: str, records: Fact[list[Record]], *, second: bool) -> dict[str, list[dict[str, Any]]]:
    """The rows of each kind: the oracle's records, at the places where the topic has them."""
    values = dict([*data.messages(), *(data.second_delivery() if second else ())])
    wanted: dict[str, list[dict[str, Any]]] = {ORDER_KIND: [], MALFORMED_KIND: []}
    try:
        found = [record for record in records() if record.key in values]
    except Exception:  # what is wrong with the topic is reported by the assertions about it
        found = []
    for record in found:
        value = values[str(record.key)]
        arrived = datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)
        source = [topic, record.partition, record.offset, time_in_words(arrived), record.key, value]
        row = dict(zip(SOURCE, source, strict=True))
        if record.key in {key for key, _ in MALFORMED_RECORDS}:
            wanted[MALFORMED_KIND].append(row)
        else:
            wanted[ORDER_KIND].append({**row, **as_spark_writes(json.loads(value), TIMES)})
    return wanted


def in_words(row: dict[str, Any]) -> dict[str, Any]:
    """A row of a parquet file with its times as text."""
    return {name: time_in_words(value) if isinstance(value, datetime) else value for name, value in row.items()}


def time_in_words(time: datetime) -> str:
    """2025-01-01T00:00:00.000Z; parquet's times are UTC, and say so or not."""
    return f"{time.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def from_files(lab: Lab) -> list[Assertion]:
    """The CSV files, a student's own too: all there, one a batch, and of their lines those that the query keeps."""
    source, folder = lab.settings.input(CATEGORIES), lab.settings.output(CATEGORIES)
    commits = f"{lab.settings.checkpoint(FILES_QUERY)}/commits"
    arrived = Fact(lambda: inputs(lab, source))
    return [
        same_members(
            "read: the lesson's files of categories, as generated",
            set(data.category_files()),
            lambda: {name for name, text in data.category_files().items() if arrived().get(name) == text},
            f"hdfs dfs -ls {source}",
        ),
        equal(
            f"read: batches of {FILES_QUERY}, one file each",
            len(set(data.category_files()) | set(own_files(arrived))),
            lambda: len([file for file in lab.hdfs.list(commits) if file.name.isdigit()]),
            f"hdfs dfs -ls {commits}",
        ),
        same_rows(
            "read: categories as long as their description, all columns",
            [row for text in [*data.category_files().values(), *own_files(arrived).values()] for row in kept(text)],
            lambda: file_sink.parquet_rows(lab.hdfs, file_sink.committed_files(lab.hdfs, folder)),
            f"spark-sql -e 'SELECT * FROM parquet.`{folder}`'",
        ),
    ]


def inputs(lab: Lab, folder: str) -> dict[str, str]:
    """The text of each file that the stream may read, by name; bytes that are no UTF-8 are replaced, as Spark does."""
    return {
        file.name: lab.hdfs.read(file.path).decode("utf-8", errors="replace")
        for file in lab.hdfs.list(folder)
        if not file.is_dir and not file.name.startswith(("_", "."))
    }


def own_files(arrived: Fact[dict[str, str]]) -> dict[str, str]:
    """The files that a student has added; none where the folder cannot be read, which its own assertion reports."""
    try:
        return {name: text for name, text in arrived().items() if name not in data.category_files()}
    except JobError:
        return {}


def kept(text: str) -> list[dict[str, Any]]:
    """Of a file's lines those that the query keeps; a line without two texts has no two equal lengths."""
    try:
        lines = [line for line in csv.reader(text.splitlines()) if line][1:]
    except csv.Error:  # a line of more than 128 KiB
        lines = []
    return [
        {
            "category": line[0],
            "description": line[1],
            "category_length": len(line[0]),
            "description_length": len(line[1]),
        }
        for line in lines
        if len(line) > 1 and line[0] and len(line[0]) == len(line[1])
    ]
