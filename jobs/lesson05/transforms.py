"""Orders and items as rows, and the joins that more than one step or test needs."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType, TimestampType

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


def orders(records: DataFrame) -> DataFrame:
    """The orders' topic as rows, without a watermark. What is no order, such as a value
    that is not JSON, has no id or no time, and is left out."""
    order = F.from_json(F.col("value").cast("string"), ORDER)
    return records.select(order.alias("data")).select("data.*").dropna(subset=["order_id", "order_time"])


def items(records: DataFrame) -> DataFrame:
    item = F.from_json(F.col("value").cast("string"), ITEM)
    return records.select(item.alias("data")).select("data.*").dropna(subset=["item_id", "item_time"])


def as_records(windows: DataFrame) -> DataFrame:
    """Counts as Kafka records: the window's start is the key, so the last record of a key is what counts."""
    key = F.date_format("start", "HH:mm")
    return windows.select(key.alias("key"), F.to_json(F.struct("start", "end", "count")).alias("value"))


def with_city(rows: DataFrame, customers: DataFrame) -> DataFrame:
    """Orders with their customer's city: a static table is read, no state is kept."""
    return rows.join(customers, "customer_id", "left")


def with_items(rows: DataFrame, sold: DataFrame, how: str) -> DataFrame:
    """Orders with the items that follow within a minute. The time range says how long each side is kept."""
    item = sold.withColumnRenamed("order_id", "item_order_id")
    same = F.col("order_id") == F.col("item_order_id")
    near = F.expr("item_time BETWEEN order_time AND order_time + interval 1 minute")
    return rows.join(item, same & near, how).drop("item_order_id")
