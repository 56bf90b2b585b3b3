"""The views of the layers as pure functions of orders. Batch and speed count alike, or they could not be added."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from common import layers
from common.order_schema import ORDER

#: An order's columns, and one for the text of a value that cannot be read as an order.
ORDER_OR_TEXT = StructType([*ORDER.fields, StructField("malformed", StringType())])


def orders(records: DataFrame) -> DataFrame:
    """The topic's records as orders. What is no order, or nobody's, is left out: Cassandra refuses an empty key."""
    order = F.from_json(F.col("value").cast("string"), ORDER_OR_TEXT, {"columnNameOfCorruptRecord": "malformed"})
    parsed = records.select(order.alias("data")).select("data.*")
    usable = parsed.where("malformed IS NULL AND customer_id > '' AND order_id > ''")
    return usable.select(*ORDER.fieldNames())


def by_day(rows: DataFrame) -> DataFrame:
    """Orders by day and status, in the columns of the batch view."""
    day = F.date_format("purchased_at", "yyyy-MM-dd")
    return rows.groupBy(day.alias("day"), "status").agg(F.count("*").alias("orders"))


def by_hour(rows: DataFrame) -> DataFrame:
    """Orders by hour and status, in the columns of the speed view."""
    timed = rows.withWatermark("purchased_at", f"{int(layers.WATERMARK.total_seconds())} seconds")
    hour = F.window("purchased_at", f"{int(layers.WINDOW.total_seconds())} seconds")
    counts = timed.groupBy(hour, "status").agg(F.count("*").alias("orders"))
    start = F.col("window.start")
    return counts.select(F.date_format(start, "yyyy-MM-dd").alias("day"), "status", start.alias("hour"), "orders")


def with_name(rows: DataFrame, names: DataFrame) -> DataFrame:
    """Orders whose customer we know, in the columns of the table of customers by order."""
    joined = rows.join(names, F.col("customer_id") == F.col("cid"))
    return joined.select("order_id", "cid", "full_name", "city", "status", "purchased_at")
