"""Copy orders as they come, with a column more, batch after batch without a pause."""

from __future__ import annotations

from engine.orders import orders
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from common.outcome import Outcome
from common.settings import Settings
from common.streams import Streams


def run(spark: SparkSession, settings: Settings) -> Outcome:
    streams, kafka = Streams(spark, settings), settings.info.kafka
    records = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", kafka)
        .option("subscribe", settings.topic("live"))
        .option("startingOffsets", "latest")
        .load()
    )
    result = F.struct(
        F.col("id"), F.col("order_time"), F.upper("status").alias("status"), (F.col("amount") * 1.19).alias("gross")
    )
    copies = (
        orders(records)
        .select(F.to_json(result).alias("value"))
        .writeStream.queryName("copy")
        .format("kafka")
        .option("kafka.bootstrap.servers", kafka)
        .option("topic", settings.topic("copies"))
        .option("checkpointLocation", settings.checkpoint(f"copy-{int(settings.args['run'])}"))
        .start()
    )
    return Outcome(queries=streams.finish(copies))
