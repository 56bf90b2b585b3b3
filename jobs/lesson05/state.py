"""Eight queries at once over the same two topics. What each remembers is in its checkpoint, below `state`."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming import DataStreamWriter

from common.file_sink import json_rows
from common.hdfs import Hdfs
from common.outcome import Outcome
from common.settings import Settings
from common.spark import kafka_sink, kafka_stream
from common.streams import Streams
from lesson05 import data, places
from lesson05.transforms import (
    CUSTOMER,
    as_records,
    counted,
    items,
    once,
    orders,
    timed,
    with_city,
    with_items,
)

#: The queries that append to a file sink of their own.
FILES = (places.DEDUP, places.TUMBLING, places.SLIDING, places.STATIC, places.INNER, places.LEFT)


def run(spark: SparkSession, settings: Settings) -> Outcome:
    spark.conf.set("spark.sql.shuffle.partitions", str(settings.args["shuffle_partitions"]))
    hdfs = Hdfs(settings.info.webhdfs)
    before = in_files(hdfs, settings)
    streams = Streams(spark, settings)
    for name, writer in writers(spark, settings).items():
        streams.start(name, writer)
    reports = streams.finish()
    dropped = {report.name: report.dropped_by_watermark for report in reports if report.dropped_by_watermark}
    for name, rows in dropped.items():
        print(f"{name}: {rows} late rows dropped", flush=True)
    after = in_files(hdfs, settings)
    written = {f"hdfs {path}": rows - before[path] for path, rows in after.items() if rows > before[path]}
    return Outcome(queries=reports, written=written, details={"dropped_by_watermark": dropped})


def in_files(hdfs: Hdfs, settings: Settings) -> dict[str, int]:
    """How many rows each file sink has committed by now."""
    paths = [settings.output(name) for name in FILES]
    return {path: len(json_rows(hdfs, path)) if hdfs.exists(path) else 0 for path in paths}


def order_stream(spark: SparkSession, settings: Settings) -> DataFrame:
    records = kafka_stream(spark, settings, settings.topic("orders"), per_batch=data.ORDERS_PER_BATCH)
    return timed(orders(records), "order_time")


def item_stream(spark: SparkSession, settings: Settings) -> DataFrame:
    records = kafka_stream(spark, settings, settings.topic("items"), per_batch=data.ITEMS_PER_BATCH)
    return timed(items(records), "item_time")


def writers(spark: SparkSession, settings: Settings) -> dict[str, DataStreamWriter]:
    """Each query's writer by its name: what is asked, in which output mode, and where the answer goes."""
    made, sold = order_stream(spark, settings), item_stream(spark, settings)
    customers = spark.read.csv(settings.input(places.CUSTOMERS_FILE), schema=CUSTOMER, header=True)

    def append(name: str, rows: DataFrame) -> DataStreamWriter:
        return rows.writeStream.outputMode("append").format("json").option("path", settings.output(name))

    def replace(batch: DataFrame, batch_id: int) -> None:
        batch.coalesce(1).write.mode("overwrite").json(settings.output(places.COMPLETE))

    topic = kafka_sink(settings, settings.topic("window-counts"))
    slid = counted(made, size=data.SLIDE_WINDOW, slide=data.SLIDE)
    return {
        places.DEDUP: append(places.DEDUP, once(made)),
        places.TUMBLING: append(places.TUMBLING, counted(once(made), "status")),
        places.UPDATE: as_records(counted(made)).writeStream.outputMode("update").format("kafka").options(**topic),
        places.COMPLETE: counted(made).writeStream.outputMode("complete").foreachBatch(replace),
        places.SLIDING: append(places.SLIDING, slid),
        places.STATIC: append(places.STATIC, with_city(made, customers)),
        places.INNER: append(places.INNER, with_items(once(made), sold, "inner")),
        places.LEFT: append(places.LEFT, with_items(once(made), sold, "left")),
    }
