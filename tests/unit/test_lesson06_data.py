"""The layers of lesson 6 have the same orders and customers everywhere; the oracle's two ways to one answer agree."""

from __future__ import annotations

import re
from collections import Counter

import yaml

from common import layers
from common.orders import CUSTOMERS, customer_id
from common.orders import SEED as ORDERS_SEED
from streamlab.paths import JOBS


def test_seven_days_are_history_and_the_eighth_is_streamed() -> None:
    assert list(layers.history()) == [f"2025-01-0{day}" for day in range(1, 8)]
    assert {len(those) for those in layers.history().values()} == {125}
    assert (len(layers.todays()), {layers.day_of(order) for order in layers.todays()}) == (125, {"2025-01-08"})


def test_a_hundred_customers_have_a_name_of_their_own() -> None:
    known = {customer_id(number) for number in range(CUSTOMERS)}
    assert {customer.cid for customer in layers.customers()} <= known
    assert len({customer.full_name for customer in layers.customers()}) == layers.NAMED_CUSTOMERS == 100


def test_one_name_has_an_apostrophe_and_is_not_the_first() -> None:
    names = sorted(customer.full_name for customer in layers.customers())
    assert [place for place, name in enumerate(names) if "'" in name] == [58]


def test_both_views_together_are_one_batch_over_all_days() -> None:
    today: Counter[tuple[str, str]] = Counter()
    for (day, status, _), orders in layers.speed_view().items():
        today[day, status] += orders
    assert layers.batch_view() | dict(today) == layers.recomputed()
    totals = [sum(view.values()) for view in (layers.batch_view(), today, layers.recomputed())]
    assert totals == [875, 125, 1000]


def test_hours_are_whole() -> None:
    assert all((hour.minute, hour.second) == (0, 0) for _, _, hour in layers.speed_view())


def test_only_orders_of_customers_we_know_have_a_name() -> None:
    known = {customer.cid for customer in layers.customers()}
    strangers = [order for order in layers.todays() if order.customer_id not in known]
    assert len(layers.named_orders()) + len(strangers) == 125
    names = {customer.full_name for customer in layers.customers()}
    assert {row["full_name"] for row in layers.named_orders()} <= names
    assert 30 < len(layers.named_orders()) < 70  # two fifths of the customers have a name, so some 50 of 125 orders


def test_an_exercise_has_other_orders_and_names_from_another_seed() -> None:
    for generated in (layers.customers, layers.records, layers.all_orders):
        assert generated(7) != generated(8)
        assert generated(7) == generated(7)
    assert layers.records() == layers.records(ORDERS_SEED)
    for seed in range(20, 40):  # each student's names are trouble for a statement made of text
        assert sum("'" in customer.full_name for customer in layers.customers(seed)) == 1


def test_the_schema_makes_the_tables_that_job_yml_names() -> None:
    made = re.findall(r"CREATE TABLE IF NOT EXISTS (\S+)", (JOBS / "lesson06" / "schema.cql").read_text())
    assert made == yaml.safe_load((JOBS / "lesson06" / "job.yml").read_text())["tables"]
