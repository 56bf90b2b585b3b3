"""What the exercise of lesson 6 starts from, and what each of its gaps should leave behind."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from common import layers
from common.checkpoint import Checkpoint
from common.checks import Assertion, equal, same_rows
from common.exercise import Exercise, as_spark_writes
from common.orders import as_parquet
from lesson06.check import key_of
from lesson06.places import HISTORY

if TYPE_CHECKING:
    from common.lab import Lab

#: The keyspace is the student's folder's; $replication is the number of copies.
SCHEMA = """
    CREATE KEYSPACE IF NOT EXISTS {keyspace}
      WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': $replication}};
    CREATE TABLE IF NOT EXISTS {table} (cid text PRIMARY KEY, full_name text, city text);
"""


def own_customers(lab: Lab) -> list[dict[str, Any]]:
    return [asdict(customer) for customer in layers.customers(lab.settings.seed)]


def own_named_orders(lab: Lab) -> list[dict[str, Any]]:
    """The student's orders of today whose customer has a name, in the columns of gap 3; the time as JSON has it."""
    names = {customer["cid"]: customer["full_name"] for customer in own_customers(lab)}
    return [
        {
            "cid": order.customer_id,
            "purchased_at": order.purchased_at,
            "order_id": order.order_id,
            "full_name": names[order.customer_id],
            "status": order.status,
        }
        for order in layers.todays(lab.settings.seed)
        if order.customer_id in names
    ]


def prepare(lab: Lab) -> list[str]:
    """The student's own orders and customers; the names' table is there and empty."""
    settings, seed = lab.settings, lab.settings.seed
    table = settings.table("customer_names")
    schema = SCHEMA.format(keyspace=table.partition(".")[0], table=table)
    lines = "".join(f"{json.dumps(customer)}\n" for customer in own_customers(lab))
    return [
        *lab.cassandra.apply_schema(schema, file="the exercise's schema"),
        *(
            lab.ensure_file(settings.input(HISTORY, f"day={day}", "orders.parquet"), as_parquet(those))
            for day, those in layers.history(seed).items()
        ),
        lab.ensure_file(settings.input("customers.json"), lines),
        lab.ensure_records(settings.topic("orders"), layers.records(seed)),
    ]


def check(lab: Lab) -> list[Assertion]:
    work = Exercise(lab)
    return [
        *work.gap(1, lambda: tables(lab)),
        *work.gap(2, lambda: loaded(lab), needs=[]),
        *work.gap(3, lambda: joined(lab, work), needs=[2]),
        *work.gap(4, lambda: saved(lab), needs=[1, 2, 3]),
        *work.gap(5, lambda: totals(lab), needs=[1]),
    ]


def tables(lab: Lab) -> list[Assertion]:
    orders, totals = lab.settings.table("orders_by_customer"), lab.settings.table("orders_by_status")
    columns = {
        orders: {"cid": "text", "purchased_at": "timestamp", "order_id": "text", "full_name": "text", "status": "text"},
        totals: {"status": "text", "orders": "bigint"},
    }
    keys = {orders: ["cid", "purchased_at", "order_id"], totals: ["status"]}
    return [
        *(
            equal(f"columns of {table}", columns[table], partial(types_of, lab, table), described(table))
            for table in columns
        ),
        *(
            equal(f"primary key of {table}", keys[table], partial(key_of, lab, table), described(table))
            for table in keys
        ),
        equal(
            f"what chooses the node in {orders}",
            ["cid"],
            lambda: [row["column_name"] for row in columns_of(lab, orders) if row["kind"] == "partition_key"],
            described(orders),
        ),
        equal(
            f"order of purchased_at in {orders}",
            "desc",
            lambda: next(
                row["clustering_order"] for row in columns_of(lab, orders) if row["column_name"] == "purchased_at"
            ),
            described(orders),
        ),
    ]


def loaded(lab: Lab) -> list[Assertion]:
    table = lab.settings.table("customer_names")
    return [
        same_rows(
            f"customers in {table}",
            own_customers(lab),
            lambda: lab.cassandra.rows(f"SELECT cid, full_name, city FROM {table}"),
            selected(table),
        )
    ]


def joined(lab: Lab, work: Exercise) -> list[Assertion]:
    types = {
        "cid": "string", "purchased_at": "timestamp", "order_id": "string", "full_name": "string", "status": "string",
    }  # fmt: skip
    rows = [as_spark_writes(row, ["purchased_at"]) for row in own_named_orders(lab)]
    return [
        equal("columns and types", types, lambda: work.columns(3), work.where(3)),
        same_rows("orders with a name, all columns", rows, lambda: work.rows(3), work.where(3)),
    ]


def saved(lab: Lab) -> list[Assertion]:
    table = lab.settings.table("orders_by_customer")
    wanted = [
        row | {"purchased_at": row["purchased_at"].replace("T", " ").rstrip("Z")} for row in own_named_orders(lab)
    ]
    return [
        same_rows(
            f"rows of {table}, all columns",
            wanted,
            lambda: lab.cassandra.rows(f"SELECT cid, purchased_at, order_id, full_name, status FROM {table}"),
            selected(table),
        ),
        done(lab, "orders"),
    ]


def totals(lab: Lab) -> list[Assertion]:
    table = lab.settings.table("orders_by_status")
    counts = Counter(order.status for order in layers.all_orders(lab.settings.seed))
    return [
        same_rows(
            f"orders by status in {table}, of eight days",
            [{"status": status, "orders": orders} for status, orders in counts.items()],
            lambda: lab.cassandra.rows(f"SELECT status, orders FROM {table}"),
            selected(table),
        ),
        done(lab, "totals"),
    ]


def done(lab: Lab, query: str) -> Assertion:
    """The query has read all by the checkpoint of its own name."""
    place = lab.settings.checkpoint(f"{lab.settings.lesson}-{query}")
    return equal(
        f"records that the checkpoint of {lab.settings.lesson}-{query} says are done",
        len(layers.todays(lab.settings.seed)),
        Checkpoint(lab.hdfs, place).records_done,
        f"hdfs dfs -ls {place}/commits",
    )


def columns_of(lab: Lab, table: str) -> list[dict[str, Any]]:
    keyspace, name = table.split(".")
    asked = "SELECT * FROM system_schema.columns WHERE keyspace_name = %s AND table_name = %s"
    return lab.cassandra.rows(asked, (keyspace, name))


def types_of(lab: Lab, table: str) -> dict[str, str] | str:
    return {row["column_name"]: row["type"] for row in columns_of(lab, table)} or f"there is no table {table}"


def _as_read(time: str) -> datetime:
    """A time of JSON as the driver reads it: in UTC, without a time zone."""
    return datetime.fromisoformat(time).replace(tzinfo=None)


def described(table: str) -> str:
    return f'cqlsh -e "DESCRIBE TABLE {table}"'


def selected(table: str) -> str:
    return f'cqlsh -e "SELECT * FROM {table}"'
