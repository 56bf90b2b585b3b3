"""The rows of a view as HBase keeps them: a key whose text sorts as its parts do, and the other columns as text."""

from __future__ import annotations

from datetime import datetime

from pyspark.sql import SparkSession

from lesson06b.transforms import keyed


def test_the_key_is_made_of_the_primary_key_s_columns_and_the_rest_are_cells(spark: SparkSession) -> None:
    rows = spark.createDataFrame(
        [("2025-01-08", "shipped", datetime(2025, 1, 8, 9), 3)],
        "day string, status string, hour timestamp, orders long",
    )
    assert [row.asDict() for row in keyed(rows, "orders_by_hour_status").collect()] == [
        {"key": "2025-01-08#shipped#2025-01-08T09:00:00Z", "orders": "3"}
    ]


def test_hours_sort_as_hours(spark: SparkSession) -> None:
    hours = [datetime(2025, 1, 8, hour) for hour in range(24)]
    rows = spark.createDataFrame(
        [("2025-01-08", "shipped", hour, 1) for hour in hours], "day string, status string, hour timestamp, orders long"
    )
    found = [row.key for row in keyed(rows, "orders_by_hour_status").orderBy("key").collect()]
    assert found == [f"2025-01-08#shipped#{hour:%Y-%m-%dT%H}:00:00Z" for hour in hours]


def test_a_value_that_is_missing_stays_so(spark: SparkSession) -> None:
    rows = spark.createDataFrame([("o1", None)], "order_id string, city string")
    assert [row.asDict() for row in keyed(rows, "customer_by_order_id").collect()] == [{"key": "o1", "city": None}]
