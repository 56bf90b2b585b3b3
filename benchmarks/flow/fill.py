"""Fill a topic with `rate` x `batches` records of some hundred bytes."""

from __future__ import annotations

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from common.outcome import Outcome
from common.settings import Settings
from common.spark import append_kafka


def run(spark: SparkSession, settings: Settings) -> Outcome:
    rate = int(settings.args["rate"])
    count, topic = rate * int(settings.args["batches"]), f"flow-{rate}"
    record = F.struct(
        "id",
        F.concat(F.lit("kind-"), F.col("id") % 50).alias("kind"),
        F.timestamp_seconds(F.lit(1735689600) + F.col("id") / rate).alias("at"),
        (F.col("id") % 1000 / 7).alias("amount"),
    )
    rows = spark.range(count, numPartitions=4)
    append_kafka(
        rows.select(F.col("id").cast("string").alias("key"), F.to_json(record).alias("value")), settings, topic
    )
    return Outcome(written={f"kafka {topic}": count})
