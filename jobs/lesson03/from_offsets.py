"""Read the topic from an offset of each partition on. Which offsets count is decided once, by a fresh checkpoint."""

from __future__ import annotations

import json

from pyspark.sql import SparkSession

from common.outcome import Outcome
from common.settings import Settings
from common.streams import Streams
from lesson03.places import FROM_OFFSETS, KIND, OFFSETS_QUERY, PARTITIONS
from lesson03.transforms import sorted_out


def run(spark: SparkSession, settings: Settings) -> Outcome:
    topic = settings.topic("orders")
    # All partitions have to be named; -2 is the earliest offset of one, -1 its latest.
    starts = json.dumps({topic: {str(partition): int(settings.args["skip"]) for partition in range(PARTITIONS)}})
    print(f"startingOffsets {starts}", flush=True)
    records = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", settings.info.kafka)
        .option("subscribe", topic)
        .option("startingOffsets", starts)
        .load()
    )
    place = settings.output(FROM_OFFSETS)
    streams = Streams(spark, settings)
    query = (
        sorted_out(records)
        .writeStream.queryName(OFFSETS_QUERY)
        .format("parquet")
        .partitionBy(KIND)
        .option("path", place)
        .option("checkpointLocation", settings.checkpoint(OFFSETS_QUERY))
        .trigger(**streams.trigger())
        .start()
    )
    queries = streams.finish(query)
    return Outcome(queries=queries, written={f"hdfs {place}": queries[0].input_rows})
