"""The speed layer: today's orders go to Cassandra as they come, in two ways; then both views are served as one."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession

from common import layers
from common.hdfs import Hdfs
from common.order_views import by_hour, orders, with_name
from common.outcome import Outcome, Tally
from common.settings import Settings
from common.streams import Streams
from lesson06 import serve
from lesson06.places import ORDERS, SPEED, keyspace_of


def run(spark: SparkSession, settings: Settings) -> Outcome:
    if settings.args["replay"]:
        forget(settings)
    streams, tally, keyspace = Streams(spark, settings), Tally(), keyspace_of(settings)
    view = settings.table("orders_by_hour_status")

    records = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", settings.info.kafka)
        .option("subscribe", settings.topic("orders"))
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", layers.PER_BATCH)
        .load()
    )
    names = (
        spark.read.format("org.apache.spark.sql.cassandra").options(keyspace=keyspace, table="customer_names").load()
    )
    made = orders(records)

    # Directly into the table: what is written once does not change, so append is enough.
    named = (
        with_name(made, names)
        .writeStream.queryName(ORDERS)
        .format("org.apache.spark.sql.cassandra")
        .options(keyspace=keyspace, table="customer_by_order_id")
        .outputMode("append")
        .option("checkpointLocation", settings.checkpoint(ORDERS))
        .trigger(**streams.trigger())
        .start()
    )

    # Each batch has the hours that changed, each with its whole count: written twice, a row says the same.
    def upsert(batch: DataFrame, batch_id: int) -> None:
        batch.persist()  # written and counted below; else the batch would be computed twice
        try:
            (
                batch.write.format("org.apache.spark.sql.cassandra")
                .options(keyspace=keyspace, table="orders_by_hour_status")
                .mode("append")
                .save()
            )
            tally.add(f"cassandra {view}", batch.count())
        finally:
            batch.unpersist()

    counted = (
        by_hour(made)
        .writeStream.queryName(SPEED)
        .foreachBatch(upsert)
        .outputMode("update")
        .option("checkpointLocation", settings.checkpoint(SPEED))
        .trigger(**streams.trigger())
        .start()
    )

    reports = streams.finish(named, counted)
    shown = serve.run(spark, settings)
    return Outcome(queries=reports, written={**tally.counts, **shown.written}, details=shown.details)


def forget(settings: Settings) -> None:
    """Delete both checkpoints, and nothing else: the streams begin anew and write what is there already."""
    hdfs = Hdfs(settings.info.webhdfs)
    for name in (ORDERS, SPEED):
        gone = hdfs.delete(settings.checkpoint(name))
        print(f"{name}: {'checkpoint deleted, all is read again' if gone else 'no checkpoint to delete'}", flush=True)
