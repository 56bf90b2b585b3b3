"""The batch layer: history, all of it, counted from scratch into the batch view, in both stores."""

from __future__ import annotations

from pyspark.sql import SparkSession

from common.order_views import by_day
from common.outcome import Outcome
from common.settings import Settings
from lesson06b.places import HISTORY
from lesson06b.stores import write_both

VIEW = "orders_by_day_status"


def run(spark: SparkSession, settings: Settings) -> Outcome:
    history = spark.read.parquet(settings.input(HISTORY))
    rows = write_both(by_day(history), VIEW, settings)
    return Outcome(written={f"cassandra and hbase {VIEW}": rows}, details={"orders": history.count()})
