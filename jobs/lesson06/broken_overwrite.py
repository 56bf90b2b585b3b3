"""Broken on purpose: `overwrite` where a table is meant to be replaced. The connector asks whether you mean it."""

from __future__ import annotations

from pyspark.sql import SparkSession

from common.outcome import Outcome
from common.settings import Settings
from common.spark import CASSANDRA, read_table, table_sink


def run(spark: SparkSession, settings: Settings) -> Outcome:
    table = settings.table("orders_by_day_status")
    rows = read_table(spark, table).limit(1)
    print(f"{table}: to overwrite a table is to empty it first, for all its readers at once", flush=True)
    rows.write.format(CASSANDRA).mode("overwrite").options(**table_sink(table)).save()  # no confirm.truncate
    return Outcome()
