"""HBase from Python: tables and rows, with deadlines, through HBase's Thrift gateway on the edge node.

The gateway is HBase's own way for whatever is not Java; happybase is the client that its documentation names. Keys,
columns ("family:qualifier") and values are text here, in UTF-8; HBase itself knows bytes alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property

import happybase
from thriftpy2.thrift import TException

from common.errors import Missing, Unreachable

#: Seconds that an answer may take, where the question has the gateway started.
ANSWER_SECONDS = 60.0

Row = Mapping[str, str]

#: The gateway's own are others: three versions, no Bloom filter, no cache.
SHELL_DEFAULTS = {"max_versions": 1, "bloom_filter_type": "ROW", "block_cache_enabled": True}


class HBase:
    """A client of one gateway, at "host:port". Every question ends within `timeout` seconds, or raises Unreachable."""

    def __init__(self, address: str, *, timeout: float = ANSWER_SECONDS) -> None:
        self.address = address
        self.timeout = timeout

    @cached_property
    def connection(self) -> happybase.Connection:
        host, _, port = self.address.partition(":")
        with self._answering():
            return happybase.Connection(host, int(port), timeout=round(self.timeout * 1000))

    def table_exists(self, table: str) -> bool:
        with self._answering():
            return table.encode() in self.connection.tables()

    def create_table(self, table: str, families: Sequence[str]) -> None:
        """Make a table whose column families are as HBase's shell makes them: one version, without an end."""
        with self._answering():
            self.connection.create_table(table, dict.fromkeys(families, SHELL_DEFAULTS))

    def drop_table(self, table: str) -> bool:
        """Drop a table with all its rows. False when it was not there."""
        there = self.table_exists(table)
        if there:
            with self._answering():
                self.connection.delete_table(table, disable=True)
        return there

    def put(self, table: str, rows: Mapping[str, Row]) -> None:
        """Write rows: key -> column -> value."""
        with self._answering(), self.connection.table(table).batch() as batch:
            for key, row in rows.items():
                batch.put(key.encode(), {column.encode(): value.encode() for column, value in row.items()})

    def rows(self, table: str) -> dict[str, dict[str, str]]:
        """Every row of a table: key -> column -> its newest value, in the order of their keys.

        Raises:
            Missing: there is no such table.
        """
        if not self.table_exists(table):
            raise Missing(f"no such table in HBase: {table}")
        with self._answering():
            return {
                key.decode(): {column.decode(): value.decode() for column, value in row.items()}
                for key, row in self.connection.table(table).scan()
            }

    def close(self) -> None:
        if "connection" in self.__dict__:
            self.__dict__.pop("connection").close()

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except (OSError, TException) as error:
            raise Unreachable(
                "HBase gives no answer",
                evidence=[f"asked: {self.address}", f"{type(error).__name__}: {getattr(error, 'message', error)}"],
                fix="see /tmp/hbase-thrift.log on the edge node, and whether hbase1 is healthy: invoke status",
            ) from error
