"""Make records at a steady rate and stream them into Cassandra meanwhile; print as JSON how far behind rows come.

A row's lag is the time from its record's timestamp, which Kafka's producer gives it, to its cell's in Cassandra.
"""

from __future__ import annotations

import json
import time

from flow.connectors import CASSANDRA, from_kafka_json, kafka_batch, kafka_sink, kafka_stream, read_table, table_sink
from flow.drain import RECORD, TABLE
from flow.fill import as_text
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming import StreamingQuery

from common.errors import JobError
from common.outcome import Outcome
from common.settings import Settings

#: The share of rows whose lag is at most what is printed, beside the median.
MOST = 0.95


def run(spark: SparkSession, settings: Settings) -> Outcome:
    rate, seconds, number = (int(settings.args[name]) for name in ("rate", "seconds", "run"))
    topic = f"live-{rate}"
    since = {"startingTimestamp": str(int(time.time() * 1000)), "startingOffsetsByTimestampStrategy": "latest"}
    reading = read(kafka_stream(spark, settings, topic, **since), settings, f"{topic}-{number}", number)
    making = make(spark, settings, topic, rate, checkpoint=settings.checkpoint(f"{topic}-{number}-made"))
    time.sleep(seconds)
    making.stop()
    stopped = time.monotonic()
    reading.processAllAvailable()
    behind = time.monotonic() - stopped
    made = kafka_batch(spark, settings, topic, **since).count()
    reading.processAllAvailable()  # a task of the other stream may have sent a last few
    reading.stop()
    median, most, written = lag(read_table(spark, TABLE).where(F.col("run") == number))
    if written < made:
        raise JobError(f"{made - written} records of {topic} are not in {TABLE}")
    found = {"lag_seconds": most, "median_seconds": median, "behind_seconds": behind, "rate": written / seconds}
    print(json.dumps({name: round(value, 2) for name, value in found.items()}), flush=True)
    return Outcome(written={f"cassandra {TABLE}": written})


def read(records: DataFrame, settings: Settings, name: str, number: int) -> StreamingQuery:
    """The stream that is measured: the rows of `drain`, dated when Kafka had them."""
    rows = from_kafka_json(records, RECORD)
    return (
        rows.select("id", "kind", F.col("timestamp").alias("at"), "amount", F.lit(number).alias("run"))
        .writeStream.format(CASSANDRA)
        .options(**table_sink(TABLE), checkpointLocation=settings.checkpoint(name))
        .start()
    )


def make(spark: SparkSession, settings: Settings, topic: str, rate: int, *, checkpoint: str) -> StreamingQuery:
    """`rate` records a second into the topic, until it is stopped."""
    ids = spark.readStream.format("rate").options(rowsPerSecond=rate, numPartitions=2).load()
    return (
        as_text(ids.select(F.col("value").alias("id")), rate)
        .writeStream.format("kafka")
        .options(**kafka_sink(settings, topic), checkpointLocation=checkpoint)
        .start()
    )


def lag(rows: DataFrame) -> tuple[float, float, int]:
    """The median and all but a twentieth of the rows' seconds from Kafka to Cassandra, and how many rows there are."""
    late = F.expr("writetime(amount)") / 1e6 - F.col("at").cast("double")
    found = rows.select(late.alias("late")).agg(F.percentile_approx("late", [0.5, MOST]).alias("late"), F.count("*"))
    (median, most), count = found.first()
    return median, most, count
