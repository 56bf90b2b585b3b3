"""What happens to records and lines on their way to parquet: parsed, sorted out by kind, measured."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from common.order_schema import ORDER
from lesson03.places import KIND, MALFORMED_KIND, ORDER_KIND

#: A line of a categories file. Given as a StructType; `READ_AS_DDL` says the same in one line of text.
CATEGORY = StructType([StructField("category", StringType()), StructField("description", StringType())])
READ_AS_DDL = "category STRING, description STRING"


#: The column for the text of a value that cannot be read; without it such a value becomes nulls that look like data.
MALFORMED = "malformed"
ORDER_OR_MALFORMED = StructType([*ORDER.fields, StructField(MALFORMED, StringType())])


def sorted_out(records: DataFrame) -> DataFrame:
    """Records with their place in Kafka and their order's columns, and in `kind` whether they are one. None is lost.

    What has no id is no order either: `{}` and a record without a value are read without an error.
    """
    text = F.col("value").cast("string")
    order = F.from_json(text, ORDER_OR_MALFORMED, {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": MALFORMED})
    orders = records.select(
        "topic",
        "partition",
        "offset",
        "timestamp",
        F.col("key").cast("string").alias("key"),
        text.alias("value"),
        order.alias("data"),
    ).select("topic", "partition", "offset", "timestamp", "key", "value", "data.*")
    readable = F.col(MALFORMED).isNull() & F.col("order_id").isNotNull()
    return orders.withColumn(KIND, F.when(readable, ORDER_KIND).otherwise(MALFORMED_KIND)).drop(MALFORMED)


def equally_long(lines: DataFrame) -> DataFrame:
    """Lines whose two columns are of one length, with both lengths."""
    measured = lines.withColumns(
        {"category_length": F.length("category"), "description_length": F.length("description")}
    )
    return measured.where(F.col("category_length") == F.col("description_length"))


def parsed_carelessly(records: DataFrame) -> DataFrame:
    """Records parsed without a column for what cannot be read: the mistake, kept beside the right way."""
    return records.select("offset", F.from_json(F.col("value").cast("string"), ORDER).alias("order")).select(
        "offset", "order.*"
    )
