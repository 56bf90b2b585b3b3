"""Drain a topic into Cassandra, a second's records a batch, and print how fast that went as JSON."""

from __future__ import annotations

import json
import statistics

from flow.connectors import CASSANDRA, from_kafka_json, kafka_batch, kafka_stream, read_table, table_sink
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import DoubleType, LongType, StringType, StructField, StructType, TimestampType

from common.errors import JobError
from common.outcome import Outcome
from common.settings import Settings

TABLE = "bench.flow"
RECORD = StructType(
    [
        StructField("id", LongType()),
        StructField("kind", StringType()),
        StructField("at", TimestampType()),
        StructField("amount", DoubleType()),
    ]
)


def run(spark: SparkSession, settings: Settings) -> Outcome:
    rate, number = int(settings.args["rate"]), int(settings.args["run"])
    topic = f"flow-{rate}"
    source = from_kafka_json(kafka_stream(spark, settings, topic, per_batch=rate), RECORD)
    query = (
        source.select("id", "kind", "at", "amount", F.lit(number).alias("run"))
        .writeStream.format(CASSANDRA)
        .options(**table_sink(TABLE), checkpointLocation=settings.checkpoint(f"{topic}-{number}"))
        .trigger(availableNow=True)
        .start()
    )
    query.awaitTermination()
    batches = [progress for progress in query.recentProgress if progress["numInputRows"]]
    read = sum(batch["numInputRows"] for batch in batches)
    lost = kafka_batch(spark, settings, topic).count() - read_table(spark, TABLE).where(F.col("run") == number).count()
    if lost:
        raise JobError(f"{lost} records of {topic} are not in {TABLE}")
    print(json.dumps(measured(batches[1:])), flush=True)  # the first batch warms the JVMs up
    return Outcome(written={f"cassandra {TABLE}": read})


def measured(batches: list[dict]) -> dict[str, float]:
    """Records a second over all batches, and the median batch's seconds."""
    took = [batch["durationMs"]["triggerExecution"] / 1000 for batch in batches]
    return {
        "records_per_second": round(sum(batch["numInputRows"] for batch in batches) / sum(took)),
        "batch_seconds": round(statistics.median(took), 3),
    }
