"""Read the topic from an offset of each partition on. Which offsets count is decided once, by a fresh checkpoint."""

from __future__ import annotations

import json

from pyspark.sql import SparkSession

from common.outcome import Outcome
from common.settings import Settings
from common.spark import kafka_stream
from common.streams import Streams
from lesson03.places import FROM_OFFSETS, KIND, OFFSETS_QUERY, PARTITIONS
from lesson03.transforms import sorted_out


def run(spark: SparkSession, settings: Settings) -> Outcome:
    topic = settings.topic("orders")
    # All partitions have to be named; -2 is the earliest offset of one, -1 its latest.
    starts = json.dumps({topic: {str(partition): int(settings.args["skip"]) for partition in range(PARTITIONS)}})
    print(f"startingOffsets {starts}", flush=True)
    records = kafka_stream(spark, settings, topic, startingOffsets=starts)
    place = settings.output(FROM_OFFSETS)
    streams = Streams(spark, settings)
    streams.start(
        OFFSETS_QUERY, sorted_out(records).writeStream.format("parquet").partitionBy(KIND).option("path", place)
    )
    queries = streams.finish()
    return Outcome(queries=queries, written={f"hdfs {place}": queries[0].input_rows})
