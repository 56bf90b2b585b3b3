"""What lesson 9 leaves behind, looked at from outside, and compared with the same oracle as lesson 5.

The step `stream` is looked at once it has run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from common import shop, shop_oracle
from common.checks import Assertion, Fact, application_succeeded, equal, json_of, same_rows
from common.shop_oracle import END_OF_INPUT, Window

if TYPE_CHECKING:
    from common.lab import Lab

Row = Mapping[str, Any]


def check(lab: Lab) -> list[Assertion]:
    return [application_succeeded(lab, "windows"), *arrived(lab), *windows(lab), *joins(lab), *stream(lab)]


def arrived(lab: Lab) -> list[Assertion]:
    """What there was to read."""
    expected = {"orders": len(shop.sent_orders()), "items": len(shop.items())}
    return [_count(lab, "windows", name, records) for name, records in expected.items()]


def windows(lab: Lab) -> list[Assertion]:
    """Each window once. The orders have an end, so that all are over: Spark has left the last one of each kind open."""
    expected = {
        "tumbling": ("windows by status", shop_oracle.tumbling(until=END_OF_INPUT)),
        "sliding": ("windows that overlap", shop_oracle.sliding(until=END_OF_INPUT)),
    }
    return [
        windows_once(lab, f"windows: {lab.settings.topic(name)}: {words}", name, wanted)
        for name, (words, wanted) in expected.items()
    ]


def joins(lab: Lab) -> list[Assertion]:
    """What is late, and unique orders with their items: whole rows, each as often as it should be there."""
    orders = shop_oracle.unique_orders()
    late = [
        {"order_id": one.order_id, "order_time": shop.iso(one.order_time), "watermark_then": _watermark()}
        for one in shop.sent_orders()
        if one.order_id not in orders
    ]
    joined = Fact(lambda: rows(lab, "joined"))
    with_items, alone = join_rows()
    return [
        same_rows("windows: l09-late: orders that came too late", late, lambda: rows(lab, "late"), where(lab, "late")),
        same_rows(
            "windows: l09-joined: orders with their items",
            with_items,
            lambda: of_join(joined(), has_item=True),
            where(lab, "joined"),
        ),
        same_rows(
            "windows: l09-joined: orders without items",
            alone,
            lambda: of_join(joined(), has_item=False),
            where(lab, "joined"),
        ),
    ]


def stream(lab: Lab) -> list[Assertion]:
    """The same as Spark's append mode gives: without an end, the last window stays open."""
    if not _has_run(lab):
        return []
    return [
        application_succeeded(lab, "stream"),
        _count(lab, "stream", "live", len(shop.sent_orders())),
        windows_once(
            lab, f"stream: {lab.settings.topic('live-counts')}: closed windows", "live-counts", _closed_of_all()
        ),
    ]


def _closed_of_all() -> set[str]:
    """Records that came in time by window, of the windows that the watermark has passed."""
    every = shop_oracle.touched_windows().items()
    closed = (Window(start, start + shop_oracle.WINDOW, count) for start, count in every)
    return {str(window) for window in closed if window.end <= shop_oracle.watermark()}


def _has_run(lab: Lab) -> bool:
    try:
        return bool(lab.kafka.count(lab.settings.topic("live")))
    except Exception:  # what does not answer is reported by the assertions above
        return False


def _count(lab: Lab, step: str, name: str, records: int) -> Assertion:
    topic = lab.settings.topic(name)
    where = f"kafka-get-offsets.sh --bootstrap-server {lab.info.kafka} --topic {topic}"
    return equal(f"{step}: records in {topic}", records, lambda: lab.kafka.count(topic), where)


def windows_once(lab: Lab, words: str, name: str, expected: Iterable[str]) -> Assertion:
    """Each of the expected windows once: what is sent twice is found, as rows are counted."""

    def found() -> list[Row]:
        return [{"window": text, "times": times} for text, times in Counter(map(_window, rows(lab, name))).items()]

    wanted = [{"window": text, "times": 1} for text in expected]
    return same_rows(words, wanted, found, where(lab, name))


def rows(lab: Lab, name: str) -> list[Row]:
    """The records of one of the lesson's topics that were committed."""
    return [json_of(record) for record in lab.kafka.consume_all(lab.settings.topic(name))]


def join_rows(seed: int = shop.REGULAR) -> tuple[list[Row], list[Row]]:
    """The rows of the join at the end of the input: orders with their items, and orders without any."""
    orders = shop_oracle.unique_orders(seed)
    alone = [_joined(orders[key]) for key in shop_oracle.without_items(seed, END_OF_INPUT)]
    return [_joined(order, item) for order, item in shop_oracle.pairs(seed)], alone


def of_join(joined: Iterable[Row], *, has_item: bool) -> list[Row]:
    return [row for row in joined if (row["item_id"] is not None) is has_item]


def _window(row: Row) -> str:
    start, end = (datetime.fromisoformat(row[f"window_{name}"]).replace(tzinfo=UTC) for name in ("start", "end"))
    return str(Window(start, end, row["orders"], row.get("status", "")))


def _joined(order: shop.Order, item: shop.Item | None = None) -> Row:
    """A row as Flink writes it: a time with a time zone has a Z, a plain one has none."""
    return {
        "order_id": order.order_id,
        "order_time": shop.iso(order.order_time),
        "status": order.status,
        "item_id": item.item_id if item else None,
        "item_time": shop.iso(item.item_time).rstrip("Z") if item else None,
        "product": item.product if item else None,
    }


def _watermark() -> str:
    """Where event time was when the late orders came, after all others."""
    return shop.iso(shop_oracle.watermark())


def where(lab: Lab, name: str) -> str:
    return (
        f"kafka-console-consumer.sh --bootstrap-server {lab.info.kafka} --topic {lab.settings.topic(name)} "
        "--from-beginning --isolation-level read_committed"
    )
