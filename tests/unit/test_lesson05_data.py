"""The two streams of lesson 5 are the same everywhere, and the oracle derives what each query makes of them."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from datetime import timedelta

import pytest

from common import shop as data
from common import shop_oracle as oracle

ORDERS_SHA256 = "87afb470d6a7201f3c3c1dc5ed5a13dff51a89259048d3df81f684dc986afeab"
ITEMS_SHA256 = "e0320a89a09ff78e79bdbb12ef06b5f16c64295b32e24b46264124254a6f9746"


def sha256(records: list[tuple[str, str]]) -> str:
    return hashlib.sha256(json.dumps(records).encode()).hexdigest()


def test_the_records_are_those_of_the_measurements() -> None:
    assert sha256(data.order_records()) == ORDERS_SHA256
    assert sha256(data.item_records()) == ITEMS_SHA256


def test_300_orders_30_copies_and_5_late_ones_are_sent() -> None:
    ids = Counter(key for key, _ in data.order_records())
    assert (ids.total(), len(ids), sum(count == 2 for count in ids.values())) == (335, 305, 30)
    assert [key for key, _ in data.order_records()[-5:]] == [f"late{number}" for number in range(5)]


def test_a_copy_comes_three_orders_after_the_first() -> None:
    ids = [key for key, _ in data.order_records()]
    assert ids[:6] == ["o000", "o001", "o002", "o003", "o000", "o004"]
    assert ids[-6] == "o299"


def test_each_order_has_two_items_but_every_tenth_has_none() -> None:
    items = Counter(item.order_id for item in data.items())
    assert (items.total(), set(items.values())) == (540, {2})
    assert {f"o{number:03d}" for number in range(300)} - set(items) == {
        f"o{number:03d}" for number in range(9, 300, 10)
    }


def test_times_are_written_as_spark_reads_them() -> None:
    assert json.loads(data.order_records()[1][1])["order_time"] == "2025-01-01T00:00:10Z"


def test_batches_of_one_topic_and_of_two() -> None:
    assert oracle.batch_sizes((335, 50)) == [50] * 6 + [35]
    assert oracle.batch_sizes((335, 50), (540, 80)) == [130] * 6 + [95]
    assert oracle.batch_sizes((10, 5), (3, 5)) == [8, 5]


def test_the_watermark_is_two_minutes_behind_the_latest_order() -> None:
    assert data.iso(oracle.watermark()) == data.iso(oracle.join_watermark()) == "2025-01-01T00:47:50Z"


def test_only_the_late_orders_are_late() -> None:
    assert len(oracle.in_time()) == 330
    assert len(oracle.unique_orders()) == 300
    assert not any(key.startswith("late") for key in oracle.unique_orders())


def test_windows_that_hold_a_time() -> None:
    at = data.START + timedelta(minutes=7)
    starts = oracle.windows_of(at, oracle.SLIDE_WINDOW, oracle.SLIDE)
    assert [data.iso(start) for start in starts] == ["2025-01-01T00:05:00Z", "2025-01-01T00:00:00Z"]
    assert [data.iso(one) for one in oracle.windows_of(at, oracle.WINDOW, oracle.WINDOW)] == ["2025-01-01T00:05:00Z"]


def total(windows: set[str]) -> int:
    return sum(int(window.split()[-1]) for window in windows)


def test_nine_windows_are_closed_and_the_tenth_is_open() -> None:
    assert (len(oracle.tumbling()), total(oracle.tumbling())) == (18, 270)
    assert {window.split(" ", 1)[1] for window in oracle.tumbling()} == {"delivered 24", "shipped 6"}
    assert not any(window.startswith("00:45") for window in oracle.tumbling())


@pytest.mark.parametrize(
    ("windows", "count", "orders"),
    [(oracle.complete, 10, 335), (oracle.updated, 10, 330), (oracle.sliding, 9, 33 + 8 * 66)],
)
def test_what_each_output_mode_counts(windows: object, count: int, orders: int) -> None:
    assert (len(windows()), total(windows())) == (count, orders)


def test_update_mode_emits_a_window_once_in_each_batch_that_touches_it() -> None:
    assert oracle.updates() == 16


def test_two_orders_still_wait_for_their_items() -> None:
    assert (len(oracle.pairs()), len(oracle.without_items())) == (540, 28)
    assert {"o289", "o299"}.isdisjoint(oracle.without_items())


def test_copies_that_arrive_in_another_batch() -> None:
    assert oracle.copies_in_another_batch() == 3


def test_customers_have_a_city_each() -> None:
    lines = data.customers_csv().splitlines()
    assert (lines[0], lines[1], len(lines)) == ("customer_id,city", "c00,Ashford", 26)


def test_another_seed_is_another_shop_of_the_same_shape() -> None:
    one, other = data.order_records(7), data.order_records(8)
    assert one != other
    assert one == data.order_records(7)
    for seed in (7, 8):
        ids = Counter(key for key, _ in data.order_records(seed))
        assert len(ids) == 305
        assert 25 <= sum(count == 2 for count in ids.values()) <= 35
        assert not any(key.startswith("late") for key in oracle.unique_orders(seed))
    assert oracle.tumbling(7) != oracle.tumbling(8)
    assert oracle.updated(7) != oracle.updated(8)
    assert oracle.without_items(7) != oracle.without_items(8)


@pytest.mark.parametrize("seed", range(1, 40))
def test_in_every_student_s_data_a_duplicate_comes_in_another_batch(seed: int) -> None:
    """Else an answer that drops duplicates within a batch alone would pass by chance."""
    ids = [key for key, _ in data.order_records(seed)]
    assert data.across_batches(ids, data.EXERCISE_PER_BATCH) >= 2
    assert len({key for key, _ in data.order_records(seed)}) == 305
    assert len(data.order_records(seed)) > 2 * data.EXERCISE_PER_BATCH + data.LATE


def test_no_batch_of_update_mode_emits_more_than_three_windows() -> None:
    assert oracle.most_updates() == 3
