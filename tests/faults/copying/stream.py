"""Copy one topic to three sinks by three queries. What each sink then guarantees is what Spark's documentation says."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from common.outcome import Outcome
from common.settings import Settings
from common.streams import Streams
from copying import QUERIES


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """Start all three queries; each continues from its own checkpoint."""
    kafka = {"kafka.bootstrap.servers": settings.info.kafka}
    source = {"subscribe": settings.topic("source"), "startingOffsets": "earliest"}
    records = numbered(spark.readStream.format("kafka").options(**kafka, **source).load())
    keyspace, table = settings.table("copies").split(".")
    writers = {
        "parquet": records.writeStream.format("parquet").option("path", settings.output("parquet")),
        "kafka": as_kafka(records).writeStream.format("kafka").options(**kafka, topic=settings.topic("sink")),
        "cassandra": records.writeStream.format("org.apache.spark.sql.cassandra").options(
            keyspace=keyspace, table=table
        ),
    }
    streams = Streams(spark, settings)
    queries = [
        writer.queryName(QUERIES[sink])
        .option("checkpointLocation", settings.checkpoint(QUERIES[sink]))
        .trigger(**streams.trigger())
        .start()
        for sink, writer in writers.items()
    ]
    return Outcome(queries=streams.finish(*queries))


def numbered(source: DataFrame) -> DataFrame:
    """The number in each record and its place in the topic: number, kafka_partition, kafka_offset."""
    return source.select(
        F.col("value").cast("string").cast("long").alias("number"),
        F.col("partition").alias("kafka_partition"),
        F.col("offset").alias("kafka_offset"),
    )


def as_kafka(records: DataFrame) -> DataFrame:
    """The same as Kafka records: the number is the key, ``partition:offset`` the value."""
    return records.select(
        F.col("number").cast("string").alias("key"),
        F.concat_ws(":", F.col("kafka_partition"), F.col("kafka_offset")).alias("value"),
    )
