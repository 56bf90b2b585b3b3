"""Read orders from Kafka and categories from files, each as a stream of its own, both to parquet."""

from __future__ import annotations

from pyspark.sql import SparkSession

from common.outcome import Outcome
from common.settings import Settings
from common.streams import Streams
from lesson03.places import CATEGORIES, FILES_QUERY, KIND, ORDERS, ORDERS_QUERY
from lesson03.transforms import CATEGORY, equally_long, sorted_out


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """Read what is there, from where the checkpoints left off."""
    streams = Streams(spark, settings)

    # Where it begins counts for a fresh checkpoint only; afterwards the checkpoint says.
    records = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", settings.info.kafka)
        .option("subscribe", settings.topic("orders"))
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", settings.args["per_batch"])
        .load()
    )
    orders = (
        sorted_out(records)
        .writeStream.queryName(ORDERS_QUERY)
        .format("parquet")
        .partitionBy(KIND)
        .option("path", settings.output(ORDERS))
        .option("checkpointLocation", settings.checkpoint(ORDERS_QUERY))
        .trigger(**streams.trigger())
        .start()
    )

    # One file a batch. Spark infers no schema for a stream: the columns are given.
    lines = (
        spark.readStream.format("csv")
        .schema(CATEGORY)
        .option("header", True)
        .option("maxFilesPerTrigger", 1)
        .load(settings.input(CATEGORIES))
    )
    categories = (
        equally_long(lines)
        .writeStream.queryName(FILES_QUERY)
        .format("parquet")
        .option("path", settings.output(CATEGORIES))
        .option("checkpointLocation", settings.checkpoint(FILES_QUERY))
        .trigger(**streams.trigger())
        .start()
    )

    queries = streams.finish(orders, categories)
    return Outcome(queries=queries, written={f"hdfs {settings.output(ORDERS)}": queries[0].input_rows})
