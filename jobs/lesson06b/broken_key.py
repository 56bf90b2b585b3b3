"""A mistake to look at: a number in a row key as it is printed. Row keys are bytes, and "10" comes before "9"."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from pyspark.sql import SparkSession

from common import layers
from common.outcome import Outcome
from common.settings import Settings
from lesson06b.places import BROKEN, FAMILY, in_hbase, row_key
from lesson06b.stores import connect

STATUS = "delivered"
FIRST, LAST = 9, 12
COLUMN = f"{FAMILY}:orders".encode()


def run(spark: SparkSession, settings: Settings) -> Outcome:
    hours = {hour.hour: count for (_, status, hour), count in layers.speed_view().items() if status == STATUS}
    right = sum(count for hour, count in hours.items() if FIRST <= hour < LAST)
    with closing(connect(settings.info.hbase)) as hbase:
        table = hbase.table(in_hbase(BROKEN))

        def scanned(prefix: str, written: Callable[[int], str]) -> int:
            """The orders that a scan of FIRST to LAST finds, where `written` says how an hour stands in the key."""
            for hour, count in hours.items():
                table.put(row_key(prefix, written(hour)).encode(), {COLUMN: str(count).encode()})
            start, stop = (row_key(prefix, written(hour)).encode() for hour in (FIRST, LAST))
            return sum(int(row[COLUMN]) for _, row in table.scan(row_start=start, row_stop=stop))

        found = {"as printed": scanned("plain", str), "with two digits": scanned("padded", "{:02d}".format)}
    for how, count in found.items():
        print(f"hours {how}, scanned from {FIRST} to {LAST}: {count} of {right} orders", flush=True)
    return Outcome(written={f"hbase {in_hbase(BROKEN)}": 2 * len(hours)}, details={"right": right, **found})
