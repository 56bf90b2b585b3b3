"""From Kafka's seven columns to readable events, and from those to records of another topic."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DoubleType, IntegerType, StringType, StructField, StructType

from lesson02.places import COUNT

#: The value of an event.
EVENT = StructType(
    [
        StructField("sensor", StringType()),
        StructField("seq", IntegerType()),
        StructField("value", DoubleType()),
    ]
)


def as_text(records: DataFrame) -> DataFrame:
    """Key and value, which Kafka keeps as bytes, as the text that they are here."""
    return records.select(F.col("key").cast("string").alias("key"), F.col("value").cast("string").alias("value"))


def slice_records(events: DataFrame) -> DataFrame:
    """Each event as a record that says where it stood, and one record more that says how many they are."""
    fields = F.struct("partition", "offset", "sensor", "seq", F.col("data.value").alias("value"))
    parsed = events.withColumn("data", F.from_json(F.col("value").cast("string"), EVENT))
    flat = parsed.withColumns({"sensor": F.col("data.sensor"), "seq": F.col("data.seq")})
    rows = flat.select(F.col("sensor").alias("key"), F.to_json(fields).alias("value"))
    counted = rows.agg(F.to_json(F.struct(F.count("*").alias("rows"))).alias("value"))
    return rows.unionByName(counted.select(F.lit(COUNT).alias("key"), "value"))


def not_yet_there(wanted: DataFrame, there: DataFrame) -> DataFrame:
    """The records of `wanted` that `there` does not hold. A batch write to Kafka only ever appends."""
    return wanted.join(there, ["key", "value"], "left_anti")
