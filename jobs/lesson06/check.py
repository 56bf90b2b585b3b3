"""What lesson 6 leaves behind, looked at from outside: views in Cassandra, checkpoints and answers on HDFS."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from common import layers
from common.checkpoint import Checkpoint
from common.checks import Assertion, Fact, application_succeeded, equal, holds, same_members, same_rows
from lesson06.places import HISTORY, ORDERS, PUSHDOWN, SERVED, SPEED

if TYPE_CHECKING:
    from common.lab import Lab

#: What of each question in `serve.pushdown` Cassandra answers itself. By the rules of its storage: a whole partition
#: key leads to a place, and may be one value or several; a range of the clustering column lies together within each
#: partition. For a clustering column alone the connector adds ALLOW FILTERING: every partition is looked into, but
#: only what fits is sent. Anything else is a search that Cassandra refuses, so Spark reads the table and filters.
PUSHED = {
    "key = value": ["cid"],
    "key IN values": ["cid"],
    "key > value": [],
    "no key": [],
    "key cast to a number": [],
    "key, then clustering column": ["day", "status"],
    "clustering column alone": ["status"],
}


def check(lab: Lab) -> list[Assertion]:
    return [*batch(lab), *arrived(lab), *speed(lab), *serving(lab), *served_alone(lab)]


def batch(lab: Lab) -> list[Assertion]:
    """The history, and the view that was counted from it."""
    folder, view = lab.settings.input(HISTORY), lab.settings.table("orders_by_day_status")
    rows = Fact(lambda: lab.cassandra.rows(f"SELECT day, status, orders FROM {view}"))
    return [
        application_succeeded(lab, "batch"),
        same_members(
            "batch: days of history",
            {f"day={day}" for day in layers.history()},
            lambda: {entry.name for entry in lab.hdfs.list(folder)},
            f"hdfs dfs -ls {folder}",
        ),
        same_rows(f"batch: rows of {view}", _counts(layers.batch_view()), rows, _select(f"* FROM {view}")),
        equal(
            f"batch: orders in {view}",
            sum(layers.batch_view().values()),
            lambda: sum(row["orders"] or 0 for row in rows()),
            _select(f"sum(orders) FROM {view}"),
        ),
    ]


def arrived(lab: Lab) -> list[Assertion]:
    """What the stream had to read, and how far its checkpoints say it has read."""
    topic, names, sent = lab.settings.topic("orders"), lab.settings.table("customer_names"), len(layers.todays())

    def done(query: str) -> int:
        return Checkpoint(lab.hdfs, lab.settings.checkpoint(query)).records_done()

    return [
        equal(
            f"speed: records in {topic}",
            sent,
            lambda: lab.kafka.count(topic),
            f"kafka-get-offsets.sh --bootstrap-server {lab.info.kafka} --topic {topic}",
        ),
        same_rows(
            f"speed: rows of {names}",
            [asdict(customer) for customer in layers.customers()],
            lambda: lab.cassandra.rows(f"SELECT cid, full_name, city FROM {names}"),
            _select(f"* FROM {names}"),
        ),
        *(
            equal(
                f"speed: records that the checkpoint of {query} says are done",
                sent,
                partial(done, query),
                f"hdfs dfs -ls {lab.settings.checkpoint(query)}/offsets {lab.settings.checkpoint(query)}/commits",
            )
            for query in (ORDERS, SPEED)
        ),
    ]


def speed(lab: Lab) -> list[Assertion]:
    """Today's orders with a name, and today's counts by hour; whole rows, so that no column is left unseen."""
    named, view = lab.settings.table("customer_by_order_id"), lab.settings.table("orders_by_hour_status")
    hours = Fact(lambda: lab.cassandra.rows(f"SELECT day, status, hour, orders FROM {view}"))
    return [
        application_succeeded(lab, "speed"),
        same_rows(
            f"speed: rows of {named}",
            layers.named_orders(),
            lambda: lab.cassandra.rows(f"SELECT order_id, cid, full_name, city, status, purchased_at FROM {named}"),
            _select(f"* FROM {named}"),
        ),
        same_rows(
            f"speed: rows of {view}",
            [
                {"day": day, "status": status, "hour": hour, "orders": count}
                for (day, status, hour), count in layers.speed_view().items()
            ],
            hours,
            _select(f"* FROM {view}"),
        ),
        equal(
            f"speed: orders in {view}",
            len(layers.todays()),
            lambda: sum(row["orders"] or 0 for row in hours()),
            _select(f"sum(orders) FROM {view}"),
        ),
    ]


def serving(lab: Lab) -> list[Assertion]:
    """Both views together are what one batch over all eight days gives; the answer that Spark served is the same."""
    batch_view, speed_view = (lab.settings.table(name) for name in ("orders_by_day_status", "orders_by_hour_status"))
    served, pushed = lab.settings.output(SERVED), lab.settings.output(PUSHDOWN)
    filters: Fact[dict[str, str]] = Fact(lambda: json.loads(lab.hdfs.read_text(pushed)))
    return [
        same_rows(
            "speed: batch view and speed view together are one batch over all days",
            _counts(layers.recomputed()),
            lambda: _counts(together(_view(lab, batch_view), _view(lab, speed_view))),
            _select(f"* FROM {batch_view}"),
        ),
        same_rows(
            "speed: rows that the serving query gave",
            _counts(layers.recomputed()),
            lambda: json.loads(lab.hdfs.read_text(served)),
            f"hdfs dfs -cat {served}",
        ),
        *(
            equal(
                f"speed: columns that Cassandra filters by, for {question}",
                columns,
                _filtered(filters, question),
                f"hdfs dfs -cat {pushed}",
            )
            for question, columns in PUSHED.items()
        ),
        *(
            equal(
                f"speed: key of {table}",
                key,
                partial(key_of, lab, table),
                f'cqlsh -e "DESCRIBE TABLE {table}"',
            )
            for table, key in (
                (lab.settings.table("customer_by_order_id"), ["order_id"]),
                (speed_view, ["day", "status", "hour"]),
            )
        ),
    ]


def served_alone(lab: Lab) -> list[Assertion]:
    """The serving step, where a student has run it; while the stream runs it may serve a part of today's orders."""
    report = lab.settings.report_of("serve")
    try:
        if not lab.hdfs.exists(report):
            return []
    except Exception:  # HDFS is away: the other assertions say so
        return []
    least, most = sum(layers.batch_view().values()), len(layers.all_orders())
    return [
        application_succeeded(lab, "serve"),
        holds(
            "serve: orders that it served",
            f"{least} to {most}",
            lambda: json.loads(lab.hdfs.read_text(report))["details"]["orders_served"],
            f"hdfs dfs -cat {report}",
            when=lambda orders: least <= orders <= most,
        ),
    ]


def together(batch_view: dict[tuple[str, str], int], speed_view: dict[tuple[str, str], int]) -> dict:
    """The batch view, and the speed view for the days that the batch has not come to."""
    last = max((day for day, _ in batch_view), default="")
    return batch_view | {key: count for key, count in speed_view.items() if key[0] > last}


def columns_in(filters: str) -> list[str]:
    """The columns of a plan's filters, such as [["day" = ?, 2025-01-01]], in order of their names."""
    parts = filters.split('"')[1::2]
    return sorted(set(parts))


def _filtered(filters: Callable[[], dict[str, str]], question: str) -> Callable[[], list[str]]:
    return lambda: columns_in(filters()[question])


def _view(lab: Lab, table: str) -> dict[tuple[str, str], int]:
    """A view's orders by (day, status), its hours added up."""
    counts: Counter[tuple[str, str]] = Counter()
    for row in lab.cassandra.rows(f"SELECT day, status, orders FROM {table}"):
        counts[row["day"], row["status"]] += row["orders"] or 0
    return dict(counts)


def key_of(lab: Lab, table: str) -> list[str]:
    """The columns of a table's primary key: first those that choose the node, then those that sort within it."""
    keyspace, name = table.split(".")
    asked = "SELECT column_name, kind, position FROM system_schema.columns WHERE keyspace_name = %s AND table_name = %s"
    order = {"partition_key": 0, "clustering": 1}
    columns = [row for row in lab.cassandra.rows(asked, (keyspace, name)) if row["kind"] in order]
    columns.sort(key=lambda row: (order[row["kind"]], row["position"]))
    return [row["column_name"] for row in columns]


def _counts(view: dict[tuple[str, str], int]) -> list[dict[str, Any]]:
    return [{"day": day, "status": status, "orders": count} for (day, status), count in view.items()]


def _select(what: str) -> str:
    return f'cqlsh -e "SELECT {what}"'
