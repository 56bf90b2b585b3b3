"""Broken on purpose: a left join of two streams in update mode. Spark refuses it before anything is read."""

from __future__ import annotations

from dataclasses import replace

from pyspark.sql import SparkSession

from common.outcome import Outcome
from common.settings import Settings
from common.streams import Streams
from lesson05.state import item_stream, order_stream
from lesson05.transforms import with_items


def run(spark: SparkSession, settings: Settings) -> Outcome:
    own = replace(settings, base=f"{settings.home}/broken", lesson="update-left-join")
    streams = Streams(spark, own)
    joined = with_items(order_stream(spark, settings), item_stream(spark, settings), "left")
    streams.start("l05-left-update", joined.writeStream.outputMode("update").format("console"))
    return Outcome(queries=streams.finish())
