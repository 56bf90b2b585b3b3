"""Copy one topic to three sinks by three queries. What each sink then guarantees is what Spark's documentation says."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from common.outcome import Outcome
from common.settings import Settings
from common.spark import CASSANDRA, kafka_sink, kafka_stream, table_sink
from common.streams import Streams
from copying import QUERIES


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """Start all three queries; each continues from its own checkpoint."""
    records = numbered(kafka_stream(spark, settings, settings.topic("source")))
    writers = {
        "parquet": records.writeStream.format("parquet").option("path", settings.output("parquet")),
        "kafka": as_kafka(records).writeStream.format("kafka").options(**kafka_sink(settings, settings.topic("sink"))),
        "cassandra": records.writeStream.format(CASSANDRA).options(**table_sink(settings.table("copies"))),
    }
    streams = Streams(spark, settings)
    for sink, writer in writers.items():
        streams.start(QUERIES[sink], writer.outputMode("append"))
    return Outcome(queries=streams.finish())


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
