"""The views of lesson 6 on small static frames and on the lesson's own orders: batch and speed count alike."""

from __future__ import annotations

from datetime import datetime

from pyspark.sql import DataFrame, SparkSession

from common import layers
from common.order_views import by_day, by_hour, orders, with_name
from common.orders import MALFORMED_RECORDS, Order, as_records
from lesson06.transforms import served

VIEW = "day string, status string, orders bigint"


def frame(spark: SparkSession, those: list[Order] | tuple[Order, ...], *more: tuple[str, str]) -> DataFrame:
    """Orders as they come out of Kafka."""
    rows = [
        (key.encode(), value.encode(), 0, offset, datetime(2025, 1, 1))
        for offset, (key, value) in enumerate([*as_records(those), *more])
    ]
    raw = spark.createDataFrame(rows, "key binary, value binary, partition int, offset bigint, timestamp timestamp")
    return orders(raw)


def view(rows: DataFrame) -> dict[tuple[str, str], int]:
    return {(row.day, row.status): row.orders for row in rows.collect()}


def test_the_batch_view_is_as_the_oracle_says(spark: SparkSession) -> None:
    past = [order for those in layers.history().values() for order in those]
    assert view(by_day(frame(spark, past))) == layers.batch_view()


def test_the_speed_view_is_as_the_oracle_says(spark: SparkSession) -> None:
    rows = by_hour(frame(spark, layers.todays())).collect()
    assert {(row.day, row.status, row.hour): row.orders for row in rows} == layers.speed_view()


def test_what_is_no_order_or_nobodys_is_left_out(spark: SparkSession) -> None:
    nobody = ("x", '{"order_id": "x", "customer_id": "", "status": "created"}')
    assert frame(spark, layers.todays()[:2], ("y", "garbage"), nobody, *MALFORMED_RECORDS).count() == 2


def test_orders_find_the_names_that_we_know(spark: SparkSession) -> None:
    names = spark.createDataFrame([(c.cid, c.full_name, c.city) for c in layers.customers()], list(layers.NAME_COLUMNS))
    rows = with_name(frame(spark, layers.todays()), names).collect()
    wanted = {row["order_id"]: row for row in layers.named_orders()}
    assert {row.order_id: row.asDict() for row in rows} == wanted


def test_both_views_give_what_one_batch_over_everything_gives(spark: SparkSession) -> None:
    today = frame(spark, layers.todays())
    past = [order for those in layers.history().values() for order in those]
    assert view(served(by_day(frame(spark, past)), by_hour(today))) == layers.recomputed()


def test_a_day_that_the_batch_has_reached_counts_once(spark: SparkSession) -> None:
    batch = spark.createDataFrame([("2025-01-07", "shipped", 4), ("2025-01-08", "shipped", 9)], VIEW)
    speed = spark.createDataFrame([("2025-01-08", "shipped", 8), ("2025-01-09", "shipped", 1)], VIEW)
    assert view(served(batch, speed)) == {
        ("2025-01-07", "shipped"): 4,
        ("2025-01-08", "shipped"): 9,
        ("2025-01-09", "shipped"): 1,
    }


def test_without_a_batch_view_the_speed_view_serves_alone(spark: SparkSession) -> None:
    speed = spark.createDataFrame([("2025-01-08", "shipped", 8)], VIEW)
    assert view(served(spark.createDataFrame([], VIEW), speed)) == {("2025-01-08", "shipped"): 8}
