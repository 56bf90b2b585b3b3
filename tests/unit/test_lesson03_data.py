"""The records of lessons 3, 4 and 6 are the same everywhere, and lesson 3's oracle knows how a limit divides them."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections import Counter

import pytest
import yaml

from common import orders as shared
from lesson03 import data, places
from streamlab.paths import JOBS

#: Of the generated data as they were when the figures in the handouts were seen.
ORDERS_SHA256 = "1af98d2134feef121c389cb44746516f34a9f3fee0461501a73aef90b860e669"
MESSAGES_SHA256 = "f222cf6f1ae8ac6a294e11dd5442c96e396c741b10351ff1e931e0ff89913af6"


def sha256(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def test_the_generated_data_are_those_of_the_handouts() -> None:
    assert sha256(shared.as_records(shared.orders())) == ORDERS_SHA256
    assert sha256([data.messages(), data.second_delivery_text(), data.category_files()]) == MESSAGES_SHA256


def test_another_process_generates_the_same() -> None:
    program = "import json; from lesson03 import data; print(json.dumps(data.messages()))"
    made = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(JOBS), "PYTHONHASHSEED": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert made.stdout == json.dumps(data.messages()) + "\n"


@pytest.mark.parametrize("count", [0, 1, 20, 333, 997, 1000, 4321])
def test_statuses_are_shared_out_to_the_last_order(count: int) -> None:
    counts = shared.status_counts(count)
    assert sum(counts.values()) == count
    assert all(abs(counts[status] - count * share / 1000) < 1 for status, share in shared.STATUS_PER_1000.items())
    assert Counter(order.status for order in shared.orders(count)) == Counter(counts)


def test_an_order_has_the_times_of_the_steps_behind_it() -> None:
    for order in shared.orders():
        times = {"approved": order.approved_at, "shipped": order.shipped_at, "delivered": order.delivered_at}
        done = shared.STEPS_DONE[order.status]
        assert [name for name, time in times.items() if time] == list(done)
        passed = [order.purchased_at, *(times[name] for name in done)]
        assert passed == sorted(passed)


def test_ids_are_hexadecimal_and_of_one_order_each() -> None:
    everything = [*shared.orders(), *shared.orders(20, seed=shared.SEED + 1)]
    assert len({order.order_id for order in everything}) == len(everything)
    assert all(len(order.order_id) == 32 and int(order.order_id, 16) >= 0 for order in everything)
    known = {shared.customer_id(number) for number in range(shared.CUSTOMERS)}
    assert {order.customer_id for order in everything} <= known


def test_purchases_are_spread_over_eight_days() -> None:
    days = Counter(order.purchased_at[:10] for order in shared.orders())
    assert days == {f"2025-01-0{day}": 125 for day in range(1, 9)}


def test_the_topic_holds_a_thousand_records_and_three_are_no_orders() -> None:
    keys = [key for key, _ in data.messages()]
    assert len(keys) == len(set(keys)) == 1000
    assert not set(keys) & {key for key, _ in data.second_delivery()}
    assert data.kinds(second=False) == {"malformed": 3, "order": 997}
    assert data.kinds(second=True) == {"malformed": 3, "order": 1017}
    assert sum(data.statuses(second=True).values()) == 1017


def test_the_second_delivery_is_as_the_console_producer_reads_it() -> None:
    lines = [line.split("\t") for line in data.second_delivery_text().splitlines()]
    assert [tuple(line) for line in lines] == list(data.second_delivery())


@pytest.mark.parametrize(
    ("sizes", "limit", "plan"),
    [
        ({0: 1000}, 300, [300, 300, 300, 100]),  # one partition has the whole limit
        ({0: 5, 1: 5, 2: 5}, 4, [3, 3, 3, 3, 3]),  # 4/3 each is 1: rounded down
        ({0: 9, 1: 1}, 1, [2, 1, 1, 1, 1, 1, 1, 1, 1]),  # a share below one is rounded up, or it would never be read
        ({0: 0, 1: 20}, 300, [20]),
        ({}, 300, []),
    ],
)
def test_a_limit_is_divided_in_proportion_and_rounded(sizes: dict[int, int], limit: int, plan: list[int]) -> None:
    assert data.batch_plan(sizes, limit) == plan


def test_a_plan_reads_everything_and_keeps_to_the_limit() -> None:
    plan = data.batch_plan({0: 311, 1: 344, 2: 345}, 300)
    assert sum(plan) == 1000
    assert len(plan) == 4
    assert max(plan) <= 300


def test_about_one_line_in_nine_has_equal_lengths() -> None:
    assert [len(rows) for rows in data.categories()] == [250] * 4
    assert len({category for rows in data.categories() for category, _ in rows}) == 1000
    assert len(data.equally_long()) == pytest.approx(1000 / 9, rel=0.1)


def test_the_job_and_its_places_agree() -> None:
    job = yaml.safe_load((JOBS / "lesson03" / "job.yml").read_text())
    assert job["topics"] == {"l03-orders": {"partitions": places.PARTITIONS}}


def test_a_student_s_own_records_are_others_and_hold_what_is_no_order() -> None:
    own = dict(data.exercise_records(7))
    assert len(own) == 1000
    assert {key for key, value in own.items() if len(key) < 32} == {"cut-off", "no-json", "no-time", "empty"}
    assert data.exercise_records(7) == list(own.items())
    assert len(own.keys() & dict(data.exercise_records(8)).keys()) == 4
    returns = dict(data.exercise_returns(7))
    assert 30 <= len(returns) <= 60
    assert returns.keys() <= {order.order_id for order in shared.orders(seed=7)}
