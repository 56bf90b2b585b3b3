"""What lesson 4 copies, and what every sink should hold afterwards (the oracle)."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from functools import cache

from common.orders import DELIVERED, Order, as_json, as_records, orders


@cache
def all_orders() -> tuple[Order, ...]:
    return tuple(orders())


@cache
def messages() -> tuple[tuple[str, str], ...]:
    return tuple(as_records(all_orders()))


@cache
def by_id() -> dict[str, dict[str, str | None]]:
    """Each order's columns by its id, as a record's value holds them."""
    return {order.order_id: json.loads(as_json(order)) for order in all_orders()}


def split() -> dict[str, int]:
    """Orders that are delivered, and all others."""
    delivered = sum(order.status == DELIVERED for order in all_orders())
    return {"delivered": delivered, "other": len(all_orders()) - delivered}


def statuses() -> dict[str, int]:
    return dict(sorted(Counter(order.status for order in all_orders()).items()))


def delivery_hours() -> dict[str, int]:
    """How long delivered orders were under way, as one aggregate: what the batches' own must add up to."""
    hours = [_hours(order) for order in all_orders() if order.delivered_at]
    return {"count": len(hours), "sum": sum(hours), "min": min(hours), "max": max(hours)}


def _hours(order: Order) -> int:
    took = datetime.fromisoformat(str(order.delivered_at)) - datetime.fromisoformat(order.purchased_at)
    return int(took.total_seconds() // 3600)
