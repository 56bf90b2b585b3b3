"""Two streams of one small shop, and what a stream processor should make of them (the oracle).

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
from collections import Counter
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

#: What the queries work with, for the oracle; the steps write them out, as a student would.
WATERMARK = timedelta(minutes=2)
WINDOW = timedelta(minutes=5)
SLIDE_WINDOW, SLIDE = timedelta(minutes=10), timedelta(minutes=5)
ITEMS_WITHIN = timedelta(minutes=1)

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
class Window:
    """One row of a windowed count; `status` is empty where the count is over all."""

    start: datetime
    end: datetime
    count: int
    status: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (f"{self.start:%H:%M}-{self.end:%H:%M}", self.status, str(self.count)) if part)


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


# ---- the oracle -----------------------------------------------------------------------------------------------------


def batch_sizes(*topics: tuple[int, int]) -> list[int]:
    """Records of each batch, for topics of (records, limit): as many batches as the longest topic takes."""
    batches = max(-(-records // limit) for records, limit in topics)
    return [sum(max(0, min(limit, records - n * limit)) for records, limit in topics) for n in range(batches)]


def order_batches(seed: int = REGULAR, per_batch: int = ORDERS_PER_BATCH) -> list[Sequence[Order]]:
    sent = sent_orders(seed)
    return [sent[place : place + per_batch] for place in range(0, len(sent), per_batch)]


def watermark(seed: int = REGULAR) -> datetime:
    """Where event time stands when all orders are read: two minutes behind the latest one."""
    return max(one.order_time for one in sent_orders(seed)) - WATERMARK


def join_watermark(seed: int = REGULAR) -> datetime:
    """A query over two streams goes by the slower one."""
    return min(watermark(seed), max(one.item_time for one in items(seed)) - WATERMARK)


def in_time(seed: int = REGULAR, per_batch: int = ORDERS_PER_BATCH) -> list[tuple[int, Order]]:
    """(batch, order) of every record that is not late. What is late in a batch was settled two batches before it:
    the batch before decided where event time stands, and Spark forgives one batch more."""
    kept = []
    marks = [datetime.min.replace(tzinfo=UTC)] * 2
    for number, batch in enumerate(order_batches(seed, per_batch)):
        kept += [(number, one) for one in batch if one.order_time >= marks[number]]
        marks.append(max(marks[-1], max(one.order_time for one in batch) - WATERMARK))
    return kept


def unique_orders(seed: int = REGULAR) -> dict[str, Order]:
    """Every order that came in time, once."""
    return {one.order_id: one for _, one in in_time(seed)}


def windows_of(time: datetime, size: timedelta, slide: timedelta) -> list[datetime]:
    """The starts of the windows that `time` is in; Spark counts windows from 1970, so 00:00 begins one."""
    latest = START + (time - START) // slide * slide
    starts = [latest - n * slide for n in range(size // slide)]
    return [start for start in starts if start + size > time]


def closed_windows(seed: int = REGULAR) -> list[Window]:
    """Unique orders by window and status, of the windows that the watermark has passed."""
    counts = Counter(
        (start, one.status)
        for one in unique_orders(seed).values()
        for start in windows_of(one.order_time, WINDOW, WINDOW)
    )
    every = [Window(start, start + WINDOW, count, status) for (start, status), count in counts.items()]
    return [window for window in every if window.end <= watermark(seed)]


def tumbling(seed: int = REGULAR) -> set[str]:
    return {str(window) for window in closed_windows(seed)}


def touched_windows(seed: int = REGULAR) -> Counter[datetime]:
    """How many records each window has, by its start: duplicates count, late orders do not."""
    return Counter(start for _, one in in_time(seed) for start in windows_of(one.order_time, WINDOW, WINDOW))


def updated(seed: int = REGULAR) -> set[str]:
    """The last count of each window as update mode emits it."""
    return {str(Window(start, start + WINDOW, count)) for start, count in touched_windows(seed).items()}


def updates(seed: int = REGULAR, per_batch: int = ORDERS_PER_BATCH) -> int:
    """How many rows update mode emits: a window once in each batch that has a record of it."""
    return len(
        {
            (batch, start)
            for batch, one in in_time(seed, per_batch)
            for start in windows_of(one.order_time, WINDOW, WINDOW)
        }
    )


def most_updates() -> int:
    """How many rows the largest batch of update mode emits."""
    touched = {(batch, start) for batch, one in in_time() for start in windows_of(one.order_time, WINDOW, WINDOW)}
    return max(Counter(batch for batch, _ in touched).values())


def complete(seed: int = REGULAR) -> set[str]:
    """All windows with all records: complete mode keeps everything, so it cannot let go of what is late."""
    counts = Counter(start for one in sent_orders(seed) for start in windows_of(one.order_time, WINDOW, WINDOW))
    return {str(Window(start, start + WINDOW, count)) for start, count in counts.items()}


def sliding(seed: int = REGULAR) -> set[str]:
    """Records that came in time by overlapping window, of the windows that the watermark has passed."""
    counts = Counter(start for _, one in in_time(seed) for start in windows_of(one.order_time, SLIDE_WINDOW, SLIDE))
    every = [Window(start, start + SLIDE_WINDOW, count) for start, count in counts.items()]
    return {str(window) for window in every if window.end <= watermark(seed)}


def pairs(seed: int = REGULAR) -> list[tuple[Order, Item]]:
    """The orders with the items that belong to them."""
    known = unique_orders(seed)
    return [
        (known[one.order_id], one)
        for one in items(seed)
        if one.order_id in known
        and known[one.order_id].order_time <= one.item_time <= known[one.order_id].order_time + ITEMS_WITHIN
    ]


def without_items(seed: int = REGULAR) -> set[str]:
    """Orders that the left join has given up on: no item came, and by the watermark none can come any more."""
    with_items = {order.order_id for order, _ in pairs(seed)}
    given_up = join_watermark(seed) - ITEMS_WITHIN
    return {one.order_id for one in unique_orders(seed).values() if one.order_time < given_up} - with_items


def copies_in_another_batch() -> int:
    """Orders whose duplicate is read in a later batch than the order itself: what `broken-wall-clock` lets through."""
    return across_batches([one.order_id for one in sent_orders()], ORDERS_PER_BATCH)
