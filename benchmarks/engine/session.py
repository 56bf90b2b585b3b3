"""Executors with the flags that Flink's TaskManagers have, and no others: both compilers, and the serial collector."""

from __future__ import annotations

from pyspark.sql import SparkSession

from common.settings import Settings


def configure(builder: SparkSession.Builder, settings: Settings) -> SparkSession.Builder:
    return builder.config("spark.executor.extraJavaOptions", "-XX:+UseSerialGC")
