"""A mistake to look at: a topic is loaded twice, once with an event time and once without. Nothing fails."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from common.outcome import Outcome
from common.settings import Settings
from titanic.places import PASSENGERS_FILE
from titanic.transforms import PASSENGER, age_band, as_records, by_minute, passengers, with_event_time


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """Load the same file twice into a topic of its own, then count its passengers in two ways."""
    topic = settings.topic("broken")
    people = spark.read.csv(settings.input(PASSENGERS_FILE), schema=PASSENGER, header=True, mode="FAILFAST")
    if read(spark, settings).isEmpty():  # so that a second look shows the same
        for records in (as_records(with_event_time(people)), as_records(people)):
            records.write.format("kafka").option("kafka.bootstrap.servers", settings.info.kafka).option(
                "topic", topic
            ).save()
    numbers = counted(passengers(read(spark, settings)).cache())
    print(f"records in {topic}: {numbers['records']}, of {numbers['passengers']} passengers", flush=True)
    print(f"counted in windows: {numbers['in windows']}; those without an event time are in none", flush=True)
    print(f"counted by age: {numbers['by age']}, everyone twice: {numbers['bands']}", flush=True)
    print("expected: 891 in both; two charts of one topic that disagree, and no error anywhere", flush=True)
    return Outcome(details=numbers)


def read(spark: SparkSession, settings: Settings) -> DataFrame:
    return (
        spark.read.format("kafka")
        .option("kafka.bootstrap.servers", settings.info.kafka)
        .option("subscribe", settings.topic("broken"))
        .load()
    )


def counted(parsed: DataFrame) -> dict[str, object]:
    """The same records by minute and by age band."""
    bands = {row["AgeBand"]: row["count"] for row in parsed.groupBy(age_band().alias("AgeBand")).count().collect()}
    return {
        "records": parsed.count(),
        "passengers": parsed.select("PassengerId").distinct().count(),
        "in windows": by_minute(parsed).agg(F.sum("count")).first()[0],
        "by age": sum(bands.values()),
        "bands": dict(sorted(bands.items())),
    }
