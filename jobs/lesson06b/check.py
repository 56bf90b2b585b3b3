"""What lesson 6b leaves behind, looked at from outside: each view in both stores, whole rows, by lesson 6's oracle.

The step `compare` is looked at once it has run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from common import layers
from common.checkpoint import Checkpoint
from common.checks import Assertion, application_succeeded, equal, same_rows
from lesson06b import data
from lesson06b.places import FAMILY, KEYS, MEASURED, NAMES, ORDERS, SPEED, in_hbase, row_key
from lesson06b.prepare import customers

if TYPE_CHECKING:
    from common.lab import Lab

Row = Mapping[str, Any]


def check(lab: Lab) -> list[Assertion]:
    return [*batch(lab), *arrived(lab), *speed(lab), *compare(lab)]


def batch(lab: Lab) -> list[Assertion]:
    """The view of the history."""
    expected = [{"day": day, "status": status, "orders": count} for (day, status), count in layers.batch_view().items()]
    return [application_succeeded(lab, "batch"), *in_both(lab, "batch", "orders_by_day_status", expected)]


def arrived(lab: Lab) -> list[Assertion]:
    """What the stream had to read, and how far its checkpoints say it has read."""
    topic, sent = lab.settings.topic("orders"), len(layers.todays())
    names = [{"key": key, **cells} for key, cells in customers().items()]
    return [
        equal(
            f"speed: records in {topic}",
            sent,
            lambda: lab.kafka.count(topic),
            f"kafka-get-offsets.sh --bootstrap-server {lab.info.kafka} --topic {topic}",
        ),
        same_rows(f"speed: HBase: rows of {in_hbase(NAMES)}", names, hbase_rows(lab, NAMES), scan(NAMES)),
        *(
            equal(
                f"speed: records that the checkpoint of {query} says are done",
                sent,
                Checkpoint(lab.hdfs, lab.settings.checkpoint(query)).records_done,
                f"hdfs dfs -ls {lab.settings.checkpoint(query)}/offsets {lab.settings.checkpoint(query)}/commits",
            )
            for query in (ORDERS, SPEED)
        ),
    ]


def speed(lab: Lab) -> list[Assertion]:
    """Today's orders with a name, and today's counts by hour."""
    hours = [
        {"day": day, "status": status, "hour": hour, "orders": count}
        for (day, status, hour), count in layers.speed_view().items()
    ]
    return [
        application_succeeded(lab, "speed"),
        *in_both(lab, "speed", "customer_by_order_id", layers.named_orders()),
        *in_both(lab, "speed", "orders_by_hour_status", hours),
    ]


def compare(lab: Lab) -> list[Assertion]:
    """The rows that were measured, as many as the last run was asked for."""
    report = lab.settings.report_of("compare")
    try:
        if not lab.hdfs.exists(report):
            return []
        count = int(json.loads(lab.hdfs.read_text(report))["args"]["rows"])
    except Exception:  # HDFS is away: the other assertions say so
        return []
    expected = [dict(zip(data.COLUMNS, record, strict=True)) for record in data.measured(count)]
    return [application_succeeded(lab, "compare"), *in_both(lab, "compare", MEASURED, expected)]


def in_both(lab: Lab, step: str, name: str, expected: Iterable[Row]) -> list[Assertion]:
    """The rows that one table of each store should have, whole."""
    rows, table = list(expected), lab.settings.table(name)
    columns = ", ".join(rows[0])
    return [
        same_rows(
            f"{step}: Cassandra: rows of {table}",
            rows,
            lambda: lab.cassandra.rows(f"SELECT {columns} FROM {table}"),
            f'cqlsh -e "SELECT * FROM {table}"',
        ),
        same_rows(
            f"{step}: HBase: rows of {in_hbase(name)}",
            [as_kept(row, KEYS[name]) for row in rows],
            hbase_rows(lab, name),
            scan(name),
        ),
    ]


def as_kept(row: Row, key: Iterable[str]) -> Row:
    """A row as HBase should have it: its key and its cells, all of it text."""
    text = {name: f"{value.isoformat()}Z" if isinstance(value, datetime) else str(value) for name, value in row.items()}
    return {"key": row_key(*(text.pop(name) for name in key)), **{f"{FAMILY}:{n}": value for n, value in text.items()}}


def hbase_rows(lab: Lab, name: str) -> Callable[[], list[Row]]:
    return lambda: [{"key": key, **cells} for key, cells in lab.hbase.rows(in_hbase(name)).items()]


def scan(name: str) -> str:
    return f"echo \"scan '{in_hbase(name)}'\" | hbase shell -n"
