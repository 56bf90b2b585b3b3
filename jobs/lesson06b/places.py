"""Names of what the lesson keeps, and its row keys, shared by its steps, its preparation and its check."""

from __future__ import annotations

from common.settings import Settings

HISTORY = "history"

ORDERS = "l06b-orders"
SPEED = "l06b-speed"

#: What `compare` writes to both stores.
MEASURED = "measured"

#: What both stores keep -> the columns of which HBase's row key is made; Cassandra's primary key has the same.
KEYS = {
    "customer_by_order_id": ("order_id",),
    "orders_by_day_status": ("day", "status"),
    "orders_by_hour_status": ("day", "status", "hour"),
    MEASURED: ("day", "order_id"),
}
#: What HBase keeps alone: the names of customers, by their ids, and what the broken steps make.
NAMES = "customer_names"
BROKEN = "broken"
#: One column family: what is read together is kept together, and each family of a table has files of its own.
FAMILY = "c"
SEPARATOR = "#"


def keyspace_of(settings: Settings) -> str:
    """The keyspace of the lesson's tables in Cassandra: "lab06b", or a copy's own."""
    return settings.table(MEASURED).partition(".")[0]


def in_hbase(name: str) -> str:
    """The lesson's table in HBase."""
    return f"l06b_{name}"


def row_key(*parts: str) -> str:
    """A row key of several parts, which sorts by the first of them, then by the second, and so on."""
    return SEPARATOR.join(parts)
