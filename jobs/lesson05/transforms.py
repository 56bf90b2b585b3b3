"""What is asked of the orders: each question is a transform, and how much Spark must remember for it differs."""

from __future__ import annotations

from datetime import timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType, TimestampType

from common.spark import MALFORMED, from_kafka_json
from lesson05 import data

ORDER = StructType(
    [
        StructField("order_id", StringType()),
        StructField("order_time", TimestampType()),
        StructField("customer_id", StringType()),
        StructField("status", StringType()),
    ]
)

ITEM = StructType(
    [
        StructField("item_id", StringType()),
        StructField("order_id", StringType()),
        StructField("item_time", TimestampType()),
        StructField("product", StringType()),
    ]
)

CUSTOMER = StructType([StructField("customer_id", StringType()), StructField("city", StringType())])


def interval(length: timedelta) -> str:
    """A length of time as Spark's functions take it: "120 seconds"."""
    return f"{int(length.total_seconds())} seconds"


def orders(records: DataFrame) -> DataFrame:
    """The orders' topic as rows, without a watermark."""
    return _rows(records, ORDER)


def items(records: DataFrame) -> DataFrame:
    return _rows(records, ITEM)


def _rows(records: DataFrame, schema: StructType) -> DataFrame:
    return from_kafka_json(records, schema).where(F.col(MALFORMED).isNull()).select(*schema.fieldNames())


def timed(rows: DataFrame, column: str) -> DataFrame:
    """`rows` with a watermark on their own time. On the timestamp itself, before any window is made of it."""
    return rows.withWatermark(column, interval(data.WATERMARK))


def once(rows: DataFrame) -> DataFrame:
    """Each order once. An id is forgotten when the watermark has passed it, so the state does not grow."""
    return rows.dropDuplicatesWithinWatermark(["order_id"])


def counted(rows: DataFrame, *by: str, size: timedelta = data.WINDOW, slide: timedelta | None = None) -> DataFrame:
    """Orders by window of event time, and by the columns `by`."""
    window = F.window("order_time", interval(size), interval(slide or size))
    return rows.groupBy(window, *by).count().select("window.start", "window.end", *by, "count")


def as_records(windows: DataFrame) -> DataFrame:
    """Counts as Kafka records: the window's start is the key, so the last record of a key is what counts."""
    key = F.date_format("start", "HH:mm")
    return windows.select(key.alias("key"), F.to_json(F.struct("start", "end", "count")).alias("value"))


def with_city(rows: DataFrame, customers: DataFrame) -> DataFrame:
    """Orders with their customer's city: a static table is read, nothing is remembered."""
    return rows.join(customers, "customer_id", "left")


def with_items(rows: DataFrame, sold: DataFrame, how: str) -> DataFrame:
    """Orders with the items that follow within a minute. The time range tells how long each side must wait."""
    item = sold.withColumnRenamed("order_id", "item_order_id")
    same = F.col("order_id") == F.col("item_order_id")
    near = F.expr(f"item_time BETWEEN order_time AND order_time + interval {interval(data.ITEMS_WITHIN)}")
    return rows.join(item, same & near, how).drop("item_order_id")
