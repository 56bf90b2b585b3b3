"""Read orders from Kafka and categories from files, each as a stream of its own, both to parquet."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession

from common.outcome import Outcome
from common.settings import Settings
from common.spark import kafka_stream
from common.streams import Streams
from lesson03.places import CATEGORIES, FILES_QUERY, KIND, ORDERS, ORDERS_QUERY
from lesson03.transforms import CATEGORY, equally_long, sorted_out


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """Read what is there, from where the checkpoints left off."""
    records = kafka_stream(spark, settings, settings.topic("orders"), per_batch=int(settings.args["per_batch"]))
    streams = Streams(spark, settings)
    streams.start(
        ORDERS_QUERY,
        sorted_out(records).writeStream.format("parquet").partitionBy(KIND).option("path", settings.output(ORDERS)),
    )
    streams.start(
        FILES_QUERY,
        equally_long(category_lines(spark, settings))
        .writeStream.format("parquet")
        .option("path", settings.output(CATEGORIES)),
    )
    queries = streams.finish()
    return Outcome(queries=queries, written={f"hdfs {settings.output(ORDERS)}": queries[0].input_rows})


def category_lines(spark: SparkSession, settings: Settings) -> DataFrame:
    """The lines of all files in the folder, one file a batch. A stream never guesses its columns: they are given."""
    return (
        spark.readStream.format("csv")
        .schema(CATEGORY)
        .option("header", True)
        .option("maxFilesPerTrigger", 1)
        .load(settings.input(CATEGORIES))
    )
