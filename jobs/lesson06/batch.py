"""The batch layer: history, all of it, counted from scratch into the batch view. Slow, simple, and the truth."""

from __future__ import annotations

from pyspark.sql import SparkSession

from common.order_views import by_day
from common.outcome import Outcome
from common.settings import Settings
from lesson06.places import HISTORY, keyspace_of


def run(spark: SparkSession, settings: Settings) -> Outcome:
    history = spark.read.parquet(settings.input(HISTORY))
    view = by_day(history).cache()
    # mode("append") adds rows to a table; one whose primary key is there replaces it, so a second run changes nothing.
    (
        view.write.format("org.apache.spark.sql.cassandra")
        .options(keyspace=keyspace_of(settings), table="orders_by_day_status")
        .mode("append")
        .save()
    )
    details = {"orders": history.count(), "days": view.select("day").distinct().count()}
    return Outcome(written={f"cassandra {settings.table('orders_by_day_status')}": view.count()}, details=details)
