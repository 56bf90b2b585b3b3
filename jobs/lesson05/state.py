"""Eight queries at once over the same two topics. What each keeps is in its checkpoint, below `state`."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from common import shop as data
from common.file_sink import json_rows
from common.hdfs import Hdfs
from common.outcome import Outcome
from common.settings import Settings
from common.streams import Streams
from lesson05.places import (
    COMPLETE,
    CUSTOMERS_FILE,
    DEDUP,
    FILES,
    INNER,
    LEFT,
    SLIDING,
    STATIC,
    TUMBLING,
    UPDATE,
)
from lesson05.transforms import CUSTOMER, as_records, items, orders, with_city, with_items


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """Start all eight, wait for all; each goes on from where its own checkpoint left off."""
    spark.conf.set("spark.sql.shuffle.partitions", settings.args["shuffle_partitions"])
    streams, hdfs, kafka = Streams(spark, settings), Hdfs(settings.info.webhdfs), settings.info.kafka
    before = in_files(hdfs, settings)

    # A watermark on the time in the data, before any window is made of it: how long a query waits for what comes late.
    timed = read_orders(spark, settings).withWatermark("order_time", "2 minutes")
    sold = read_items(spark, settings).withWatermark("item_time", "2 minutes")
    customers = spark.read.csv(settings.input(CUSTOMERS_FILE), schema=CUSTOMER, header=True)

    # Each order once. An id is forgotten when the watermark has passed it, so the state does not grow for ever.
    unique = timed.dropDuplicatesWithinWatermark(["order_id"])
    dedup = (
        unique.writeStream.queryName(DEDUP)
        .outputMode("append")
        .format("json")
        .option("path", settings.output(DEDUP))
        .option("checkpointLocation", settings.checkpoint(DEDUP))
        .trigger(**streams.trigger())
        .start()
    )

    # Append mode: a window is emitted once, when the watermark has passed its end.
    by_status = (
        unique.groupBy(F.window("order_time", "5 minutes"), "status")
        .count()
        .select("window.start", "window.end", "status", "count")
    )
    tumbling = (
        by_status.writeStream.queryName(TUMBLING)
        .outputMode("append")
        .format("json")
        .option("path", settings.output(TUMBLING))
        .option("checkpointLocation", settings.checkpoint(TUMBLING))
        .trigger(**streams.trigger())
        .start()
    )

    # Update mode: each batch emits the windows that it has changed. A file sink cannot do that; a topic can.
    counts = timed.groupBy(F.window("order_time", "5 minutes")).count().select("window.start", "window.end", "count")
    update = (
        as_records(counts)
        .writeStream.queryName(UPDATE)
        .outputMode("update")
        .format("kafka")
        .option("kafka.bootstrap.servers", kafka)
        .option("topic", settings.topic("window-counts"))
        .option("checkpointLocation", settings.checkpoint(UPDATE))
        .trigger(**streams.trigger())
        .start()
    )

    # Complete mode: each batch emits every window there ever was, so no window is forgotten, and one folder holds all.
    def replace(batch: DataFrame, batch_id: int) -> None:
        batch.coalesce(1).write.mode("overwrite").json(settings.output(COMPLETE))

    complete = (
        counts.writeStream.queryName(COMPLETE)
        .outputMode("complete")
        .foreachBatch(replace)
        .option("checkpointLocation", settings.checkpoint(COMPLETE))
        .trigger(**streams.trigger())
        .start()
    )

    # Windows that overlap: each record is in two of them.
    overlapping = (
        timed.groupBy(F.window("order_time", "10 minutes", "5 minutes"))
        .count()
        .select("window.start", "window.end", "count")
    )
    sliding = (
        overlapping.writeStream.queryName(SLIDING)
        .outputMode("append")
        .format("json")
        .option("path", settings.output(SLIDING))
        .option("checkpointLocation", settings.checkpoint(SLIDING))
        .trigger(**streams.trigger())
        .start()
    )

    # A join with a table: no state.
    static = (
        with_city(timed, customers)
        .writeStream.queryName(STATIC)
        .outputMode("append")
        .format("json")
        .option("path", settings.output(STATIC))
        .option("checkpointLocation", settings.checkpoint(STATIC))
        .trigger(**streams.trigger())
        .start()
    )

    # Two joins of two streams: each keeps the rows of both sides for as long as a partner may still come.
    inner = (
        with_items(unique, sold, "inner")
        .writeStream.queryName(INNER)
        .outputMode("append")
        .format("json")
        .option("path", settings.output(INNER))
        .option("checkpointLocation", settings.checkpoint(INNER))
        .trigger(**streams.trigger())
        .start()
    )
    left = (
        with_items(unique, sold, "left")
        .writeStream.queryName(LEFT)
        .outputMode("append")
        .format("json")
        .option("path", settings.output(LEFT))
        .option("checkpointLocation", settings.checkpoint(LEFT))
        .trigger(**streams.trigger())
        .start()
    )

    reports = streams.finish(dedup, tumbling, update, complete, sliding, static, inner, left)
    dropped = {report.name: report.dropped_by_watermark for report in reports if report.dropped_by_watermark}
    for name, rows in dropped.items():
        print(f"{name}: {rows} late rows dropped", flush=True)
    after = in_files(hdfs, settings)
    written = {f"hdfs {path}": rows - before[path] for path, rows in after.items() if rows > before[path]}
    return Outcome(queries=reports, written=written, details={"dropped_by_watermark": dropped})


def read_orders(spark: SparkSession, settings: Settings) -> DataFrame:
    records = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", settings.info.kafka)
        .option("subscribe", settings.topic("orders"))
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", data.ORDERS_PER_BATCH)
        .load()
    )
    return orders(records)


def read_items(spark: SparkSession, settings: Settings) -> DataFrame:
    records = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", settings.info.kafka)
        .option("subscribe", settings.topic("items"))
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", data.ITEMS_PER_BATCH)
        .load()
    )
    return items(records)


def in_files(hdfs: Hdfs, settings: Settings) -> dict[str, int]:
    """How many rows each file sink has committed by now."""
    paths = [settings.output(name) for name in FILES]
    return {path: len(json_rows(hdfs, path)) if hdfs.exists(path) else 0 for path in paths}
