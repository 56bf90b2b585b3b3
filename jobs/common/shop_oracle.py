"""What a stream processor should make of the two streams of `shop` (the oracle of lessons 5 and 9)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from common.shop import ORDERS_PER_BATCH, REGULAR, START, Item, Order, across_batches, items, sent_orders

#: What the queries work with; the steps write them out, as a student would.
WATERMARK = timedelta(minutes=2)
WINDOW = timedelta(minutes=5)
SLIDE_WINDOW, SLIDE = timedelta(minutes=10), timedelta(minutes=5)
ITEMS_WITHIN = timedelta(minutes=1)

#: How far event time is for an engine that knows that nothing more will come: past everything.
END_OF_INPUT = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Window:
    """One row of a windowed count; `status` is empty where the count is over all."""

    start: datetime
    end: datetime
    count: int
    status: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (f"{self.start:%H:%M}-{self.end:%H:%M}", self.status, str(self.count)) if part)


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


def closed_windows(seed: int = REGULAR, until: datetime | None = None) -> list[Window]:
    """Unique orders by window and status, of the windows that event time has passed: the watermark, or `until`."""
    counts = Counter(
        (start, one.status)
        for one in unique_orders(seed).values()
        for start in windows_of(one.order_time, WINDOW, WINDOW)
    )
    every = [Window(start, start + WINDOW, count, status) for (start, status), count in counts.items()]
    return [window for window in every if window.end <= (until or watermark(seed))]


def tumbling(seed: int = REGULAR, until: datetime | None = None) -> set[str]:
    return {str(window) for window in closed_windows(seed, until)}


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


def sliding(seed: int = REGULAR, until: datetime | None = None) -> set[str]:
    """Records that came in time by overlapping window, of the windows that event time has passed."""
    counts = Counter(start for _, one in in_time(seed) for start in windows_of(one.order_time, SLIDE_WINDOW, SLIDE))
    every = [Window(start, start + SLIDE_WINDOW, count) for start, count in counts.items()]
    return {str(window) for window in every if window.end <= (until or watermark(seed))}


def pairs(seed: int = REGULAR) -> list[tuple[Order, Item]]:
    """The orders with the items that belong to them."""
    known = unique_orders(seed)
    return [
        (known[one.order_id], one)
        for one in items(seed)
        if one.order_id in known
        and known[one.order_id].order_time <= one.item_time <= known[one.order_id].order_time + ITEMS_WITHIN
    ]


def without_items(seed: int = REGULAR, until: datetime | None = None) -> set[str]:
    """Orders that the left join has given up on: no item came, and by the watermark, or `until`, none can come now."""
    with_items = {order.order_id for order, _ in pairs(seed)}
    given_up = (until or join_watermark(seed)) - ITEMS_WITHIN
    return {one.order_id for one in unique_orders(seed).values() if one.order_time < given_up} - with_items


def copies_in_another_batch() -> int:
    """Orders whose duplicate is read in a later batch than the order itself: what `broken-wall-clock` lets through."""
    return across_batches([one.order_id for one in sent_orders()], ORDERS_PER_BATCH)
