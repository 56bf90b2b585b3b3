"""What lesson 4 leaves behind, looked at from outside: two topics, sinks' files on HDFS, checkpoints, YARN's list."""

from __future__ import annotations

import io
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from common import file_sink
from common.checkpoint import Checkpoint
from common.checks import Assertion, Fact, application_succeeded, at_most, equal, holds, json_of, same_members
from common.settings import application_name
from lesson04 import data
from lesson04.places import (
    DELIVERED,
    FOREACH,
    FOREACH_QUERY,
    FORMATS,
    JSON_QUERY,
    OTHER,
    ROW_QUERY,
    SUMMARY,
    file_query,
)

if TYPE_CHECKING:
    from common.lab import Lab
    from common.records import Record

STEP = "sinks"
PARTITIONS = 3


def check(lab: Lab) -> list[Assertion]:
    return [
        application_succeeded(lab, STEP),
        *arrived(lab),
        in_memory(lab),
        *in_files(lab),
        *in_topics(lab),
        *in_foreach(lab),
    ]


def arrived(lab: Lab) -> list[Assertion]:
    """The source, and that each query has read all of it by its own checkpoint."""
    topic = lab.settings.topic("orders")
    total = len(data.messages())
    queries = [file_query("parquet"), ROW_QUERY, JSON_QUERY, FOREACH_QUERY]
    return [
        equal(f"{STEP}: records in {topic}", total, lambda: lab.kafka.count(topic), offsets_of(lab, topic)),
        *(
            equal(
                f"{STEP}: records that the checkpoint of {query} says are done",
                total,
                Checkpoint(lab.hdfs, lab.settings.checkpoint(query)).records_done,
                f"hdfs dfs -ls {lab.settings.checkpoint(query)}/commits",
            )
            for query in queries
        ),
    ]


def in_memory(lab: Lab) -> Assertion:
    """The memory sink's table is gone with its driver: the report of the last run is all there is to look at."""
    report = lab.settings.report_of(STEP)
    return equal(
        f"{STEP}: orders by status that were in memory",
        data.statuses(),
        lambda: json.loads(lab.hdfs.read_text(report))["details"]["memory"],
        f"hdfs dfs -cat {report}",
    )


def in_files(lab: Lab) -> list[Assertion]:
    """The file sink in parquet, and in each other format that a student has tried."""
    others = [name for name in FORMATS if name != "parquet" and tried(lab, name)]
    return [one for name in ["parquet", *others] for one in in_format(lab, name)]


def tried(lab: Lab, file_format: str) -> bool:
    try:
        return lab.hdfs.exists(lab.settings.output(file_format))
    except Exception:  # HDFS is away: the assertions about parquet say so
        return False


def in_format(lab: Lab, file_format: str) -> list[Assertion]:
    folder = lab.settings.output(file_format)
    checkpoint = Checkpoint(lab.hdfs, lab.settings.checkpoint(file_query(file_format)))
    files = Fact(lambda: file_sink.committed_files(lab.hdfs, folder))
    return [
        equal(
            f"{STEP}: orders in {file_format} files, by id",
            f"{len(data.by_id())} orders",
            lambda: once(Counter(id for path in files() for id in order_ids(lab.hdfs.read(path), file_format))),
            f"hdfs dfs -ls {folder}",
        ),
        holds(
            f"{STEP}: {file_format} files, no more than batches x partitions",
            f"1 to batches x {PARTITIONS}",
            lambda: f"{len(files())} of {len(checkpoint.commits)} batches",
            f"hdfs dfs -cat {folder}/{file_sink.METADATA}/*",
            when=lambda _: 0 < len(files()) <= len(checkpoint.commits) * PARTITIONS,
        ),
    ]


def order_ids(body: bytes, file_format: str) -> list[str]:
    """The ids of the orders in one file of a sink."""
    if file_format == "json":
        return [json.loads(line)["order_id"] for line in body.decode().splitlines()]
    if file_format == "csv":
        header, *lines = (line.split(",") for line in body.decode().splitlines())
        return [line[header.index("order_id")] for line in lines]
    from pyarrow import orc, parquet  # here, because the control machine, where tests run, has none

    # Without threads of pyarrow's own, as file_sink.parquet_rows says.
    if file_format == "orc":
        table = orc.ORCFile(io.BytesIO(body)).read(columns=["order_id"])
    else:
        table = parquet.ParquetFile(io.BytesIO(body), pre_buffer=False).read(["order_id"], use_threads=False)
    return table["order_id"].to_pylist()


def in_topics(lab: Lab) -> list[Assertion]:
    """Kafka's sink is at least once: a batch that a kill cut off is sent again. Without a kill nothing is doubled."""
    return [*in_topic(lab, "row", ROW_QUERY), *in_topic(lab, "json", JSON_QUERY)]


def in_topic(lab: Lab, short: str, query: str) -> list[Assertion]:
    topic, right = lab.settings.topic(short), RIGHT[short]
    records = Fact(lambda: lab.kafka.consume_all(topic))
    return [
        same_members(
            f"{STEP}: keys in {topic}",
            set(data.by_id()),
            lambda: {record.key for record in records()},
            console(lab, topic),
        ),
        at_most(
            f"{STEP}: copies in {topic}, of batches that were cut off and sent again",
            allowed(lab, query),
            lambda: lab.kafka.count(topic) - len({one.key for one in records()}),
            offsets_of(lab, topic),
        ),
        equal(
            f"{STEP}: records of {topic} that are not what was ordered",
            [],
            lambda: [one.key for one in records() if not right(one)][:3],
            console(lab, topic),
        ),
    ]


def right_json(record: Record) -> bool:
    return json_of(record) == data.by_id().get(str(record.key))


def right_row(record: Record) -> bool:
    """All eight columns as Spark casts a row to text: times without their T and Z, in the session's zone, UTC."""
    order = data.by_id().get(str(record.key), {})
    columns = [_as_text(name, value) for name, value in order.items()]
    return str(record.value) == f"{{{', '.join(columns)}}}"


def _as_text(name: str, value: str | None) -> str:
    if value is None:
        return "null"
    return value.replace("T", " ").removesuffix("Z") if name.endswith("_at") else value


RIGHT = {"row": right_row, "json": right_json}


def allowed(lab: Lab, query: str) -> int:
    """How many copies the query may have sent: its largest batch for each run that did not end well, else none.

    Counted are the runs since the lesson's topic was filled, so that an earlier kill excuses nothing after a reset.
    """
    try:
        began = min(record.timestamp_ms for record in lab.kafka.consume_all(lab.settings.topic("orders")))
        runs = lab.yarn.applications(application_name(lab.info.student, lab.settings.lesson, STEP))
        cut_off = [run for run in runs if run.started_ms >= began and run.outcome in ("KILLED", "FAILED")]
        if not cut_off:
            return 0
        return len(cut_off) * max(Checkpoint(lab.hdfs, lab.settings.checkpoint(query)).batch_sizes())
    except Exception:  # what is wrong is reported by the assertions about it; nothing is excused
        return 0


def in_foreach(lab: Lab) -> list[Assertion]:
    """The two folders that foreachBatch wrote, and the summaries of its batches."""
    home = lab.settings.output(FOREACH)
    parts = {name: f"{home}/{name}" for name in (DELIVERED, OTHER)}
    ids = Fact(lambda: {name: foreach_ids(lab, folder) for name, folder in parts.items()})
    summaries = Fact(lambda: [json.loads(lab.hdfs.read_text(one.path)) for one in lab.hdfs.list(f"{home}/{SUMMARY}")])
    return [
        equal(
            f"{STEP}: orders that foreachBatch split",
            data.split(),
            lambda: {name: len(found) for name, found in ids().items()},
            f"hdfs dfs -ls -R {home}",
        ),
        equal(
            f"{STEP}: those orders by id",
            f"{len(data.by_id())} orders",
            lambda: once(Counter(id for found in ids().values() for id in found)),
            f"hdfs dfs -ls -R {home}",
        ),
        equal(
            f"{STEP}: hours of delivery, added up over batches",
            data.delivery_hours(),
            lambda: added_up(summaries()),
            f"hdfs dfs -cat {home}/{SUMMARY}/*",
        ),
    ]


def foreach_ids(lab: Lab, folder: str) -> list[str]:
    """The ids in a folder that batches were written to one by one: no sink's log there, so all files count."""
    files = [one.path for one in lab.hdfs.walk(folder) if one.path.endswith(".parquet") and "/_" not in one.path]
    return [id for path in files for id in order_ids(lab.hdfs.read(path), "parquet")]


def added_up(summaries: list[dict[str, Any]]) -> dict[str, int]:
    some = [one for one in summaries if one["count"]]
    return {
        "count": sum(one["count"] for one in some),
        "sum": sum(one["sum"] for one in some),
        "min": min(one["min"] for one in some),
        "max": max(one["max"] for one in some),
    }


def once(counts: Counter[str]) -> str:
    """How many of the orders are there, and what is wrong about them: missing, unknown, or there more than once."""
    wanted = data.by_id()
    wrong = {
        "missing": [id for id in wanted if id not in counts],
        "unknown": [id for id in counts if id not in wanted],
        "more than once": [id for id, copies in counts.items() if copies > 1],
    }
    told = [f"{len(ids)} {what}: {ids[0]}…" for what, ids in wrong.items() if ids]
    return "; ".join([f"{len(wanted) - len(wrong['missing'])} orders", *told])


def offsets_of(lab: Lab, topic: str) -> str:
    return f"kafka-get-offsets.sh --bootstrap-server {lab.info.kafka} --topic {topic}"


def console(lab: Lab, topic: str) -> str:
    return f"kafka-console-consumer.sh --bootstrap-server {lab.info.kafka} --topic {topic} --from-beginning"
