"""The streaming queries that run in a stack, in numbers.

``python3 -m edge.streams`` answers ``{"streams": [...], "unread": {application id: why nothing is known of it}}``;
each stream as `numbers` gives it. A batch is known from the moment in which it has ended; the ends of topics are asked.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import datetime
from math import isfinite
from typing import Any

from common.channel import emit
from common.errors import JobError
from common.hdfs import Hdfs
from common.settings import LabInfo, load_info

from .event_log import STREAMING, Query, Unreadable, events, find, queries
from .yarn import Yarn

SECONDS = 10.0
#: What the description of a Kafka source begins with.
KAFKA = "KafkaV2["

#: Topic -> partition -> offset.
Offsets = Mapping[str, Mapping[int, int]]


def seconds_of(moment: str) -> float:
    """Seconds since 1970 of a time as Spark writes it, such as "2026-01-31T12:00:00.000Z"."""
    return datetime.fromisoformat(moment).timestamp()


def read_to(progress: Mapping[str, Any]) -> dict[str, dict[int, int]]:
    """Up to which offset of each topic's partitions a query has read, when this batch had ended."""
    found: dict[str, dict[int, int]] = {}
    for source in progress["sources"]:
        if source["description"].startswith(KAFKA):
            for topic, parts in offsets(source["endOffset"]).items():
                read = found.setdefault(topic, {})
                for part, offset in parts.items():
                    read[part] = max(offset, read.get(part, 0))
    return found


def offsets(said: Any) -> dict[str, dict[int, int]]:
    """The offsets of a Kafka source as Spark writes them in its progress; empty before the first batch."""
    topics = json.loads(said) if isinstance(said, str) else said or {}
    return {topic: {int(part): offset for part, offset in parts.items()} for topic, parts in topics.items()}


def lag(read: Offsets, ends: Offsets) -> int | None:
    """How many records stand behind what was read; None where a topic's end is not known."""
    if not read or not set(read) <= set(ends):
        return None
    return sum(max(0, end - read[topic].get(part, 0)) for topic in read for part, end in ends[topic].items())


def total(progress: Mapping[str, Any], figure: str) -> float:
    """A figure of all sources together; Spark writes "NaN" or "Infinity" for what it cannot divide."""
    figures = [source.get(figure) for source in progress["sources"]]
    return float(sum(one for one in figures if isinstance(one, int | float) and isfinite(one)))


def numbers(app: Mapping[str, Any], query: Query, ends: Offsets, now: float) -> dict[str, Any]:
    """One streaming query in numbers.

    Args:
        app: the application as YARN's REST interface has it.
        ends: the ends of the topics that it reads, of those that are known.
        now: seconds since 1970, by this machine's clock.

    Returns:
        ``{"application": YARN's id, "name": YARN's name, "query", "batch": the last that has ended, or None before the
        first, "at": when it ended or, before the first, when the query was started (seconds since 1970), "age_s": how
        long ago that is, "idle": whether it has waited for data since, "batch_s": seconds that the batch took,
        "input_rows_per_second" and "processed_rows_per_second" of it, "lag": records between what it has read and the
        end of its topics, or None where it reads something else, "watermark": ISO 8601 or None, "watermark_age_s": how
        far it is behind now, "state_rows", "state_bytes", "ended": whether it has, while its application goes on,
        "error": why it failed}``
    """
    last = query.batches[-1] if query.batches else None
    at = seconds_of(query.started) if query.started else app["startedTime"] / 1000
    found: dict[str, Any] = {
        "application": app["id"], "name": app["name"], "query": query.label, "ended": query.ended,
        "idle": bool(query.idle), "error": query.error.strip().partition("\n")[0], "batch": None, "at": at,
        "age_s": now - at, "batch_s": 0.0, "input_rows_per_second": 0.0, "processed_rows_per_second": 0.0, "lag": None,
        "watermark": None, "watermark_age_s": None, "state_rows": 0, "state_bytes": 0,
    }  # fmt: skip
    if last is None:
        return found
    at = seconds_of(last["timestamp"]) + last["batchDuration"] / 1000
    watermark = last["eventTime"].get("watermark")
    return found | {
        "batch": last["batchId"],
        "at": at,
        "age_s": now - at,
        "batch_s": last["batchDuration"] / 1000,
        "input_rows_per_second": total(last, "inputRowsPerSecond"),
        "processed_rows_per_second": total(last, "processedRowsPerSecond"),
        "lag": lag(read_to(last), ends),
        "watermark": watermark,
        "watermark_age_s": now - seconds_of(watermark) if watermark else None,
        "state_rows": sum(state["numRowsTotal"] for state in last["stateOperators"]),
        "state_bytes": sum(state["memoryUsedBytes"] for state in last["stateOperators"]),
    }


def queries_of(hdfs: Hdfs, info: LabInfo, app_id: str) -> list[Query]:
    """The streaming queries of an application; raises `Unreadable` where its event log does not tell."""
    return queries(events(hdfs, find(hdfs, info.events, app_id), STREAMING))


def topic_ends(info: LabInfo, topics: Iterable[str]) -> dict[str, dict[int, int]]:
    """The end offsets of those of these topics that are there; none where Kafka does not answer."""
    from common.kafka import Kafka  # whose client takes a while to import: only where a query reads Kafka

    with closing(Kafka(info.kafka, timeout=SECONDS)) as kafka:
        try:
            return {topic: kafka.end_offsets(topic) for topic in kafka.topics(topics)}
        except JobError:
            return {}


def main(info: LabInfo) -> None:
    hdfs = Hdfs(info.webhdfs, timeout=SECONDS)
    unread: dict[str, str] = {}
    found: list[tuple[dict[str, Any], Query]] = []
    for app in sorted(Yarn().unfinished(), key=lambda one: one["startedTime"]):
        try:
            found += [(app, query) for query in queries_of(hdfs, info, app["id"])]
        except Unreadable as error:
            if app["state"] == "RUNNING" and app["applicationType"] == "SPARK":
                unread[app["id"]] = str(error)
    topics = {topic for _, query in found if query.batches for topic in read_to(query.batches[-1])}
    ends = topic_ends(info, topics) if topics else {}
    # A query that ended without an error has done its work; one that failed is told while its application goes on.
    shown = [(app, query) for app, query in found if not query.ended or query.error]
    now = time.time()
    emit(answer={"streams": [numbers(app, query, ends, now) for app, query in shown], "unread": unread})


if __name__ == "__main__":
    main(load_info())
