"""A mistake to look at: one connection, made by the driver, for all executors. It cannot be sent to them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing

from pyspark.sql import Row, SparkSession

from common.outcome import Outcome
from common.settings import Settings
from lesson06b.places import BROKEN, FAMILY, in_hbase
from lesson06b.stores import connect


def run(spark: SparkSession, settings: Settings) -> Outcome:
    with closing(connect(settings.info.hbase)) as connection:
        table = connection.table(in_hbase(BROKEN))

        def put(rows: Iterable[Row]) -> None:
            for row in rows:
                table.put(str(row["id"]).encode(), {f"{FAMILY}:id".encode(): str(row["id"]).encode()})

        spark.range(10).foreachPartition(put)  # the function goes to the executors with all that it uses: with `table`
    return Outcome()
