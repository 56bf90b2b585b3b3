"""Eight days of orders, some of whose customers we know by name, and what the layers should make of them.

The orders are those of lessons 3 and 4. The first seven days are history and lie on HDFS; the eighth comes on a stream.
The oracle of lessons 6 and 6b.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import cache
from random import Random
from typing import Any

from common import orders
from common.orders import BASE_TIME, Order

SEED = 6
HISTORY_DAYS = 7
NAMED_CUSTOMERS = 100
#: The windows of the speed layer. They divide a day, so a day's orders are the sum of its windows.
WINDOW = timedelta(hours=1)
#: How far behind the latest order event time stands. The three partitions are read side by side and one may be some
#: orders ahead of another; an order comes every 11.5 minutes, so six hours are thirty of them.
WATERMARK = timedelta(hours=6)
PER_BATCH = 50

SYLLABLES = ("ba", "de", "ka", "li", "mo", "na", "ri", "so", "ta", "vu")
#: One family's name is enough to break CQL that is put together as text.
APOSTROPHE = "O'Bari"
CITIES = ("Ashford", "Birchwick", "Caldmere", "Dunholt", "Elmsea")

NAME_COLUMNS = ("cid", "full_name", "city")


@dataclass(frozen=True)
class Customer:
    cid: str
    full_name: str
    city: str


@cache
def customers(seed: int = SEED) -> tuple[Customer, ...]:
    """The customers whose name we know: 100 of the 250 that order."""
    random = Random(seed)
    known = sorted(random.sample(range(orders.CUSTOMERS), NAMED_CUSTOMERS))
    return tuple(_customer(random, number, first=position == 0) for position, number in enumerate(known))


def _customer(random: Random, number: int, *, first: bool) -> Customer:
    given, family = ("".join(random.choices(SYLLABLES, k=length)).capitalize() for length in (2, 3))
    return Customer(orders.customer_id(number), f"{given} {APOSTROPHE if first else family}", random.choice(CITIES))


@cache
def all_orders(seed: int = orders.SEED) -> tuple[Order, ...]:
    return tuple(orders.orders() if seed == orders.SEED else orders.own_orders(seed))


def day_of(order: Order) -> str:
    return order.purchased_at[:10]


def days() -> list[str]:
    """The eight days as text: "2025-01-01" and so on."""
    return [f"{BASE_TIME + timedelta(days=number):%Y-%m-%d}" for number in range(orders.DAYS)]


def history(seed: int = orders.SEED) -> dict[str, list[Order]]:
    """The orders of each of the first seven days."""
    past = days()[:HISTORY_DAYS]
    return {day: [order for order in all_orders(seed) if day_of(order) == day] for day in past}


def todays(seed: int = orders.SEED) -> list[Order]:
    """The orders of the eighth day."""
    return [order for order in all_orders(seed) if day_of(order) == days()[HISTORY_DAYS]]


def records(seed: int = orders.SEED) -> list[tuple[str, str]]:
    return orders.as_records(todays(seed))


# ---- the oracle -----------------------------------------------------------------------------------------------------


def by_day(those: list[Order] | tuple[Order, ...]) -> dict[tuple[str, str], int]:
    """Orders by (day, status)."""
    return dict(Counter((day_of(order), order.status) for order in those))


def batch_view() -> dict[tuple[str, str], int]:
    return by_day([order for those in history().values() for order in those])


def speed_view() -> dict[tuple[str, str, datetime], int]:
    """Today's orders by (day, status, start of the hour); the hour without a time zone, as the driver reads it."""
    return dict(Counter((day_of(order), order.status, _hour(order)) for order in todays()))


def time_of(order: Order) -> datetime:
    """When it was made; without a time zone, as the driver reads it."""
    return datetime.fromisoformat(order.purchased_at).replace(tzinfo=None)


def _hour(order: Order) -> datetime:
    return time_of(order).replace(minute=0, second=0)


def recomputed() -> dict[tuple[str, str], int]:
    """What a batch over all eight days gives: what the layers together must give as well."""
    return by_day(all_orders())


def named_orders() -> list[dict[str, Any]]:
    """Today's orders of customers whom we know, in the columns of the table of customers by order."""
    known = {customer.cid: customer for customer in customers()}
    return [
        {**asdict(known[order.customer_id]), "order_id": order.order_id, "status": order.status,
         "purchased_at": time_of(order)}
        for order in todays()
        if order.customer_id in known
    ]  # fmt: skip
