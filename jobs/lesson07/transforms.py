"""What happens to orders, users and sales on their way: pure functions of frames, and the schemas of what is read."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import (
    DoubleType,
    IntegerType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

from lesson07 import data

#: A line of an order file. Given, not inferred: a stream has to know it before the first file comes.
ORDER = StructType(
    [
        StructField("order_id", LongType()),
        StructField("product", StringType()),
        StructField("quantity", IntegerType()),
        StructField("price_cents", LongType()),
        StructField("ordered_at", TimestampType()),
    ]
)

#: A line of the wines' file.
WINE = StructType(
    [
        StructField("id", StringType()),
        StructField("type", StringType()),
        StructField("region", StringType()),
        *(StructField(name, DoubleType()) for name in data.MEASURES),
    ]
)


def with_total(orders: DataFrame) -> DataFrame:
    return orders.withColumn("total_cents", F.col("quantity") * F.col("price_cents"))


def users(spark: SparkSession) -> DataFrame:
    """The users by number: a city for most, null for some."""
    number = F.col("id") + 1
    cities = F.array(*map(F.lit, data.CITIES))
    city = F.element_at(cities, (checksum("city", number) % len(data.CITIES) + 1).cast("int"))
    known = checksum("known", number) % data.WITHOUT_CITY != 0
    return spark.range(data.USERS).select(number.alias("user_id"), F.when(known, city).alias("city"))


def sales(spark: SparkSession) -> DataFrame:
    """The sales by number: who bought, and for how much; the same rows at each run, unlike `rand()`."""
    number = F.col("id") + 1
    return spark.range(data.SALES).select(
        number.alias("sale_id"),
        (checksum("user", number) % data.USERS_NAMED + 1).alias("user_id"),
        (checksum("amount", number) % 10_000 + 1).alias("amount_cents"),
    )


def checksum(kind: str, number: Column) -> Column:
    """Spark's side of `data.checksum`."""
    return F.crc32(F.concat(F.lit(f"{kind}-"), number.cast("string")))


def split(wines: DataFrame) -> tuple[DataFrame, DataFrame]:
    """Labelled wines to train with and to test with; `data.is_test` in Spark's words."""
    kept = F.crc32(F.col("id").cast("binary")) % 5 == 0
    known = wines.where(F.col("type").isNotNull())
    return known.where(~kept), known.where(kept)
