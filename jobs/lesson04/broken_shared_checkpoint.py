"""A mistake to look at: two sinks on one checkpoint. The second one finds everything done, and writes nothing."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession

from common.hdfs import Hdfs
from common.outcome import Outcome
from common.settings import Settings
from lesson04.transforms import orders

NAME = "shared-checkpoint"


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """Copy the orders to two folders, one query after the other, with the same checkpointLocation."""
    Hdfs(settings.info.webhdfs).delete(settings.broken(NAME))  # so that it shows the same thing each time
    records = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", settings.info.kafka)
        .option("subscribe", settings.topic("orders"))
        .option("startingOffsets", "earliest")
        .load()
    )
    parsed = orders(records)
    counts = {}
    for sink in ("first", "second"):
        counts[sink] = copied(spark, parsed, settings, sink)
        print(f"{sink} sink: {counts[sink]} rows, no error", flush=True)
    print("a checkpoint says what has been read, whoever read it: one checkpoint, one query", flush=True)
    return Outcome(
        written={f"hdfs {settings.broken(NAME, sink)}": rows for sink, rows in counts.items()}, details=counts
    )


def copied(spark: SparkSession, parsed: DataFrame, settings: Settings, sink: str) -> int:
    """Run the query for one sink to its end; how many rows a reader of its folder sees."""
    place = settings.broken(NAME, sink)
    query = (
        parsed.writeStream.format("parquet")
        .queryName(f"l04-shared-{sink}")
        .option("path", place)
        .option("checkpointLocation", settings.broken(NAME, "checkpoint"))  # the mistake
        .trigger(availableNow=True)
        .start()
    )
    query.awaitTermination()
    return spark.read.schema(parsed.schema).parquet(place).count()
