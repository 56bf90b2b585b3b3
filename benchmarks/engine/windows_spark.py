"""Count orders by five minutes and status, from the beginning of a topic to its end."""

from __future__ import annotations

from engine.orders import orders
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from common.outcome import Outcome
from common.settings import Settings
from common.streams import Streams


def run(spark: SparkSession, settings: Settings) -> Outcome:
    streams, kafka = Streams(spark, settings), settings.info.kafka
    run_number, per_batch = int(settings.args["run"]), int(settings.args["per_batch"])
    spark.conf.set("spark.sql.shuffle.partitions", 2)  # as many as Flink has slots
    records = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", kafka)
        .option("subscribe", settings.topic("orders"))
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", per_batch)
        .load()
    )
    windows = (
        orders(records)
        .withWatermark("order_time", "2 minutes")
        .groupBy(F.window("order_time", "5 minutes"), "status")
        .agg(F.count("*").alias("orders"))
    )
    result = F.struct(
        F.lit(run_number).alias("run"), F.col("window.start").alias("window_start"), F.col("status"), F.col("orders")
    )
    counts = (
        windows.select(F.to_json(result).alias("value"))
        .writeStream.queryName("windows")
        .outputMode("append")
        .format("kafka")
        .option("kafka.bootstrap.servers", kafka)
        .option("topic", settings.topic("counts"))
        .option("checkpointLocation", settings.checkpoint(f"windows-{run_number}"))
        .trigger(availableNow=True)
        .start()
    )
    return Outcome(queries=streams.finish(counts))
