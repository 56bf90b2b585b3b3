"""Broken on purpose: a left join of two streams in update mode. Spark refuses it before anything is read."""

from __future__ import annotations

from pyspark.sql import SparkSession

from common.outcome import Outcome
from common.settings import Settings
from common.streams import Streams
from lesson05.state import read_items, read_orders
from lesson05.transforms import with_items

NAME = "update-left-join"


def run(spark: SparkSession, settings: Settings) -> Outcome:
    streams = Streams(spark, settings)
    timed = read_orders(spark, settings).withWatermark("order_time", "2 minutes")
    sold = read_items(spark, settings).withWatermark("item_time", "2 minutes")
    query = (
        with_items(timed, sold, "left")
        .writeStream.queryName("l05-left-update")
        .outputMode("update")
        .format("console")
        .option("checkpointLocation", settings.broken(NAME, "checkpoint"))
        .trigger(**streams.trigger())
        .start()
    )
    return Outcome(queries=streams.finish(query))
