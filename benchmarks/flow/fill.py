"""Fill a topic with `rate` x `batches` records of some hundred bytes."""

from __future__ import annotations

from flow.connectors import append_kafka
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from common.outcome import Outcome
from common.settings import Settings


def run(spark: SparkSession, settings: Settings) -> Outcome:
    rate = int(settings.args["rate"])
    count, topic = rate * int(settings.args["batches"]), f"flow-{rate}"
    append_kafka(as_text(spark.range(count, numPartitions=4), rate), settings, topic)
    return Outcome(written={f"kafka {topic}": count})


def as_text(ids: DataFrame, rate: int) -> DataFrame:
    """A record for each `id`, as Kafka takes it: key and value."""
    record = F.struct(
        "id",
        F.concat(F.lit("kind-"), F.col("id") % 50).alias("kind"),
        F.timestamp_seconds(F.lit(1735689600) + F.col("id") / rate).alias("at"),
        (F.col("id") % 1000 / 7).alias("amount"),
    )
    return ids.select(F.col("id").cast("string").alias("key"), F.to_json(record).alias("value"))
