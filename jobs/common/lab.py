"""The lab as `prepare` and `check` see it from the edge node: its settings, and its services once they are needed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from common.errors import Missing
from common.hdfs import Hdfs
from common.settings import LabInfo, Settings
from common.yarn import Yarn

if TYPE_CHECKING:
    from common.cassandra import Cassandra
    from common.hbase import HBase
    from common.kafka import Kafka
    from common.metastore import Metastore


class Lab:
    """One student's cluster. Connects to a service when it is first asked for; `close()` ends what was opened.

    A service's client is imported then too: together they take a quarter of a second, and few ask for all.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @property
    def info(self) -> LabInfo:
        return self.settings.info

    @cached_property
    def hdfs(self) -> Hdfs:
        return Hdfs(self.info.webhdfs)

    @cached_property
    def yarn(self) -> Yarn:
        return Yarn(self.info.yarn)

    @cached_property
    def kafka(self) -> Kafka:
        from common.kafka import Kafka

        return Kafka(self.info.kafka, replication=self.info.kafka_replication)

    @cached_property
    def cassandra(self) -> Cassandra:
        from common.cassandra import Cassandra

        return Cassandra(self.info.cassandra, replication=self.info.cassandra_replication)

    @cached_property
    def metastore(self) -> Metastore:
        from common.metastore import Metastore

        return Metastore(self.info.metastore)

    @cached_property
    def hbase(self) -> HBase:
        from common.hbase import HBase

        return HBase(self.info.hbase)

    def close(self) -> None:
        for name in ("kafka", "cassandra", "hbase"):
            if name in self.__dict__:
                self.__dict__.pop(name).close()

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ensure_file(self, path: str, data: bytes | str) -> str:
        """Make `path` on HDFS hold `data`; one line that says what was done."""
        body = data.encode("utf-8") if isinstance(data, str) else data
        try:
            if self.hdfs.status(path).length == len(body) and self.hdfs.read(path) == body:
                return f"file {path}: already there"
        except Missing:
            pass
        self.hdfs.write(path, body)
        return f"file {path}: written, {len(body)} bytes"

    def ensure_records(self, topic: str, records: Sequence[tuple[str | None, str]]) -> str:
        """Make `topic` hold each (key, value) once however often this runs; one line that says what was done."""
        sent = self.kafka.produce_missing(topic, records)
        return f"topic {topic}: {f'{sent} records sent' if sent else f'{len(records)} records already there'}"

    def ensure_rows(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
        """Make `table` hold `rows` as they are; one line that says what was done. Other rows are left alone."""
        wanted = [tuple(row) for row in rows]
        found = self.cassandra.rows(f"SELECT {', '.join(columns)} FROM {table}")
        there = {tuple(row[column] for column in columns) for row in found}
        missing = [row for row in wanted if row not in there]
        if not missing:
            return f"table {table}: {len(wanted)} rows already there"
        return f"table {table}: {self.cassandra.insert(table, columns, missing)} rows written"
