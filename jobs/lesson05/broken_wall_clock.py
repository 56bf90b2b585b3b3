"""Broken on purpose: the time of arrival taken for the time of the event, in a query that is to drop copies."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from common.file_sink import json_rows
from common.hdfs import Hdfs
from common.outcome import Outcome
from common.settings import Settings
from common.spark import kafka_stream
from common.streams import Streams
from lesson05 import data
from lesson05.transforms import interval, orders

QUERY = "l05-wall-clock"


def run(spark: SparkSession, settings: Settings) -> Outcome:
    own = replace(settings, base=f"{settings.home}/broken", lesson="wall-clock")
    hdfs, path = Hdfs(settings.info.webhdfs), own.output(QUERY)
    hdfs.delete(own.home)  # each showing begins anew
    made = orders(kafka_stream(spark, settings, settings.topic("orders"), per_batch=data.ORDERS_PER_BATCH))
    streams = Streams(spark, own)
    streams.start(QUERY, by_arrival(made).writeStream.outputMode("append").format("json").option("path", path))
    reports = streams.finish()
    seen = Counter(row["order_id"] for row in json_rows(hdfs, path))
    twice, late = sum(count > 1 for count in seen.values()), sum(one.startswith("late") for one in seen)
    print(f"{seen.total()} rows: {twice} orders are there twice, and {late} late ones passed for new", flush=True)
    return Outcome(queries=reports, written={f"hdfs {path}": seen.total()}, details={"twice": twice, "late_kept": late})


def by_arrival(rows: DataFrame) -> DataFrame:
    """Each order "once", by its id and the time it came in: every order of one batch has the same such time."""
    arrived = rows.withColumn("received_at", F.current_timestamp())
    return arrived.withWatermark("received_at", interval(data.WATERMARK)).dropDuplicates(["order_id", "received_at"])
