"""The oracle of lesson 4, and that the lesson's parts agree with its job.yml."""

from __future__ import annotations

import json
from collections import Counter

import pytest
import yaml

from common import orders
from common.errors import WrongRequest
from lesson04 import check, data, places
from streamlab.paths import JOBS


def test_each_order_is_one_record_under_its_id() -> None:
    assert len(data.messages()) == len(data.by_id()) == 1000
    assert all(json.loads(value) == data.by_id()[key] for key, value in data.messages())


def test_the_split_and_the_statuses_are_of_the_same_orders() -> None:
    assert data.split() == {"delivered": 900, "other": 100}
    assert sum(data.statuses().values()) == 1000
    assert data.delivery_hours()["count"] == data.statuses()["delivered"]


def test_who_has_counted_one_student_s_orders_does_not_know_another_s() -> None:
    counted = [Counter(one.status for one in orders.own_orders(seed)) for seed in range(100, 200)]
    assert all(found.keys() == data.statuses().keys() and found.total() == 1000 for found in counted)
    assert len({tuple(sorted(found.items())) for found in counted}) > 95


def test_hours_lie_where_the_generator_puts_them() -> None:
    hours = data.delivery_hours()
    assert 73 <= hours["min"] <= hours["sum"] / hours["count"] <= hours["max"] <= 400


def test_every_sink_has_a_query_of_its_own() -> None:
    files = [places.file_query(name) for name in places.FORMATS]
    named = [places.MEMORY_QUERY, places.ROW_QUERY, places.JSON_QUERY, places.FOREACH_QUERY, *files]
    assert len(set(named)) == len(named)


def test_an_unknown_format_is_refused_with_the_known_ones() -> None:
    with pytest.raises(WrongRequest, match="no format named 'parket'"):
        places.known_format("parket")


def test_the_job_and_the_check_agree() -> None:
    job = yaml.safe_load((JOBS / "lesson04" / "job.yml").read_text())
    assert {topic["partitions"] for topic in job["topics"].values()} == {check.PARTITIONS}
    assert next(name for name, step in job["steps"].items() if not step.get("optional")) == check.STEP
