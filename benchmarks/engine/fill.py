"""Fill the topic of orders. Each of its partitions has every second one, in the order of their times."""

from __future__ import annotations

from engine.orders import as_records
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from common.outcome import Outcome
from common.settings import Settings

PARTITIONS = 2


def run(spark: SparkSession, settings: Settings) -> Outcome:
    count, topic = int(settings.args["records"]), settings.topic("orders")
    share = count // PARTITIONS
    # One task writes one partition, from its beginning to its end.
    numbers = spark.range(count, numPartitions=PARTITIONS)
    ids = numbers.select(
        ((F.col("id") % share) * PARTITIONS + (F.col("id") / share).cast("long")).alias("id"),
        (F.col("id") / share).cast("int").alias("partition"),
    )
    as_records(ids, int(settings.args["per_window"])).write.format("kafka").options(
        **{"kafka.bootstrap.servers": settings.info.kafka, "topic": topic}
    ).save()
    return Outcome(written={f"kafka {topic}": count})
