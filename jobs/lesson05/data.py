"""Two streams of one small shop, and what a stream processor should make of them (the oracle).

An order comes in every 10 s for 50 minutes. Every tenth is sent twice, the second time three orders later, as a
producer does that missed an answer. At the very end five orders arrive that were made in the first minute and waited
in a phone without a network: they are late. Each order has two items, half a minute after it, but every tenth order
has none. All of it follows from the numbers below; no chance is involved, and no clock.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

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

#: What the queries work with; the transforms take these from here, so the oracle means the same.
WATERMARK = timedelta(minutes=2)
WINDOW = timedelta(minutes=5)
SLIDE_WINDOW, SLIDE = timedelta(minutes=10), timedelta(minutes=5)
ITEMS_WITHIN = timedelta(minutes=1)

#: Records of a batch. The items' limit lets both topics end in the same batch: 540 items to 335 orders.
ORDERS_PER_BATCH = 50
ITEMS_PER_BATCH = 80

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


def order(number: int) -> Order:
    status = "shipped" if number % 5 == 0 else "delivered"
    return Order(f"o{number:03d}", START + number * EVERY, f"c{number % CUSTOMERS:02d}", status)


def late_order(number: int) -> Order:
    """An order of the first minute that nobody has heard of until the end."""
    return Order(f"late{number}", START + timedelta(seconds=number), f"c{number:02d}", "delivered")


def is_sent_twice(number: int) -> bool:
    return number % 10 == 0


def has_items(number: int) -> bool:
    return number % 10 != 9


@cache
def sent_orders() -> tuple[Order, ...]:
    """The orders' topic from its first record to its last, copies and late ones included."""
    sent: list[Order] = []
    for number in range(ORDERS + COPY_COMES_AFTER):
        if number < ORDERS:
            sent.append(order(number))
        copied = number - COPY_COMES_AFTER
        if copied >= 0 and is_sent_twice(copied):
            sent.append(order(copied))
    return (*sent, *(late_order(number) for number in range(LATE)))


@cache
def items() -> tuple[Item, ...]:
    return tuple(
        Item(
            item_id=f"o{number:03d}-{place}",
            order_id=f"o{number:03d}",
            item_time=order(number).order_time + ITEM_DELAY,
            product=PRODUCTS[(number + place) % len(PRODUCTS)],
        )
        for number in range(ORDERS)
        if has_items(number)
        for place in range(1, ITEMS_PER_ORDER + 1)
    )


def order_records() -> list[tuple[str, str]]:
    return [(one.order_id, _json(one)) for one in sent_orders()]


def item_records() -> list[tuple[str, str]]:
    return [(one.order_id, _json(one)) for one in items()]


def customers_csv() -> str:
    """Who lives where, with a header line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CUSTOMER_COLUMNS)
    writer.writerows((f"c{number:02d}", CITIES[number % len(CITIES)]) for number in range(CUSTOMERS))
    return text.getvalue()


def iso(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def _json(one: Order | Item) -> str:
    return json.dumps({name: iso(v) if isinstance(v, datetime) else v for name, v in asdict(one).items()})


# ---- the oracle -----------------------------------------------------------------------------------------------------


def batch_sizes(*topics: tuple[int, int]) -> list[int]:
    """Records of each batch, for topics of (records, limit): as many batches as the longest topic takes."""
    batches = max(-(-records // limit) for records, limit in topics)
    return [sum(max(0, min(limit, records - n * limit)) for records, limit in topics) for n in range(batches)]


def order_batches() -> list[Sequence[Order]]:
    sent = sent_orders()
    return [sent[place : place + ORDERS_PER_BATCH] for place in range(0, len(sent), ORDERS_PER_BATCH)]


def watermark() -> datetime:
    """Where event time stands when all orders are read: two minutes behind the latest one."""
    return max(one.order_time for one in sent_orders()) - WATERMARK


def join_watermark() -> datetime:
    """A query over two streams goes by the slower one."""
    return min(watermark(), max(one.item_time for one in items()) - WATERMARK)


def in_time() -> list[tuple[int, Order]]:
    """(batch, order) of every record that is not late. What is late in a batch was settled two batches before it:
    the batch before decided where event time stands, and Spark forgives one batch more."""
    kept = []
    marks = [datetime.min.replace(tzinfo=UTC)] * 2
    for number, batch in enumerate(order_batches()):
        kept += [(number, one) for one in batch if one.order_time >= marks[number]]
        marks.append(max(marks[-1], max(one.order_time for one in batch) - WATERMARK))
    return kept


def unique_orders() -> dict[str, Order]:
    """Every order that came in time, once."""
    return {one.order_id: one for _, one in in_time()}


def windows_of(time: datetime, size: timedelta, slide: timedelta) -> list[datetime]:
    """The starts of the windows that `time` is in; Spark counts windows from 1970, so 00:00 begins one."""
    latest = START + (time - START) // slide * slide
    starts = [latest - n * slide for n in range(size // slide)]
    return [start for start in starts if start + size > time]


def tumbling() -> set[str]:
    """Unique orders by window and status, of the windows that the watermark has passed."""
    counts = Counter(
        (start, one.status) for one in unique_orders().values() for start in windows_of(one.order_time, WINDOW, WINDOW)
    )
    every = [Window(start, start + WINDOW, count, status) for (start, status), count in counts.items()]
    return {str(window) for window in every if window.end <= watermark()}


def updated() -> set[str]:
    """The last count of each window as update mode tells it: copies count, late orders do not."""
    counts = Counter(start for _, one in in_time() for start in windows_of(one.order_time, WINDOW, WINDOW))
    return {str(Window(start, start + WINDOW, count)) for start, count in counts.items()}


def updates() -> int:
    """How many rows update mode sends: a window once in each batch that has a record of it."""
    return len({(batch, start) for batch, one in in_time() for start in windows_of(one.order_time, WINDOW, WINDOW)})


def complete() -> set[str]:
    """All windows with all records: complete mode keeps everything, so it cannot let go of what is late."""
    counts = Counter(start for one in sent_orders() for start in windows_of(one.order_time, WINDOW, WINDOW))
    return {str(Window(start, start + WINDOW, count)) for start, count in counts.items()}


def sliding() -> set[str]:
    """Records that came in time by overlapping window, of the windows that the watermark has passed."""
    counts = Counter(start for _, one in in_time() for start in windows_of(one.order_time, SLIDE_WINDOW, SLIDE))
    every = [Window(start, start + SLIDE_WINDOW, count) for start, count in counts.items()]
    return {str(window) for window in every if window.end <= watermark()}


def pairs() -> set[str]:
    """The items that find their order: "o000 o000-1"."""
    known = unique_orders()
    return {
        f"{one.order_id} {one.item_id}"
        for one in items()
        if one.order_id in known
        and known[one.order_id].order_time <= one.item_time <= known[one.order_id].order_time + ITEMS_WITHIN
    }


def without_items() -> set[str]:
    """Orders that the left join has given up on: no item came, and by the watermark none can come any more."""
    with_items = {pair.split()[0] for pair in pairs()}
    given_up = join_watermark() - ITEMS_WITHIN
    return {one.order_id for one in unique_orders().values() if one.order_time < given_up} - with_items


def copies_in_another_batch() -> int:
    """Orders whose copy is read in a later batch than the order itself: what `broken-wall-clock` lets through."""
    batches_of: dict[str, set[int]] = {}
    for number, batch in enumerate(order_batches()):
        for one in batch:
            batches_of.setdefault(one.order_id, set()).add(number)
    return sum(len(numbers) > 1 for numbers in batches_of.values())
