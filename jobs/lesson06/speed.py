"""The speed layer: today's orders go to Cassandra as they come, in two ways; then both views are served as one."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming import DataStreamWriter

from common.hdfs import Hdfs
from common.outcome import Outcome, Tally
from common.settings import Settings
from common.spark import CASSANDRA, append_table, kafka_stream, read_table, table_sink
from common.streams import Streams
from lesson06 import data, serve
from lesson06.places import ORDERS, SPEED
from lesson06.transforms import by_hour, orders, with_name


def run(spark: SparkSession, settings: Settings) -> Outcome:
    if settings.args["replay"]:
        forget(settings)
    tally = Tally()
    streams = Streams(spark, settings)
    for name, writer in writers(spark, settings, tally).items():
        streams.start(name, writer)
    reports = streams.finish()
    shown = serve.run(spark, settings)
    return Outcome(queries=reports, written={**tally.counts, **shown.written}, details=shown.details)


def writers(spark: SparkSession, settings: Settings, tally: Tally) -> dict[str, DataStreamWriter]:
    """One query writes to its table directly; the other, whose rows change, upserts each batch."""
    made = orders(kafka_stream(spark, settings, settings.topic("orders"), per_batch=data.PER_BATCH))
    named = with_name(made, read_table(spark, settings.table("customer_names")))
    view = settings.table("orders_by_hour_status")

    def upsert(batch: DataFrame, batch_id: int) -> None:
        """Write the hours that changed, each with its whole count: told twice, a row says the same."""
        changed = batch.persist()
        try:
            append_table(changed, view)
            tally.add(f"cassandra {view}", changed.count())
        finally:
            changed.unpersist()

    sink = table_sink(settings.table("customer_by_order_id"))
    return {
        ORDERS: named.writeStream.outputMode("append").format(CASSANDRA).options(**sink),
        SPEED: by_hour(made).writeStream.outputMode("update").foreachBatch(upsert),
    }


def forget(settings: Settings) -> None:
    """Take away both checkpoints, and nothing else: the streams begin anew and write what is there already."""
    hdfs = Hdfs(settings.info.webhdfs)
    for name in (ORDERS, SPEED):
        gone = hdfs.delete(settings.checkpoint(name))
        print(f"{name}: {'checkpoint deleted, all is read again' if gone else 'no checkpoint to delete'}", flush=True)
