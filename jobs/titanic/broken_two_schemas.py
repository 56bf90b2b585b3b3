"""A mistake to look at: a topic is loaded twice, once with an event time and once without. Nothing fails."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from common.outcome import Outcome
from common.settings import Settings
from common.spark import append_kafka, from_kafka_json, kafka_batch
from titanic.places import PASSENGERS_FILE
from titanic.transforms import PASSENGER, RAW, age_band, as_records, by_minute, with_event_time


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """Load the same file twice into a topic of its own, then count its passengers in two ways."""
    topic = settings.topic("broken")
    people = spark.read.csv(settings.input(PASSENGERS_FILE), schema=PASSENGER, header=True, mode="FAILFAST")
    if kafka_batch(spark, settings, topic).isEmpty():  # so that a second look shows the same
        append_kafka(as_records(with_event_time(people)), settings, topic)
        append_kafka(as_records(people), settings, topic)
    numbers = counted(from_kafka_json(kafka_batch(spark, settings, topic), RAW).cache())
    print(f"records in {topic}: {numbers['records']}, of {numbers['passengers']} passengers", flush=True)
    print(f"counted in windows: {numbers['in windows']}; those without an event time are in none", flush=True)
    print(f"counted by age: {numbers['by age']}, everyone twice: {numbers['bands']}", flush=True)
    print("expected: 891 in both; two charts of one topic that disagree, and no error anywhere", flush=True)
    return Outcome(details=numbers)


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
