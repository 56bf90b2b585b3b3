"""The topics as streams of orders: id and at."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming import DataStreamWriter

from common.settings import Settings


def records(spark: SparkSession, settings: Settings, topic: str, **options: str) -> DataFrame:
    reader = spark.readStream.format("kafka").option("kafka.bootstrap.servers", settings.info.kafka)
    return reader.option("subscribe", topic).options(**{"startingOffsets": "earliest", **options}).load()


def orders(spark: SparkSession, settings: Settings, topic: str, **options: str) -> DataFrame:
    text = records(spark, settings, topic, **options).select(F.col("value").cast("string").alias("text"))
    return text.select(F.from_json("text", "id int, at timestamp").alias("order")).select("order.*")


def written(frame: DataFrame, settings: Settings, name: str) -> DataStreamWriter:
    return frame.writeStream.queryName(name).option("checkpointLocation", settings.checkpoint(name))
