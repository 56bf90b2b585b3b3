"""What the exercise of lesson 9 starts from, and what each of its gaps should leave behind."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from common import shop, shop_oracle
from common.checks import Assertion, Fact, at_least, same_rows
from common.exercise import ScriptExercise
from common.shop_oracle import END_OF_INPUT
from lesson09.check import join_rows, of_join, rows, where, windows_once

if TYPE_CHECKING:
    from common.lab import Lab

#: The topic of each gap.
TOPICS = ("seen", "tumbling", "sliding", "joined", "late")


def prepare(lab: Lab) -> list[str]:
    settings, seed = lab.settings, lab.settings.seed
    return [
        lab.ensure_records(settings.topic("orders"), shop.order_records(seed)),
        lab.ensure_records(settings.topic("items"), shop.item_records(seed)),
    ]


def check(lab: Lab) -> list[Assertion]:
    work = ScriptExercise(lab, TOPICS)
    looks = (reads, tumbling, sliding, joined, late)
    return [one for number, look in enumerate(looks, start=1) for one in work.gap(number, partial(look, lab))]


def reads(lab: Lab) -> list[Assertion]:
    seen, expected = Fact(lambda: rows(lab, "seen")), as_seen(lab.settings.seed)
    return [
        same_rows(
            "orders, from the topic's beginning to its end",
            [_without_watermark(row) for row in expected],
            lambda: [_without_watermark(row) for row in seen()],
            where(lab, "seen"),
        ),
        same_rows("the watermark before each order", expected, seen, where(lab, "seen")),
    ]


def as_seen(seed: int) -> list[dict[str, Any]]:
    """Each order as it is read, with the watermark that came from those before it; before the first there is none."""
    orders = shop.sent_orders(seed)
    latest = accumulate((one.order_time for one in orders), max)
    watermarks = [None, *(shop.iso(time - shop_oracle.WATERMARK) for time in latest)]
    return [
        {**asdict(one), "order_time": shop.iso(one.order_time), "watermark_then": watermark}
        for one, watermark in zip(orders, watermarks, strict=False)
    ]


def _without_watermark(row: Any) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "watermark_then"}


def tumbling(lab: Lab) -> list[Assertion]:
    expected = shop_oracle.tumbling(lab.settings.seed, END_OF_INPUT)
    return [windows_once(lab, "unique orders by window and status", "tumbling", expected)]


def sliding(lab: Lab) -> list[Assertion]:
    expected = shop_oracle.sliding(lab.settings.seed, END_OF_INPUT)
    return [windows_once(lab, "records by window", "sliding", expected)]


def joined(lab: Lab) -> list[Assertion]:
    found = Fact(lambda: rows(lab, "joined"))
    with_items, alone = join_rows(lab.settings.seed)
    return [
        same_rows("orders with their items", with_items, lambda: of_join(found(), has_item=True), where(lab, "joined")),
        same_rows("orders without items", alone, lambda: of_join(found(), has_item=False), where(lab, "joined")),
    ]


def late(lab: Lab) -> list[Assertion]:
    seed, topic = lab.settings.seed, lab.settings.topic("late")
    kept = ("order_id", "order_time", "watermark_then")
    in_time = shop_oracle.unique_orders(seed)
    expected = [{name: row[name] for name in kept} for row in as_seen(seed) if row["order_id"] not in in_time]
    # A transaction ends with a record of Kafka's own, which takes an offset, and which no consumer is given.
    return [
        same_rows("late orders with the watermark", expected, lambda: rows(lab, "late"), where(lab, "late")),
        at_least(
            "ends of transactions in the topic",
            1,
            lambda: lab.kafka.count(topic) - len(lab.kafka.consume_all(topic)),
            f"kafka-get-offsets.sh --bootstrap-server {lab.info.kafka} --topic {topic}",
        ),
    ]
