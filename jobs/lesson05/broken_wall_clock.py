"""Broken on purpose: the time of arrival taken for the time of the event, in a query that is to drop duplicates."""

from __future__ import annotations

from collections import Counter

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from common.file_sink import json_rows
from common.hdfs import Hdfs
from common.outcome import Outcome
from common.settings import Settings
from common.streams import Streams
from lesson05.state import read_orders

NAME, QUERY = "wall-clock", "l05-wall-clock"


def run(spark: SparkSession, settings: Settings) -> Outcome:
    hdfs, path = Hdfs(settings.info.webhdfs), settings.broken(NAME, "out")
    hdfs.delete(settings.broken(NAME))  # so that it shows the same thing each time
    streams = Streams(spark, settings)
    query = (
        by_arrival(read_orders(spark, settings))
        .writeStream.queryName(QUERY)
        .outputMode("append")
        .format("json")
        .option("path", path)
        .option("checkpointLocation", settings.broken(NAME, "checkpoint"))
        .trigger(**streams.trigger())
        .start()
    )
    reports = streams.finish(query)
    seen = Counter(row["order_id"] for row in json_rows(hdfs, path))
    twice, late = sum(count > 1 for count in seen.values()), sum(one.startswith("late") for one in seen)
    print(f"{seen.total()} rows: {twice} orders are there twice, and {late} late ones were taken for new", flush=True)
    return Outcome(queries=reports, written={f"hdfs {path}": seen.total()}, details={"twice": twice, "late_kept": late})


def by_arrival(rows: DataFrame) -> DataFrame:
    """Each order "once", by its id and the time it came in: every order of one batch has the same such time."""
    arrived = rows.withColumn("received_at", F.current_timestamp())
    return arrived.withWatermark("received_at", "2 minutes").dropDuplicates(["order_id", "received_at"])
