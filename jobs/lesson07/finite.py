"""A finite stream: the batch's files, one a micro-batch, then it ends by itself and remembers what it has read."""

from __future__ import annotations

from pyspark.sql import SparkSession

from common.outcome import Outcome
from common.settings import Settings
from common.streams import Streams
from lesson07.places import FINITE, ORDERS
from lesson07.transforms import ORDER, with_total


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """`finish` waits for the query, as `query.awaitTermination()` does; the broken twin (broken_await.py) lacks it."""
    place = settings.output("finite")
    streams = Streams(spark, settings)

    # A stream of files has to be given its schema: there may be no file yet to look into.
    orders = (
        spark.readStream.schema(ORDER)
        .option("header", True)
        .option("mode", "FAILFAST")
        .option("maxFilesPerTrigger", 1)
        .csv(settings.input(ORDERS))
    )
    query = (
        with_total(orders)
        .writeStream.queryName(FINITE)
        .format("parquet")
        .option("path", place)
        .option("checkpointLocation", settings.checkpoint(FINITE))
        .trigger(**streams.trigger())
        .start()
    )
    queries = streams.finish(query)
    return Outcome(queries=queries, written={f"hdfs {place}": queries[0].input_rows})
