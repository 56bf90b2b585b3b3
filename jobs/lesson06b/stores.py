"""One view in two stores: Spark's connector writes to Cassandra, and a Python client to HBase, from the executors."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from functools import partial

import happybase
from pyspark.sql import DataFrame, Row

from common.settings import Settings
from lesson06b.places import FAMILY, in_hbase, keyspace_of
from lesson06b.transforms import keyed

TIMEOUT_MS = 60_000


def connect(address: str) -> happybase.Connection:
    """A connection to HBase's Thrift gateway, at "host:port"."""
    host, _, port = address.partition(":")
    return happybase.Connection(host, int(port), timeout=TIMEOUT_MS)


def write_both(rows: DataFrame, view: str, settings: Settings) -> int:
    """Write rows to a view's table in Cassandra and to its table in HBase; how many."""
    rows.persist()  # written twice and counted; else the rows would be computed three times
    try:
        (
            rows.write.format("org.apache.spark.sql.cassandra")
            .options(keyspace=keyspace_of(settings), table=view)
            .mode("append")
            .save()
        )
        keyed(rows, view).foreachPartition(partial(put, address=settings.info.hbase, table=in_hbase(view)))
        return rows.count()
    finally:
        rows.unpersist()


def put(rows: Iterable[Row], *, address: str, table: str) -> None:
    """Put a partition's rows. The connection is made here, in the executor: it cannot be sent there."""
    with closing(connect(address)) as connection, connection.table(table).batch(batch_size=500) as batch:
        for row in rows:
            cells = {name: value for name, value in row.asDict().items() if name != "key" and value is not None}
            batch.put(row["key"].encode(), {f"{FAMILY}:{n}".encode(): v.encode() for n, v in cells.items()})
