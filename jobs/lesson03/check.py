"""What lesson 3 leaves behind, looked at from outside: Kafka's records, checkpoints and parquet files on HDFS, YARN."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from common import file_sink
from common.checkpoint import Checkpoint
from common.checks import Assertion, Fact, application_succeeded, at_most, equal, same_members
from common.orders import MALFORMED_RECORDS
from lesson03 import data
from lesson03.places import CATEGORIES, FILES_QUERY, KIND, MALFORMED_KIND, ORDER_KIND, ORDERS, ORDERS_QUERY

if TYPE_CHECKING:
    from common.kafka import Record
    from common.lab import Lab

PER_BATCH = 300


def check(lab: Lab) -> list[Assertion]:
    records: Fact[list[Record]] = Fact(lambda: lab.kafka.consume_all(lab.settings.topic("orders")))
    second = second_delivery_sent(records)
    return [
        application_succeeded(lab, "read"),
        *arrived(lab, records, second=second),
        *batched(lab, records, second=second),
        *read(lab, second=second),
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
    path = lab.settings.checkpoint(ORDERS_QUERY)
    checkpoint = Checkpoint(lab.hdfs, path)
    limit = Fact(lambda: int(json.loads(lab.hdfs.read_text(lab.settings.report_of("read")))["args"]["per_batch"]))
    where = f"hdfs dfs -cat {path}/offsets/{{0,1,2,3}}"
    return [
        equal(
            f"read: last batch of {ORDERS_QUERY} begun and committed",
            "the same",
            lambda: "the same" if checkpoint.planned[-1] == checkpoint.commits[-1] else both(checkpoint),
            f"hdfs dfs -ls {path}/offsets {path}/commits",
        ),
        equal(f"read: records that {ORDERS_QUERY} has done", total(second), checkpoint.records_done, where),
        equal(f"read: records of each batch of {ORDERS_QUERY}", plan(records, limit), checkpoint.batch_sizes, where),
        at_most("read: records of its largest batch", in_effect(limit), lambda: max(checkpoint.batch_sizes()), where),
    ]


def both(checkpoint: Checkpoint) -> str:
    return f"begun {checkpoint.planned[-1]}, committed {checkpoint.commits[-1]}"


def total(second: bool) -> int:
    return sum(data.kinds(second=second).values())


def in_effect(limit: Fact[int]) -> int:
    """The limit that the last run was given; where there is no report, the usual one is shown."""
    try:
        return limit()
    except Exception:  # the assertions about batches fail by themselves then
        return PER_BATCH


def plan(records: Fact[list[Record]], limit: Fact[int]) -> list[int]:
    """The batches that follow from how Kafka spread the keys over partitions; the second delivery comes by itself."""
    try:
        first = {key for key, _ in data.messages()}
        deliveries = [Counter(one.partition for one in records() if (one.key in first) == own) for own in (True, False)]
    except Exception:  # reported by the assertions about the topic; whatever is expected then, nothing is found
        return []
    return [batch for sizes in deliveries for batch in data.batch_plan(sizes, in_effect(limit))]


def read(lab: Lab, *, second: bool) -> list[Assertion]:
    """The orders' parquet files, as the sink's own list names them."""
    folder = lab.settings.output(ORDERS)
    files = Fact(lambda: file_sink.committed_files(lab.hdfs, folder))
    columns = ["partition", "offset", "key", "status"]

    def rows_of(kind: str) -> Fact[list[dict[str, Any]]]:
        return Fact(
            lambda: file_sink.parquet_rows(lab.hdfs, [path for path in files() if f"/{KIND}={kind}/" in path], columns)
        )

    orders, malformed = rows_of(ORDER_KIND), rows_of(MALFORMED_KIND)
    where = f"hdfs dfs -ls {folder}/{KIND}={{}}"
    return [
        equal(
            "read: records in parquet by kind",
            data.kinds(second=second),
            lambda: {MALFORMED_KIND: len(malformed()), ORDER_KIND: len(orders())},
            where.format("*"),
        ),
        equal(
            "read: different places (partition, offset) of those records",
            total(second),
            lambda: len({(row["partition"], row["offset"]) for row in [*orders(), *malformed()]}),
            where.format("*"),
        ),
        same_members(
            "read: keys of the malformed records",
            {key for key, _ in MALFORMED_RECORDS},
            lambda: {row["key"] for row in malformed()},
            where.format(MALFORMED_KIND),
        ),
        equal(
            "read: orders by status",
            data.statuses(second=second),
            lambda: dict(sorted(Counter(row["status"] for row in orders()).items())),
            where.format(ORDER_KIND),
        ),
    ]


def from_files(lab: Lab) -> list[Assertion]:
    """The CSV files: all there, one a batch, and of their lines those that the query keeps."""
    source, folder = lab.settings.input(CATEGORIES), lab.settings.output(CATEGORIES)
    commits = f"{lab.settings.checkpoint(FILES_QUERY)}/commits"
    kept = Fact(lambda: file_sink.parquet_rows(lab.hdfs, file_sink.committed_files(lab.hdfs, folder), ["category"]))
    wanted = data.equally_long()
    return [
        same_members(
            "read: files of categories",
            set(data.category_files()),
            lambda: {file.name for file in lab.hdfs.list(source)},
            f"hdfs dfs -ls {source}",
        ),
        equal(
            f"read: batches of {FILES_QUERY}, one file each",
            data.FILES,
            lambda: len([file for file in lab.hdfs.list(commits) if file.name.isdigit()]),
            f"hdfs dfs -ls {commits}",
        ),
        equal("read: categories kept", len(wanted), lambda: len(kept()), f"hdfs dfs -ls {folder}"),
        same_members(
            "read: categories as long as their description",
            wanted,
            lambda: {row["category"] for row in kept()},
            f"hdfs dfs -ls {folder}",
        ),
    ]
