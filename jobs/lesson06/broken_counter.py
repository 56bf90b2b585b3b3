"""A mistake to look at: a stream that adds to a counter. A batch that is run again is added again.

The second batch fails after it has written and before Spark has committed it, as happens when a driver is killed there.
Then the query starts once more, from its checkpoint, and runs that batch again: it must.
"""

from __future__ import annotations

from dataclasses import replace

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming import StreamingQueryException

from common import layers
from common.cassandra import Cassandra
from common.checkpoint import Checkpoint
from common.hdfs import Hdfs
from common.order_views import by_day, orders
from common.outcome import Outcome, QueryReport
from common.settings import Settings
from common.streams import Streams

QUERY = "l06-counter"
FAILS_IN = 1


def run(spark: SparkSession, settings: Settings) -> Outcome:
    own = replace(settings, base=f"{settings.home}/broken", lesson="counter")
    hdfs, cassandra = Hdfs(settings.info.webhdfs), Cassandra(settings.info.cassandra)
    table, sent = settings.table("counted_orders"), len(layers.todays())
    hdfs.delete(own.home)
    cassandra.truncate(table)
    try:
        try:
            count(spark, own, cassandra, fails_in=FAILS_IN)
        except StreamingQueryException:
            print("the query failed after a write, and is started again from its checkpoint", flush=True)
        reports = count(spark, own, cassandra, fails_in=None)
        counted = sum(row["orders"] for row in cassandra.rows(f"SELECT orders FROM {table}"))
    finally:
        cassandra.close()
    twice = Checkpoint(hdfs, own.checkpoint(QUERY)).batch_sizes()[FAILS_IN]
    why = f"batch {FAILS_IN} ({twice} orders) was added twice"
    print(f"{sent} orders were sent; the counter says {counted}: {why}", flush=True)
    return Outcome(
        queries=reports,
        written={f"cassandra {table}": counted},
        details={"sent": sent, "counted": counted, "added_twice": twice},
    )


def count(spark: SparkSession, own: Settings, cassandra: Cassandra, *, fails_in: int | None) -> tuple[QueryReport, ...]:
    """Add each batch to the counter; in batch `fails_in` raise once it is added."""
    records = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", own.info.kafka)
        .option("subscribe", own.topic("orders"))
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", layers.PER_BATCH)
        .load()
    )
    table = own.table("counted_orders")

    def add(batch: DataFrame, batch_id: int) -> None:
        for row in by_day(batch).collect():
            cassandra.rows(
                f"UPDATE {table} SET orders = orders + %s WHERE day = %s AND status = %s",
                (row["orders"], row["day"], row["status"]),
            )
        if batch_id == fails_in:
            raise RuntimeError(f"batch {batch_id} is written, and the driver dies before it can say so")

    streams = Streams(spark, own)
    query = (
        orders(records)
        .writeStream.queryName(QUERY)
        .foreachBatch(add)
        .option("checkpointLocation", own.checkpoint(QUERY))
        .trigger(**streams.trigger())
        .start()
    )
    return streams.finish(query)
