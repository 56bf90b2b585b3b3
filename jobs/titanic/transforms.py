"""What happens to passengers between the file, the topics and the chart: pure functions of frames, and the schemas."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DoubleType, IntegerType, StringType, StructField, StructType, TimestampType

from titanic import data

#: A line of the passengers' file.
PASSENGER = StructType(
    [
        StructField("PassengerId", IntegerType()),
        StructField("Survived", IntegerType()),
        StructField("Pclass", IntegerType()),
        StructField("Name", StringType()),
        StructField("Sex", StringType()),
        StructField("Age", IntegerType()),
        StructField("SibSp", IntegerType()),
        StructField("Parch", IntegerType()),
        StructField("Ticket", StringType()),
        StructField("Fare", DoubleType()),
        StructField("Cabin", StringType()),
        StructField("Embarked", StringType()),
    ]
)

#: The value of a raw record: the passenger, and when they came aboard.
RAW = StructType([*PASSENGER.fields, StructField("event_time", TimestampType())])

CLASS = StructType([StructField("Pclass", IntegerType()), StructField("ClassName", StringType())])

#: What the file sink holds, which is what the chart's stream has to know before it reads.
ENRICHED = StructType([*RAW.fields, StructField("ClassName", StringType()), StructField("AgeBand", StringType())])


def with_event_time(people: DataFrame) -> DataFrame:
    """When each came aboard: from the id, so the same in each run. The clock would put other rows in other windows."""
    start = int(data.START.timestamp())
    return people.withColumn(
        "event_time", F.timestamp_seconds(F.lit(start) + F.col("PassengerId") * data.SECONDS_APART)
    )


def as_records(people: DataFrame) -> DataFrame:
    """Kafka records: the id as key, all columns as JSON. A null has no field there; it is null again when parsed."""
    return people.select(F.col("PassengerId").cast("string").alias("key"), F.to_json(F.struct("*")).alias("value"))


def not_sent(records: DataFrame, there: DataFrame) -> DataFrame:
    """The records whose key the topic does not hold yet: loading twice must not make everyone twins."""
    return records.join(there.select(F.col("key").cast("string").alias("key")).distinct(), "key", "left_anti")


def passengers(records: DataFrame) -> DataFrame:
    """The raw topic's records as passengers. A value that is no passenger has no id and is left out."""
    passenger = F.from_json(F.col("value").cast("string"), RAW)
    return records.select(passenger.alias("data")).select("data.*").dropna(subset=["PassengerId"])


def enriched(parsed: DataFrame, classes: DataFrame) -> DataFrame:
    """Each passenger with the name of their class and their age band."""
    named = parsed.join(F.broadcast(classes), "Pclass", "left").withColumn("AgeBand", age_band())
    return named.select([field.name for field in ENRICHED.fields])


def age_band() -> Column:
    """adult, minor or unknown. `otherwise("minor")` after the first test would make a child of every unknown age."""
    age = F.col("Age")
    return F.when(age.isNull(), "unknown").when(age >= data.FULL_AGE, "adult").otherwise("minor")


def with_prefix(records: DataFrame) -> DataFrame:
    value = F.concat(F.lit(data.PREFIX), F.col("value").cast("string"))
    return records.select(F.col("key").cast("string").alias("key"), value.alias("value"))


def by_minute(people: DataFrame) -> DataFrame:
    """How many came in each minute. A row without an event time is in no window, and no error says so."""
    minutes = people.groupBy(F.window("event_time", f"{data.WINDOW_SECONDS} seconds")).count()
    return minutes.select(F.col("window.start").alias("start"), "count")


def by_age(people: DataFrame) -> DataFrame:
    return people.groupBy("AgeBand", "ClassName").count()
