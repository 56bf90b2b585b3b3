"""A mistake to look at: a statement put together as text. A name is enough to end it early."""

from __future__ import annotations

from pyspark.sql import SparkSession

from common import layers
from common.cassandra import Cassandra
from common.outcome import Outcome
from common.settings import Settings


def run(spark: SparkSession, settings: Settings) -> Outcome:
    table = settings.table("customer_names")
    cassandra = Cassandra(settings.info.cassandra)
    written, last = 0, ""
    try:
        # Names that are there already, so nothing changes; sorted, so the one with the apostrophe is in the middle.
        for last, cid in sorted((one.full_name, one.cid) for one in layers.customers()):
            cassandra.rows(f"INSERT INTO {table} (cid, full_name) VALUES ('{cid}', '{last}')")
            written += 1
    finally:
        cassandra.close()
        print(f"{written} of {len(layers.customers())} names written; the last statement was for {last}", flush=True)
    return Outcome(written={f"cassandra {table}": written})
