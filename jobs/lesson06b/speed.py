"""The speed layer: today's orders go to Cassandra and to HBase as they come, under the same keys in both."""

from __future__ import annotations

from contextlib import closing

from pyspark.sql import DataFrame, SparkSession

from common import layers
from common.hdfs import Hdfs
from common.order_views import by_hour, orders, with_name
from common.outcome import Outcome, Tally
from common.settings import Settings
from common.streams import Streams
from lesson06b.places import FAMILY, NAMES, ORDERS, SPEED, in_hbase
from lesson06b.stores import connect, write_both


def run(spark: SparkSession, settings: Settings) -> Outcome:
    if settings.args["replay"]:
        forget(settings)
    streams, tally = Streams(spark, settings), Tally()

    records = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", settings.info.kafka)
        .option("subscribe", settings.topic("orders"))
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", layers.PER_BATCH)
        .load()
    )
    made = orders(records)

    # The driver scans the table once, before the stream begins; Cassandra's connector reads it anew in each batch.
    with closing(connect(settings.info.hbase)) as hbase:
        found = [
            (cid.decode(), *(row[f"{FAMILY}:{name}".encode()].decode() for name in ("full_name", "city")))
            for cid, row in hbase.table(in_hbase(NAMES)).scan()
        ]
    names = spark.createDataFrame(found, "cid string, full_name string, city string")

    # A batch that is run again writes the same rows under the same keys: nothing changes in either store.
    def save_named(batch: DataFrame, batch_id: int) -> None:
        view = "customer_by_order_id"
        tally.add(f"cassandra and hbase {view}", write_both(batch, view, settings))

    def save_counts(batch: DataFrame, batch_id: int) -> None:
        view = "orders_by_hour_status"
        tally.add(f"cassandra and hbase {view}", write_both(batch, view, settings))

    named = (
        with_name(made, names)
        .writeStream.queryName(ORDERS)
        .foreachBatch(save_named)
        .option("checkpointLocation", settings.checkpoint(ORDERS))
        .trigger(**streams.trigger())
        .start()
    )
    counted = (
        by_hour(made)
        .writeStream.queryName(SPEED)
        .foreachBatch(save_counts)
        .outputMode("update")
        .option("checkpointLocation", settings.checkpoint(SPEED))
        .trigger(**streams.trigger())
        .start()
    )
    reports = streams.finish(named, counted)
    return Outcome(queries=reports, written=tally.counts)


def forget(settings: Settings) -> None:
    """Delete both checkpoints, and nothing else: the streams begin anew and write what is there already."""
    hdfs = Hdfs(settings.info.webhdfs)
    for name in (ORDERS, SPEED):
        gone = hdfs.delete(settings.checkpoint(name))
        print(f"{name}: {'checkpoint deleted, all is read again' if gone else 'no checkpoint to delete'}", flush=True)
