"""A mistake to look at: startingOffsets that name another topic than `subscribe`. Spark ends the query at its start."""

from __future__ import annotations

import json

from pyspark.sql import SparkSession

from common.outcome import Outcome
from common.settings import Settings
from lesson03.places import PARTITIONS
from lesson03.transforms import sorted_out


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """Fails with Spark's own error: that is what is to be seen. It speaks of partitions; the topic is what is wrong."""
    topic = settings.topic("orders")
    other = f"{topic}-copy"
    starts = json.dumps({other: {str(partition): 0 for partition in range(PARTITIONS)}})
    print(f"subscribe {topic}, startingOffsets {starts}", flush=True)
    records = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", settings.info.kafka)
        .option("subscribe", topic)
        .option("startingOffsets", starts)
        .load()
    )
    query = (
        sorted_out(records)
        .writeStream.queryName("l03-broken-offsets")
        .format("noop")
        .option("checkpointLocation", settings.broken("offsets", "checkpoint"))
        .trigger(availableNow=True)
        .start()
    )
    query.awaitTermination()
    return Outcome()
