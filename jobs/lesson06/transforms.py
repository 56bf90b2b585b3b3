"""The serving layer as a pure function of both views; what they count is in `common.order_views`."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def served(batch: DataFrame, speed: DataFrame) -> DataFrame:
    """Both views as one: the batch view where it has come, the speed view for the days after that.

    Were both taken for the same day, its orders would count twice as soon as the batch has caught up.
    """
    done = batch.agg(F.coalesce(F.max("day"), F.lit("")).alias("last_day"))
    newer = speed.join(F.broadcast(done), F.col("day") > F.col("last_day"))
    today = newer.groupBy("day", "status").agg(F.sum("orders").alias("orders"))
    return batch.select("day", "status", "orders").unionByName(today)
