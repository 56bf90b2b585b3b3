"""A finite stream: the batch's files, one a micro-batch, then it ends by itself and remembers what it has read."""

from __future__ import annotations

from pyspark.sql import SparkSession

from common.outcome import Outcome
from common.settings import Settings
from common.streams import Streams
from lesson07.orders import order_stream
from lesson07.places import FINITE
from lesson07.transforms import with_total


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """`finish` is what the broken twin of this step (broken_await.py) lacks."""
    place = settings.output("finite")
    streams = Streams(spark, settings)
    streams.start(FINITE, with_total(order_stream(spark, settings)).writeStream.format("parquet").option("path", place))
    queries = streams.finish()
    return Outcome(queries=queries, written={f"hdfs {place}": queries[0].input_rows})
