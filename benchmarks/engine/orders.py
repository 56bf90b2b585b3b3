"""What both engines read: orders of some hundred bytes, whose times are evenly spread over windows of five minutes."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DoubleType, LongType, StringType, StructField, StructType, TimestampType

ORDER = StructType(
    [
        StructField("id", LongType()),
        StructField("order_time", TimestampType()),
        StructField("status", StringType()),
        StructField("amount", DoubleType()),
    ]
)
START_MS = 1735689600000
WINDOW_MS = 300000
STATUSES = ("new", "paid", "shipped", "delivered")


def as_records(ids: DataFrame, per_window: int) -> DataFrame:
    """An order for each `id`, `per_window` of them in each window, as Kafka takes it."""
    statuses = F.array(*map(F.lit, STATUSES))
    order = F.struct(
        "id",
        F.timestamp_millis(START_MS + F.col("id") * (WINDOW_MS // per_window)).alias("order_time"),
        F.element_at(statuses, (F.col("id") % len(STATUSES) + 1).cast("int")).alias("status"),
        (F.col("id") % 1000 / 7).alias("amount"),
    )
    return ids.select("partition", F.to_json(order).alias("value"))


def orders(records: DataFrame) -> DataFrame:
    order = F.from_json(F.col("value").cast("string"), ORDER)
    return records.select(order.alias("data")).select("data.*")
