"""A mistake to look at: event time as a cell's timestamp. A delete hides whatever is older, even if put later."""

from __future__ import annotations

from contextlib import closing

from pyspark.sql import SparkSession

from common import layers
from common.outcome import Outcome
from common.settings import Settings
from lesson06b.places import BROKEN, FAMILY, in_hbase
from lesson06b.stores import connect

COLUMN = f"{FAMILY}:status".encode()


def run(spark: SparkSession, settings: Settings) -> Outcome:
    orders = layers.todays()
    with closing(connect(settings.info.hbase)) as hbase:
        table = hbase.table(in_hbase(BROKEN))

        def put_all() -> int:
            """Put each order at the time of its purchase; how many rows a scan finds then."""
            for order in orders:
                milliseconds = int(layers.time_of(order).timestamp() * 1000)
                table.put(order.order_id.encode(), {COLUMN: order.status.encode()}, timestamp=milliseconds)
            return sum(1 for _ in table.scan())

        first = put_all()
        for order in orders:
            table.delete(order.order_id.encode())  # at the time of the clock
        again = put_all()
    print(f"{len(orders)} rows put: {first} found; deleted, and put again: {again} found", flush=True)
    return Outcome(details={"put": len(orders), "found_first": first, "found_again": again})
