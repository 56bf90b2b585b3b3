"""The rows that both stores are measured with: orders from a fixed seed, with a key of a day and an order's id."""

from __future__ import annotations

from common import layers, orders

COLUMNS = ("day", "order_id", "customer_id", "status")


def measured(count: int) -> list[tuple[str, str, str, str]]:
    """`count` rows, of eight days."""
    return [(layers.day_of(one), one.order_id, one.customer_id, one.status) for one in orders.orders(count)]
