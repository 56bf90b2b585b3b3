"""The columns of `common.orders` as Spark reads them from JSON: typed, for no sum can be made of times kept as text."""

from __future__ import annotations

from pyspark.sql.types import StringType, StructField, StructType, TimestampType

ORDER = StructType(
    [
        StructField("order_id", StringType()),
        StructField("customer_id", StringType()),
        StructField("status", StringType()),
        StructField("purchased_at", TimestampType()),
        StructField("approved_at", TimestampType()),
        StructField("shipped_at", TimestampType()),
        StructField("delivered_at", TimestampType()),
        StructField("estimated_at", TimestampType()),
    ]
)
