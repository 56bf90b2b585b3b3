"""Lesson 5's transforms on small static frames."""

from __future__ import annotations

import json
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from common import shop as data
from lesson05.transforms import CUSTOMER, ITEM, ORDER, as_records, items, orders, with_city, with_items


def order_rows(spark: SparkSession, *rows: tuple[str, str]) -> DataFrame:
    """Orders with these ids and minutes:seconds after midnight."""
    made = [(key, datetime.fromisoformat(f"2025-01-01T00:{time}"), "c01", "shipped") for key, time in rows]
    return spark.createDataFrame(made, ORDER)


def test_a_record_becomes_an_order_and_garbage_is_left_out(spark: SparkSession) -> None:
    _, value = data.order_records()[0]
    raw = [(None, text.encode(), 0, number, datetime(2025, 1, 1)) for number, text in enumerate((value, "garbage"))]
    frame = spark.createDataFrame(raw, "key binary, value binary, partition int, offset bigint, timestamp timestamp")
    assert [row.asDict() for row in orders(frame).collect()] == [
        {"order_id": "o000", "order_time": datetime(2025, 1, 1), "customer_id": "c00", "status": "shipped"}
    ]


def test_an_order_without_a_time_is_left_out_as_no_event_time_is_no_event(spark: SparkSession) -> None:
    values = [(b'{"order_id":"a","order_time":"yesterday"}',), (b'{"item_id":"b"}',)]
    frame = spark.createDataFrame(values, "value binary")
    assert (orders(frame).count(), items(frame).count()) == (0, 0)


def test_a_count_becomes_a_record_keyed_by_the_start_of_its_window(spark: SparkSession) -> None:
    counted = (
        order_rows(spark, ("a", "07:00"))
        .groupBy(F.window("order_time", "5 minutes"))
        .count()
        .select("window.start", "window.end", "count")
    )
    (row,) = as_records(counted).collect()
    assert row.key == "00:05"
    assert json.loads(row.value) == {
        "start": "2025-01-01T00:05:00.000Z",
        "end": "2025-01-01T00:10:00.000Z",
        "count": 1,
    }


def test_an_order_of_an_unknown_customer_keeps_its_row(spark: SparkSession) -> None:
    customers = spark.createDataFrame([("c02", "Elmsea")], CUSTOMER)
    (row,) = with_city(order_rows(spark, ("a", "00:00")), customers).collect()
    assert (row.order_id, row.city) == ("a", None)


def test_only_items_within_the_minute_after_it_belong_to_an_order(spark: SparkSession) -> None:
    times = ("00:59", "01:00", "02:00", "02:01")
    sold = [(f"i{time}", "a", datetime.fromisoformat(f"2025-01-01T00:{time}"), "lamp") for time in times]
    joined = with_items(order_rows(spark, ("a", "01:00")), spark.createDataFrame(sold, ITEM), "left")
    assert {row.item_id for row in joined.collect()} == {"i01:00", "i02:00"}
    assert "item_order_id" not in joined.columns
