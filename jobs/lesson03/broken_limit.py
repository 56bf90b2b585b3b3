"""A mistake to look at: maxOffsetsPerTrigger taken for a promise. One trigger ignores it, the others round it down."""

from __future__ import annotations

import time
from typing import Any

from pyspark.sql import SparkSession

from common.hdfs import Hdfs
from common.outcome import Outcome
from common.settings import Settings

WATCHED_BATCHES = 3
DEADLINE_S = 120


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """The same query three times from the beginning: without a limit in effect, and with one over three partitions."""
    Hdfs(settings.info.webhdfs).delete(settings.broken("limit"))  # each showing begins with fresh checkpoints
    limit = int(settings.args["limit"])
    once = batches(spark, settings, "once", limit, {"once": True})
    rounded = batches(spark, settings, "rounded", limit, {"processingTime": "0 seconds"})
    print(f"trigger once, limit {limit}: batches of {once}; it ignores the limit", flush=True)
    print(
        f"processingTime, limit {limit}, 3 partitions: first batches {rounded}; each share is rounded down", flush=True
    )
    return Outcome(details={"once": once, "rounded": rounded})


def batches(spark: SparkSession, settings: Settings, name: str, limit: int, trigger: dict[str, Any]) -> list[int]:
    """Rows of the first batches of a query with `trigger`; stopped once there are three, or ended by itself."""
    records = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", settings.info.kafka)
        .option("subscribe", settings.topic("orders"))
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", limit)
        .load()
    )
    query = (
        records.writeStream.queryName(f"l03-broken-limit-{name}")
        .format("noop")
        .option("checkpointLocation", settings.broken("limit", name))
        .trigger(**trigger)
        .start()
    )
    deadline = time.monotonic() + DEADLINE_S
    while query.isActive and len(query.recentProgress) < WATCHED_BATCHES and time.monotonic() < deadline:
        query.awaitTermination(1)
    query.stop()
    return [progress["numInputRows"] for progress in query.recentProgress if progress["numInputRows"]][:WATCHED_BATCHES]
