"""What lesson09's check expects of Flink: lesson 5's oracle, at the end of the input."""

from __future__ import annotations

import json
from collections.abc import Iterable
from types import SimpleNamespace

from common import shop, shop_oracle
from common.checks import Assertion
from common.records import Record
from common.settings import LabInfo, Settings
from common.shop_oracle import END_OF_INPUT
from lesson09 import check

TOPICS = tuple(f"l09-{name}" for name in ("orders", "items", "tumbling", "sliding", "late", "joined", "live"))


def window(text: str) -> dict:
    """A row of Flink's of a window as the oracle writes it."""
    times, *status, count = text.split()
    start, end = times.split("-")
    row = {"orders": int(count)} | ({"status": status[0]} if status else {})
    return row | {f"window_{name}": f"2025-01-01T{at}:00" for name, at in (("start", start), ("end", end))}


def answers() -> dict[str, list[dict]]:
    """What Flink gives, by topic."""
    orders = shop_oracle.unique_orders()
    joined = [check._joined(order, item) for order, item in shop_oracle.pairs()]
    alone = [check._joined(orders[key]) for key in shop_oracle.without_items(until=END_OF_INPUT)]
    late = [one for one in shop.sent_orders() if one.order_id not in orders]
    return {
        "l09-tumbling": [window(text) for text in shop_oracle.tumbling(until=END_OF_INPUT)],
        "l09-sliding": [window(text) for text in shop_oracle.sliding(until=END_OF_INPUT)],
        "l09-late": [
            {"order_id": one.order_id, "order_time": shop.iso(one.order_time), "watermark_then": "2025-01-01T00:47:50Z"}
            for one in late
        ],
        "l09-joined": [*joined, *alone],
    }


def checked(rows: dict[str, list[dict]]) -> list[Assertion]:
    counts = {"l09-orders": 335, "l09-items": 540, "l09-live": 0}

    def records(topic: str) -> Iterable[Record]:
        return [Record(0, n, 0, None, json.dumps(row)) for n, row in enumerate(rows[topic])]

    info = LabInfo(student="ada", kafka="k", cassandra=(), webhdfs="w", hdfs="h", yarn="y")
    lab = SimpleNamespace(
        info=info,
        settings=Settings(info=info, lesson="lesson09", topics=TOPICS),
        kafka=SimpleNamespace(count=counts.__getitem__, consume_all=records),
        yarn=SimpleNamespace(latest=lambda name: SimpleNamespace(outcome="SUCCEEDED")),
    )
    return check.check(lab)


def test_the_answers_at_the_end_of_the_input_are_two_windows_and_two_orders_more_than_spark_s() -> None:
    found = checked(answers())
    assert [one for one in found if not one.passed] == []
    assert [one.expected for one in found][3:] == ["20 rows", "11 rows", "5 rows", "540 rows", "30 rows"]
    assert (len(shop_oracle.tumbling()), len(shop_oracle.sliding()), len(shop_oracle.without_items())) == (18, 9, 28)


def test_a_window_that_is_there_twice_is_wrong() -> None:
    rows = answers()
    rows["l09-tumbling"].append(rows["l09-tumbling"][0])
    assert [one.name for one in checked(rows) if not one.passed] == ["windows: l09-tumbling: windows by status"]


def test_a_late_order_that_was_not_dropped_is_wrong() -> None:
    rows = answers()
    rows["l09-sliding"] = [row | {"orders": row["orders"] + 5} for row in rows["l09-sliding"]]
    rows["l09-late"].pop()
    assert len([one for one in checked(rows) if not one.passed]) == 2
