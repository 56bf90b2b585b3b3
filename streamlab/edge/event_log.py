"""What Spark's event log says of an application, while it runs and afterwards: its streaming queries, batch by batch.

Spark writes each event as a line of JSON to a file on HDFS, and what is said of a batch can be read there as soon as
the batch has ended. Source: `EventLoggingListener` and `StreamingQueryListener` of Spark 3.5.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from common.errors import Missing
from common.hdfs import Hdfs

#: Bytes of a longer log's beginning and end that are read: a query's start is in the one, what it does in the other.
HEAD, TAIL = 1 << 22, 1 << 23
#: Batches of a query that are kept.
KEPT = 50
RUNNING = ".inprogress"
#: What a compressed log's name ends with, which Python's standard library cannot read.
COMPRESSED = (".zstd", ".lz4", ".lzf", ".snappy")

_STREAMING = "org.apache.spark.sql.streaming.StreamingQueryListener$"
STREAMING = tuple(f"{_STREAMING}Query{kind}Event" for kind in ("Started", "Progress", "Idle", "Terminated"))


@dataclass
class Query:
    """A streaming query: what was logged of it.

    Args:
        started: when, as ISO 8601 in UTC; empty where its start is in the part of the log that was not read.
        batches: Spark's progress of the last batches, oldest first; `StreamingQueryProgress` describes the fields.
        idle: when it last said that it waits for data, as ISO 8601; empty where a batch has ended since.
        ended: whether it has; with an `error` where it failed.
    """

    run_id: str
    id: str = ""
    name: str = ""
    started: str = ""
    batches: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=KEPT))
    idle: str = ""
    ended: bool = False
    error: str = ""

    @property
    def label(self) -> str:
        return self.name or self.id or self.run_id


class Unreadable(Exception):
    """There is no event log that can be read here."""


def find(hdfs: Hdfs, folder: str, app_id: str) -> str:
    """The event log of an application's last attempt.

    Raises:
        Unreadable: there is none, or Spark wrote it in pieces or compressed, as a cluster of somebody else's may.
    """
    try:
        found = [one for one in hdfs.list(folder) if app_id in one.name] if folder else []
    except Missing:
        found = []
    if not found:
        raise Unreadable("it has no event log: its driver has not started Spark yet, or spark.eventLog.enabled is off")
    log = found[-1]
    if log.is_dir or log.name.removesuffix(RUNNING).endswith(COMPRESSED):
        raise Unreadable(f"its event log {log.path} is in pieces or compressed")
    return log.path


def events(hdfs: Hdfs, path: str, kinds: Iterable[str]) -> Iterable[dict[str, Any]]:
    """The events of these kinds, in their order; of a long log those of its beginning and of its end."""
    size = hdfs.written(path)
    if size <= HEAD + TAIL:
        parts = [hdfs.part(path, 0, size)]
    else:
        parts = [hdfs.part(path, 0, HEAD), hdfs.part(path, size - TAIL, TAIL).partition(b"\n")[2]]
    marks = tuple(f'{{"Event":"{kind}"'.encode() for kind in kinds)
    for part in parts:
        for line in part.split(b"\n"):
            if line.startswith(marks):
                try:
                    yield json.loads(line)
                except ValueError:  # the last line of a part is cut off
                    continue


def queries(said: Iterable[dict[str, Any]]) -> list[Query]:
    """The streaming queries of an application from its events, in the order in which they were started."""
    found: dict[str, Query] = {}
    for event in said:
        kind = event["Event"].removeprefix(_STREAMING)
        about = event["progress"] if kind == "QueryProgressEvent" else event
        query = found.setdefault(about["runId"], Query(about["runId"]))
        query.id = about["id"]
        if kind == "QueryStartedEvent":
            query.name, query.started = event["name"] or "", event["timestamp"]
        elif kind == "QueryProgressEvent":
            query.name, query.idle = about["name"] or "", ""
            query.batches.append(about)
        elif kind == "QueryIdleEvent":
            query.idle = event["timestamp"]
        else:
            query.ended, query.error = True, event.get("exception") or ""
    return list(found.values())
