"""Drain a topic into Cassandra, a second's records a batch, and print how fast that went as JSON."""

from __future__ import annotations

import json
import statistics

from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import DoubleType, LongType, StringType, StructField, StructType, TimestampType

from common.errors import JobError
from common.outcome import Outcome
from common.settings import Settings
from common.spark import CASSANDRA, from_kafka_json, kafka_batch, kafka_stream, read_table, table_sink

TABLE = "bench.flow"
RECORD = StructType(
    [
        StructField("id", LongType()),
        StructField("kind", StringType()),
        StructField("at", TimestampType()),
        StructField("value", DoubleType()),
    ]
)

#: What the connector does when nobody says anything (its reference, "Write Tuning Parameters").
DEFAULTS = {
    "spark.cassandra.output.batch.grouping.key": "partition",
    "spark.cassandra.output.batch.size.bytes": "1024",
    "spark.cassandra.output.batch.grouping.buffer.size": "1000",
    "spark.cassandra.output.concurrent.writes": "5",
}


def run(spark: SparkSession, settings: Settings) -> Outcome:
    rate, number = int(settings.args["rate"]), int(settings.args["run"])
    topic = f"flow-{rate}"
    source = from_kafka_json(kafka_stream(spark, settings, topic, per_batch=rate), RECORD)
    options = {**table_sink(TABLE), **(DEFAULTS if settings.args["connector"] == "default" else {})}
    for item in filter(None, settings.args["try"].split(",")):
        key, _, value = item.partition("=")
        options[f"spark.cassandra.output.{key}"] = value
    query = (
        source.select("id", "kind", "at", "value", F.lit(number).alias("run"))
        .writeStream.format(CASSANDRA)
        .options(**options, checkpointLocation=settings.checkpoint(f"{topic}-{number}"))
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
        "parts": {k: statistics.median(b["durationMs"].get(k, 0) for b in batches) for k in batches[0]["durationMs"]},
    }
