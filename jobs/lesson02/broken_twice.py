"""A mistake to look at: the write of `slice` without the question what is there already. Two runs, two copies."""

from __future__ import annotations

from pyspark.sql import SparkSession

from common.kafka import Kafka
from common.outcome import Outcome
from common.settings import Settings
from common.spark import append_kafka, kafka_batch
from lesson02 import data
from lesson02.slice import of
from lesson02.transforms import slice_records


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """Append the same slice twice, as a job does that is submitted again."""
    topic, target = settings.topic("events"), settings.topic("broken-twice")
    events = kafka_batch(
        spark, settings, topic, startingOffsets=of(topic, data.FIRST), endingOffsets=of(topic, data.END)
    )
    kafka = Kafka(settings.info.kafka)
    counts = [kafka.count(target)]
    for _ in range(2):
        append_kafka(slice_records(events), settings, target)
        counts.append(kafka.count(target))
    kafka.close()
    print(f"records in {target}: {counts[0]} before, {counts[1]} after one run, {counts[2]} after two", flush=True)
    return Outcome(details={"records": counts})
