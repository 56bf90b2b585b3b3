"""The orders as a stream, as three steps read them."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession

from common.settings import Settings
from lesson07.places import ORDERS
from lesson07.transforms import ORDER


def order_stream(spark: SparkSession, settings: Settings) -> DataFrame:
    """The order files as a stream, one file a micro-batch."""
    options = {"header": "true", "maxFilesPerTrigger": "1", "mode": "FAILFAST"}
    return spark.readStream.schema(ORDER).options(**options).csv(settings.input(ORDERS))
