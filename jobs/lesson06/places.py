"""Names of what the lesson keeps, shared by its steps, its preparation and its check."""

from __future__ import annotations

from common.settings import Settings

HISTORY = "history"
SERVED = "served.json"
PUSHDOWN = "pushdown.json"

ORDERS = "l06-orders"
SPEED = "l06-speed"


def keyspace_of(settings: Settings) -> str:
    """The keyspace of the lesson's tables: "lab", or a copy's own."""
    return settings.table("customer_names").partition(".")[0]
