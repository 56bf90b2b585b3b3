"""What becomes of orders on the way to their sinks: parsed, made records in two spellings, split, summed up."""

from __future__ import annotations

from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from common.order_schema import ORDER
from common.orders import DELIVERED

#: The order's own columns, without its place in Kafka.
COLUMNS = ORDER.fieldNames()
#: Of a time in JSON: as the producer wrote it. Spark's own spelling has milliseconds and an offset.
TIME_FORMAT = "yyyy-MM-dd'T'HH:mm:ss'Z'"


def orders(records: DataFrame) -> DataFrame:
    """Records with their place in Kafka and their order's columns."""
    order = F.from_json(F.col("value").cast("string"), ORDER)
    return records.select("partition", "offset", order.alias("data")).select("partition", "offset", "data.*")


def as_rows(parsed: DataFrame) -> DataFrame:
    """Orders as records whose value is a row cast to text: `{1f…, 02…, delivered, …}`. No one can read it back."""
    return parsed.select(F.col("order_id").alias("key"), F.struct(*COLUMNS).cast("string").alias("value"))


def as_json(parsed: DataFrame) -> DataFrame:
    """Orders as records whose value is JSON with all columns, null ones too, under the key that they came with."""
    options = {"ignoreNullFields": "false", "timestampFormat": TIME_FORMAT}
    return parsed.select(F.col("order_id").alias("key"), F.to_json(F.struct(*COLUMNS), options).alias("value"))


def delivered(parsed: DataFrame) -> DataFrame:
    return parsed.where(F.col("status") == DELIVERED)


def not_delivered(parsed: DataFrame) -> DataFrame:
    """All that `delivered` leaves; a null status too, which `!=` alone would lose in both."""
    return parsed.where(~F.coalesce(F.col("status") == DELIVERED, F.lit(False)))


def summary(parsed: DataFrame) -> dict[str, Any]:
    """Whole hours from purchase to delivery over a batch: count, sum, min and max, which can be added up over batches.

    An average cannot: it is the sum of all sums over the sum of all counts.
    """
    hours = F.floor((F.unix_timestamp("delivered_at") - F.unix_timestamp("purchased_at")) / 3600)
    row = parsed.select(hours.alias("hours")).agg(
        F.count("hours").alias("count"),
        F.coalesce(F.sum("hours"), F.lit(0)).alias("sum"),
        F.min("hours").alias("min"),
        F.max("hours").alias("max"),
    )
    return row.first().asDict()
