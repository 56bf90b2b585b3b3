"""Broken on purpose: the watermark on the window column. Beside it the same count with the watermark on the time."""

from __future__ import annotations

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
from lesson05.transforms import counted, interval, orders, timed

WRONG, RIGHT = "l05-on-the-window", "l05-on-the-time"


def run(spark: SparkSession, settings: Settings) -> Outcome:
    own = replace(settings, base=f"{settings.home}/broken", lesson="window-watermark")
    hdfs = Hdfs(settings.info.webhdfs)
    hdfs.delete(own.home)  # each showing begins anew
    made = orders(kafka_stream(spark, settings, settings.topic("orders"), per_batch=data.ORDERS_PER_BATCH))
    streams, queries = Streams(spark, own), {}
    for name, rows in ((WRONG, on_the_window(made)), (RIGHT, counted(timed(made, "order_time")))):
        writer = rows.writeStream.outputMode("append").format("json").option("path", own.output(name))
        queries[name] = streams.start(name, writer)
    reports = streams.finish()
    windows = {name: len(json_rows(hdfs, own.output(name))) for name in queries}
    kept = {name: query.lastProgress["stateOperators"][0]["numRowsTotal"] for name, query in queries.items()}
    for one in reports:
        print(
            f"{one.name}: watermark {one.last_watermark}, {windows[one.name]} windows written, "
            f"{kept[one.name]} still in the state",
            flush=True,
        )
    return Outcome(
        queries=reports,
        written={f"hdfs {own.output(name)}": count for name, count in windows.items()},
        details={"still_in_state": kept},
    )


def on_the_window(rows: DataFrame) -> DataFrame:
    """Orders by window, with the watermark where it looks as right: on the column that is grouped by."""
    windowed = rows.withColumn("window", F.window("order_time", interval(data.WINDOW)))
    late = windowed.withWatermark("window", interval(data.WATERMARK))
    return late.groupBy("window").count().select("window.start", "window.end", "count")
