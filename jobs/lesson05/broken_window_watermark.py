"""Broken on purpose: the watermark on the window column. Beside it the same count with the watermark on the time."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from common.file_sink import json_rows
from common.hdfs import Hdfs
from common.outcome import Outcome
from common.settings import Settings
from common.streams import Streams
from lesson05.state import read_orders

NAME, WRONG, RIGHT = "window-watermark", "l05-on-the-window", "l05-on-the-time"


def run(spark: SparkSession, settings: Settings) -> Outcome:
    hdfs = Hdfs(settings.info.webhdfs)
    hdfs.delete(settings.broken(NAME))  # so that it shows the same thing each time
    orders = read_orders(spark, settings)
    streams, queries = Streams(spark, settings), {}
    for name, counts in ((WRONG, on_the_window(orders)), (RIGHT, on_the_time(orders))):
        queries[name] = (
            counts.writeStream.queryName(name)
            .outputMode("append")
            .format("json")
            .option("path", settings.broken(NAME, name))
            .option("checkpointLocation", settings.broken(NAME, f"checkpoint-{name}"))
            .trigger(**streams.trigger())
            .start()
        )
    reports = streams.finish(*queries.values())
    windows = {name: len(json_rows(hdfs, settings.broken(NAME, name))) for name in queries}
    kept = {name: query.lastProgress["stateOperators"][0]["numRowsTotal"] for name, query in queries.items()}
    for one in reports:
        print(
            f"{one.name}: watermark {one.last_watermark}, {windows[one.name]} windows written, "
            f"{kept[one.name]} still in the state",
            flush=True,
        )
    return Outcome(
        queries=reports,
        written={f"hdfs {settings.broken(NAME, name)}": count for name, count in windows.items()},
        details={"still_in_state": kept},
    )


def on_the_window(orders: DataFrame) -> DataFrame:
    """Orders by window, with the watermark where it looks as right: on the column that is grouped by."""
    windowed = orders.withColumn("window", F.window("order_time", "5 minutes")).withWatermark("window", "2 minutes")
    return windowed.groupBy("window").count().select("window.start", "window.end", "count")


def on_the_time(orders: DataFrame) -> DataFrame:
    timed = orders.withWatermark("order_time", "2 minutes")
    return timed.groupBy(F.window("order_time", "5 minutes")).count().select("window.start", "window.end", "count")
