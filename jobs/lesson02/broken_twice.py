"""A mistake to look at: the write of `slice` without the question what is there already. Two runs, two copies."""

from __future__ import annotations

from pyspark.sql import SparkSession

from common.kafka import Kafka
from common.outcome import Outcome
from common.settings import Settings
from lesson02 import data
from lesson02.transforms import slice_records


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """Append the same slice twice, as a job does that is submitted again."""
    topic, target = settings.topic("events"), settings.topic("broken-twice")
    events = (
        spark.read.format("kafka")
        .option("kafka.bootstrap.servers", settings.info.kafka)
        .option("subscribe", topic)
        .option("startingOffsets", data.offsets(topic, data.FIRST))
        .option("endingOffsets", data.offsets(topic, data.END))
        .load()
    )
    kafka = Kafka(settings.info.kafka)
    counts = [kafka.count(target)]
    for _ in range(2):
        (
            slice_records(events)
            .write.format("kafka")
            .option("kafka.bootstrap.servers", settings.info.kafka)
            .option("topic", target)
            .save()
        )
        counts.append(kafka.count(target))
    kafka.close()
    print(f"records in {target}: {counts[0]} before, {counts[1]} after one run, {counts[2]} after two", flush=True)
    return Outcome(details={"records": counts})
