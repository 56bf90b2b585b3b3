"""Orders on the way to their sinks: two spellings as records, the split, the sums that can be added up."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from pyspark.sql import DataFrame, SparkSession

from lesson04 import data
from lesson04.transforms import as_json, as_rows, delivered, not_delivered, orders, summary

NOON = datetime(2025, 1, 1, 12)


@pytest.fixture(scope="module")
def parsed(spark: SparkSession) -> DataFrame:
    raw = [(key.encode(), value.encode(), 0, offset, NOON) for offset, (key, value) in enumerate(data.messages())]
    schema = "key binary, value binary, partition int, offset bigint, timestamp timestamp"
    return orders(spark.createDataFrame(raw, schema)).cache()


def test_json_is_what_was_ordered_to_the_letter(parsed: DataFrame) -> None:
    """Nulls and the spelling of times too: else a copy of a copy differs from the first."""
    assert {row.key: json.loads(row.value) for row in as_json(parsed).collect()} == data.by_id()


def test_a_row_as_text_has_no_names(parsed: DataFrame) -> None:
    first = data.all_orders()[0]
    (row,) = as_rows(parsed).where(f"key = '{first.order_id}'").collect()
    assert row.value.startswith(f"{{{first.order_id}, {first.customer_id}, {first.status}, 2025-01-01 00:00:00, ")


def test_the_split_loses_nothing(parsed: DataFrame) -> None:
    assert {"delivered": delivered(parsed).count(), "other": not_delivered(parsed).count()} == data.split()


def test_an_order_without_a_status_is_not_delivered(spark: SparkSession) -> None:
    frame = spark.createDataFrame([(None,), ("delivered",), ("shipped",)], "status string")
    assert [row.status for row in not_delivered(frame).collect()] == [None, "shipped"]


def test_hours_of_delivery_are_those_of_the_oracle(parsed: DataFrame) -> None:
    assert summary(parsed) == data.delivery_hours()


def test_a_batch_without_deliveries_adds_nothing(parsed: DataFrame) -> None:
    assert summary(not_delivered(parsed)) == {"count": 0, "sum": 0, "min": None, "max": None}
