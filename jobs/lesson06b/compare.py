"""Measure both stores: the same rows, asked by one Python program, one question after another."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from random import Random
from statistics import median
from typing import Any

import happybase
from cassandra.cluster import Cluster, Session
from cassandra.concurrent import execute_concurrent_with_args
from pyspark.sql import SparkSession

from common.errors import JobError, WrongRequest
from common.outcome import Outcome
from common.settings import Settings
from lesson06b import data
from lesson06b.places import FAMILY, MEASURED, SEPARATOR, in_hbase, row_key
from lesson06b.stores import connect

Record = tuple[str, ...]  # in the order of data.COLUMNS

SEED = 6
#: How often what takes many rows is measured.
ROUNDS = 5
#: Rows that HBase's client sends in one call, and statements that Cassandra's has under way at once.
BATCH, CONCURRENT = 500, 32


class InCassandra:
    """What is asked, by Cassandra's driver."""

    def __init__(self, session: Session, table: str) -> None:
        self.session = session
        columns = ", ".join(data.COLUMNS)
        self.insert = session.prepare(f"INSERT INTO {table} ({columns}) VALUES (?, ?, ?, ?)")
        self.one = session.prepare(f"SELECT {columns} FROM {table} WHERE day = ? AND order_id = ?")
        self.of_day = session.prepare(f"SELECT {columns} FROM {table} WHERE day = ?")
        self.all = f"SELECT {columns} FROM {table}"

    def write(self, record: Record) -> None:
        self.session.execute(self.insert, record)

    def write_all(self, records: Sequence[Record]) -> None:
        execute_concurrent_with_args(self.session, self.insert, records, concurrency=CONCURRENT)

    def read(self, record: Record) -> list[Record]:
        return [tuple(row) for row in self.session.execute(self.one, record[:2])]

    def read_day(self, day: str) -> list[Record]:
        return [tuple(row) for row in self.session.execute(self.of_day, (day,))]

    def read_all(self) -> list[Record]:
        return [tuple(row) for row in self.session.execute(self.all)]


class InHBase:
    """The same, by happybase through HBase's Thrift gateway."""

    cells = tuple(f"{FAMILY}:{name}".encode() for name in data.COLUMNS[2:])

    def __init__(self, table: happybase.Table) -> None:
        self.table = table

    def write(self, record: Record) -> None:
        self._put(self.table, record)

    def write_all(self, records: Sequence[Record]) -> None:
        with self.table.batch(batch_size=BATCH) as batch:
            for record in records:
                self._put(batch, record)

    def read(self, record: Record) -> list[Record]:
        key = row_key(*record[:2]).encode()
        return self._records([(key, self.table.row(key))])

    def read_day(self, day: str) -> list[Record]:
        return self._records(self.table.scan(row_prefix=row_key(day, "").encode()))

    def read_all(self) -> list[Record]:
        return self._records(self.table.scan())

    def _put(self, to: Any, record: Record) -> None:
        values = (value.encode() for value in record[2:])
        to.put(row_key(*record[:2]).encode(), dict(zip(self.cells, values, strict=True)))

    def _records(self, rows: Iterable[tuple[bytes, dict[bytes, bytes]]]) -> list[Record]:
        return [(*key.decode().split(SEPARATOR), *(row[cell].decode() for cell in self.cells)) for key, row in rows]


def run(spark: SparkSession, settings: Settings) -> Outcome:
    rows, single = int(settings.args["rows"]), int(settings.args["single"])
    if not 0 < single <= rows:
        raise WrongRequest(f"single={single} of rows={rows} cannot be measured", fix=f"--set single={min(100, rows)}")
    records = data.measured(rows)
    with Cluster(settings.info.cassandra) as cluster, closing(connect(settings.info.hbase)) as hbase:
        stores: dict[str, InCassandra | InHBase] = {
            "Cassandra": InCassandra(cluster.connect(), settings.table(MEASURED)),
            "HBase": InHBase(hbase.table(in_hbase(MEASURED))),
        }
        found = {name: measured(store, records, single) for name, store in stores.items()}
        for name, store in stores.items():
            if sorted(store.read_all()) != sorted(records):
                raise JobError(f"{name} does not have the {rows} rows that were written", fix=settings.start_over)
    print(table(found, title=f"{rows} rows, medians in ms"), flush=True)
    return Outcome(written={f"cassandra and hbase {MEASURED}": rows}, details={"milliseconds": found})


def measured(store: InCassandra | InHBase, records: Sequence[Record], single: int) -> dict[str, float]:
    """Milliseconds by question, the median of each."""
    some, days = Random(SEED).sample(records, single), sorted({day for day, *_ in records})
    return {
        "write all rows, in batches": median_ms(store.write_all, [records] * ROUNDS),
        "write one row": median_ms(store.write, some),
        "read one row by its key": median_ms(store.read, some),
        f"read one day, {len(records) // len(days)} rows": median_ms(store.read_day, days * ROUNDS),
        "read all rows": median_ms(lambda _: store.read_all(), range(ROUNDS)),
    }


def median_ms(ask: Callable[[Any], object], questions: Iterable[Any]) -> float:
    """How long one takes, by the clock of who asks. The first ones, which warm up, do not move a median."""
    took = []
    for question in questions:
        began = time.perf_counter()
        ask(question)
        took.append(time.perf_counter() - began)
    return round(1000 * median(took), 2)


def table(found: Mapping[str, Mapping[str, float]], *, title: str) -> str:
    """Stores as columns, questions as lines."""
    questions = next(iter(found.values()))
    width = max(map(len, [title, *questions]))
    lines = ["".join([f"{title:{width}}", *(f"{name:>12}" for name in found)])]
    for question in questions:
        lines.append("".join([f"{question:{width}}", *(f"{times[question]:12.2f}" for times in found.values())]))
    return "\n".join(lines)
