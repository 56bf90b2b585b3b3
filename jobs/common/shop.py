"""Two streams of one small shop, which lessons 5 and 9 read; what a stream processor makes of them is in `shop_oracle`.

An order comes in every 10 s for 50 minutes. Every tenth is sent twice, the second time three orders later, as a
producer does that missed an answer. At the very end five orders arrive that were made in the first minute and waited
in a phone without a network: they are late. Each order has two items, half a minute after it, but every tenth order
has none. All of it follows from the numbers below; no clock is involved, and chance only in an exercise, where each
student's seed chooses which orders are shipped, sent twice, late, or without items.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random

START = datetime(2025, 1, 1, tzinfo=UTC)
ORDERS = 300
EVERY = timedelta(seconds=10)
LATE = 5
ITEMS_PER_ORDER = 2
ITEM_DELAY = timedelta(seconds=30)
CUSTOMERS = 25
CITIES = ("Ashford", "Birchwick", "Caldmere", "Dunholt", "Elmsea")
PRODUCTS = ("lamp", "chair", "kettle", "clock", "rug", "mirror", "vase")

#: How many orders after the first the copy of an order is sent.
COPY_COMES_AFTER = 3

#: The seed of the lesson itself, with which everything is regular: every fifth, every tenth. An exercise has others.
REGULAR = 0

#: Records of a batch. The items' limit lets both topics end in the same batch: 540 items to 335 orders.
ORDERS_PER_BATCH = 50
ITEMS_PER_BATCH = 80
#: Orders of a batch in the exercise, where duplicates have to come in another batch than the order itself.
EXERCISE_PER_BATCH = 150

CUSTOMER_COLUMNS = ("customer_id", "city")


@dataclass(frozen=True)
class Order:
    order_id: str
    order_time: datetime
    customer_id: str
    status: str


@dataclass(frozen=True)
class Item:
    item_id: str
    order_id: str
    item_time: datetime
    product: str


@dataclass(frozen=True)
class Plan:
    """What is special about which order, by its number."""

    shipped: frozenset[int]
    twice: frozenset[int]
    alone: frozenset[int]
    #: Seconds after midnight at which each late order was made.
    late: tuple[int, ...]


@cache
def plan(seed: int = REGULAR) -> Plan:
    if seed == REGULAR:
        tenths = range(0, ORDERS, 10)
        return Plan(
            frozenset(range(0, ORDERS, 5)), frozenset(tenths), frozenset(n + 9 for n in tenths), tuple(range(LATE))
        )
    random = Random(seed)
    shipped = frozenset(random.sample(range(ORDERS), random.randint(50, 70)))
    twice: frozenset[int] = frozenset()
    while across_batches(numbers_sent(twice), EXERCISE_PER_BATCH) < 2:
        twice = frozenset(random.sample(range(ORDERS - COPY_COMES_AFTER), random.randint(25, 35)))
    alone = frozenset(random.sample(range(ORDERS), random.randint(25, 35)))
    return Plan(shipped, twice, alone, tuple(random.sample(range(60), LATE)))


def numbers_sent(twice: Collection[int]) -> list[int]:
    """The numbers of the orders as they are sent, duplicates included."""
    sent: list[int] = []
    for number in range(ORDERS + COPY_COMES_AFTER):
        sent += [number] if number < ORDERS else []
        sent += [number - COPY_COMES_AFTER] if number - COPY_COMES_AFTER in twice else []
    return sent


def across_batches(sent: Sequence[int | str], per_batch: int) -> int:
    """How many of those that are sent twice are read in two batches."""
    batches: dict[int | str, set[int]] = {}
    for place, one in enumerate(sent):
        batches.setdefault(one, set()).add(place // per_batch)
    return sum(len(numbers) > 1 for numbers in batches.values())


def order(number: int, seed: int = REGULAR) -> Order:
    status = "shipped" if number in plan(seed).shipped else "delivered"
    return Order(f"o{number:03d}", START + number * EVERY, f"c{number % CUSTOMERS:02d}", status)


def late_order(number: int, seed: int = REGULAR) -> Order:
    """An order of the first minute that nobody has heard of until the end."""
    return Order(f"late{number}", START + timedelta(seconds=plan(seed).late[number]), f"c{number:02d}", "delivered")


@cache
def sent_orders(seed: int = REGULAR) -> tuple[Order, ...]:
    """The orders' topic from its first record to its last, duplicates and late ones included."""
    sent = (order(number, seed) for number in numbers_sent(plan(seed).twice))
    return (*sent, *(late_order(number, seed) for number in range(LATE)))


@cache
def items(seed: int = REGULAR) -> tuple[Item, ...]:
    return tuple(
        Item(
            item_id=f"o{number:03d}-{place}",
            order_id=f"o{number:03d}",
            item_time=order(number).order_time + ITEM_DELAY,
            product=PRODUCTS[(number + place) % len(PRODUCTS)],
        )
        for number in range(ORDERS)
        if number not in plan(seed).alone
        for place in range(1, ITEMS_PER_ORDER + 1)
    )


def order_records(seed: int = REGULAR) -> list[tuple[str, str]]:
    return [(one.order_id, _json(one)) for one in sent_orders(seed)]


def item_records(seed: int = REGULAR) -> list[tuple[str, str]]:
    return [(one.order_id, _json(one)) for one in items(seed)]


def customers_csv() -> str:
    """Who lives where, with a header line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CUSTOMER_COLUMNS)
    writer.writerows((f"c{number:02d}", city_of(f"c{number:02d}")) for number in range(CUSTOMERS))
    return text.getvalue()


def city_of(customer_id: str) -> str:
    return CITIES[int(customer_id[1:]) % len(CITIES)]


def iso(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def _json(one: Order | Item) -> str:
    return json.dumps({name: iso(v) if isinstance(v, datetime) else v for name, v in asdict(one).items()})


def as_spark_writes(*parts: Order | Item, **more: str) -> dict[str, str]:
    """A row of a JSON file sink: the columns of `parts` together, times to the millisecond."""
    columns = {name: value for part in parts for name, value in asdict(part).items()}
    return {
        name: f"{value:%Y-%m-%dT%H:%M:%S.000Z}" if isinstance(value, datetime) else value
        for name, value in columns.items()
    } | more
