"""What lesson 6 leaves behind, looked at from outside: views in Cassandra, checkpoints and answers on HDFS."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from common.checkpoint import Checkpoint
from common.checks import Assertion, Fact, application_succeeded, equal, same_members
from lesson06 import data
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
    return [*batch(lab), *arrived(lab), *speed(lab), *serving(lab)]


def batch(lab: Lab) -> list[Assertion]:
    """The history, and the view that was counted from it."""
    folder, view = lab.settings.input(HISTORY), lab.settings.table("orders_by_day_status")
    rows = Fact(lambda: _view(lab, view))
    return [
        application_succeeded(lab, "batch"),
        same_members(
            "batch: days of history",
            {f"day={day}" for day in data.history()},
            lambda: {entry.name for entry in lab.hdfs.list(folder)},
            f"hdfs dfs -ls {folder}",
        ),
        same_members(
            f"batch: rows of {view}", _rows(data.batch_view()), lambda: _rows(rows()), _select(f"* FROM {view}")
        ),
        equal(
            f"batch: orders in {view}",
            sum(data.batch_view().values()),
            lambda: sum(rows().values()),
            _select(f"sum(orders) FROM {view}"),
        ),
    ]


def arrived(lab: Lab) -> list[Assertion]:
    """What the stream had to read, and how far its checkpoints say it has read."""
    topic, names, sent = lab.settings.topic("orders"), lab.settings.table("customer_names"), len(data.todays())

    def done(query: str) -> int:
        return Checkpoint(lab.hdfs, lab.settings.checkpoint(query)).records_done()

    return [
        equal(
            f"speed: records in {topic}",
            sent,
            lambda: lab.kafka.count(topic),
            f"kafka-get-offsets.sh --bootstrap-server {lab.info.kafka} --topic {topic}",
        ),
        equal(
            f"speed: rows in {names}",
            data.NAMED_CUSTOMERS,
            lambda: lab.cassandra.count(names),
            _select(f"count(*) FROM {names}"),
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
    """Today's orders with a name, and today's counts by hour."""
    named, view = lab.settings.table("customer_by_order_id"), lab.settings.table("orders_by_hour_status")
    names = Fact(lambda: {r["order_id"]: r["full_name"] for r in lab.cassandra.rows(f"SELECT * FROM {named}")})
    hours = Fact(lambda: lab.cassandra.rows(f"SELECT day, status, hour, orders FROM {view}"))
    wanted = data.named_orders()
    return [
        application_succeeded(lab, "speed"),
        same_members(
            f"speed: orders in {named}", set(wanted), lambda: set(names()), _select(f"order_id, full_name FROM {named}")
        ),
        same_members(
            f"speed: orders in {named} with the right name",
            {f"{key} {name}" for key, name in wanted.items()},
            lambda: {f"{key} {name}" for key, name in names().items()},
            _select(f"order_id, full_name FROM {named}"),
        ),
        same_members(
            f"speed: rows of {view}",
            {f"{day} {hour:%H:%M} {status} {count}" for (day, status, hour), count in data.speed_view().items()},
            lambda: {f"{r['day']} {r['hour']:%H:%M} {r['status']} {r['orders']}" for r in hours()},
            _select(f"* FROM {view}"),
        ),
        equal(
            f"speed: orders in {view}",
            len(data.todays()),
            lambda: sum(row["orders"] for row in hours()),
            _select(f"sum(orders) FROM {view}"),
        ),
    ]


def serving(lab: Lab) -> list[Assertion]:
    """Both views together are what one batch over all eight days gives; the answer that Spark served is the same."""
    batch_view, speed_view = (lab.settings.table(name) for name in ("orders_by_day_status", "orders_by_hour_status"))
    served, pushed = lab.settings.output(SERVED), lab.settings.output(PUSHDOWN)
    filters: Fact[dict[str, str]] = Fact(lambda: json.loads(lab.hdfs.read_text(pushed)))
    return [
        same_members(
            "speed: batch view and speed view together are one batch over all days",
            _rows(data.recomputed()),
            lambda: _rows(together(_view(lab, batch_view), _view(lab, speed_view))),
            _select(f"* FROM {batch_view}"),
        ),
        same_members(
            "speed: rows that the serving query gave",
            _rows(data.recomputed()),
            lambda: {f"{r['day']} {r['status']} {r['orders']}" for r in json.loads(lab.hdfs.read_text(served))},
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
                partial(_key, lab, table),
                f'cqlsh -e "DESCRIBE TABLE {table}"',
            )
            for table, key in (
                (lab.settings.table("customer_by_order_id"), ["order_id"]),
                (speed_view, ["day", "status", "hour"]),
            )
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
        counts[row["day"], row["status"]] += row["orders"]
    return dict(counts)


def _key(lab: Lab, table: str) -> list[str]:
    """The columns of a table's primary key: first those that choose the node, then those that sort within it."""
    keyspace, name = table.split(".")
    asked = "SELECT column_name, kind, position FROM system_schema.columns WHERE keyspace_name = %s AND table_name = %s"
    columns = [row for row in lab.cassandra.rows(asked, (keyspace, name)) if row["kind"] != "regular"]
    order = {"partition_key": 0, "clustering": 1}
    columns.sort(key=lambda row: (order[row["kind"]], row["position"]))
    return [row["column_name"] for row in columns]


def _rows(view: dict[tuple[str, str], int]) -> set[str]:
    return {f"{day} {status} {count}" for (day, status), count in view.items()}


def _select(what: str) -> str:
    return f'cqlsh -e "SELECT {what}"'
