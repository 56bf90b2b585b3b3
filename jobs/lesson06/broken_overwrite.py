"""A mistake to look at: `overwrite` where a table is to be replaced. The connector asks whether you mean it."""

from __future__ import annotations

from pyspark.sql import SparkSession

from common.outcome import Outcome
from common.settings import Settings
from lesson06.places import keyspace_of


def run(spark: SparkSession, settings: Settings) -> Outcome:
    view = {"keyspace": keyspace_of(settings), "table": "orders_by_day_status"}
    rows = spark.read.format("org.apache.spark.sql.cassandra").options(**view).load().limit(1)
    print(
        f"{settings.table('orders_by_day_status')}: to overwrite a table is to empty it first, for all its readers",
        flush=True,
    )
    # Without option("confirm.truncate", True) this is refused.
    rows.write.format("org.apache.spark.sql.cassandra").options(**view).mode("overwrite").save()
    return Outcome()
