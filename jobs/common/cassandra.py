"""Cassandra from Python: schema, rows and counts, with deadlines. For Spark's side see `spark`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

from cassandra import ConsistencyLevel, InvalidRequest, UnresolvableContactPoints
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable, Session
from cassandra.concurrent import execute_concurrent_with_args
from cassandra.policies import RoundRobinPolicy
from cassandra.query import SimpleStatement, dict_factory

from common import cql
from common.errors import JobError, Missing, Unreachable

PORT = 9042
CONCURRENT = 32

_TABLE = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
_TABLES = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = %s AND table_name = %s"


class Cassandra:
    """A client of one cluster. Every question ends within `timeout` seconds, with an answer or an error."""

    def __init__(self, hosts: Sequence[str], *, replication: int = 1, timeout: float = 20.0) -> None:
        self.hosts = tuple(hosts)
        self.replication = replication
        self.timeout = timeout
        self._refused: Unreachable | None = None

    @cached_property
    def session(self) -> Session:
        if self._refused:  # twenty assertions on a dead node wait once, not twenty times
            raise self._refused
        try:
            return self._cluster.connect()
        except (NoHostAvailable, UnresolvableContactPoints, OSError) as error:
            self._refused = Unreachable(
                "Cassandra gives no answer",
                evidence=[f"asked: {', '.join(self.hosts)}", f"{type(error).__name__}: {error}"],
            )
            raise self._refused from error

    @cached_property
    def _cluster(self) -> Cluster:
        profile = ExecutionProfile(
            load_balancing_policy=RoundRobinPolicy(),
            # With several copies of a row, what was written is what the next question finds, whichever node it meets.
            consistency_level=ConsistencyLevel.LOCAL_QUORUM,
            request_timeout=self.timeout,
            row_factory=dict_factory,
        )
        # One port for all nodes: that is how the protocol works, so the first contact point decides it.
        names, ports = zip(*(host.partition(":")[::2] for host in self.hosts), strict=True)
        return Cluster(
            list(names),
            port=int(ports[0] or PORT),
            execution_profiles={EXEC_PROFILE_DEFAULT: profile},
            connect_timeout=self.timeout,
            control_connection_timeout=self.timeout,
        )

    def close(self) -> None:
        if "_cluster" in self.__dict__:
            self._cluster.shutdown()
            self.__dict__.pop("session", None)
            del self._cluster

    def ring(self) -> set[str]:
        """The addresses of the nodes that have joined, as a new client is told; one that still streams is not there."""
        return {host.address for host in self.session.cluster.metadata.all_hosts()}

    def rows(self, asked: str, parameters: Sequence[object] = (), *, of_all: bool = False) -> list[dict[str, Any]]:
        """The rows of one statement as dictionaries by column. Missing when it names an unknown table.

        Args:
            of_all: every node that has a copy must answer; else the most of them are enough.
        """
        session = self.session
        query = SimpleStatement(asked, consistency_level=ConsistencyLevel.ALL) if of_all else asked
        try:
            return list(session.execute(query, tuple(parameters) or None))
        except InvalidRequest as error:
            raise _invalid(error) from error
        except Exception as error:  # the driver's errors share no base class; the connection itself stands
            raise JobError("Cassandra failed", evidence=[asked, f"{type(error).__name__}: {error}"]) from error

    def count(self, table: str) -> int:
        """How many rows "keyspace.table" has. Reads them all: fine for a lesson, a mistake in production."""
        return self.rows(f"SELECT count(*) FROM {_checked(table)}")[0]["count"]

    def table_exists(self, table: str) -> bool:
        return bool(self.rows(_TABLES, _checked(table).split(".")))

    def drop(self, table: str) -> bool:
        """Drop "keyspace.table" with all its rows. False when it was not there."""
        try:
            there = self.table_exists(table)
        except Missing:
            return False
        if there:
            self.rows(f"DROP TABLE {_checked(table)}")
        return there

    def truncate(self, table: str) -> None:
        self.rows(f"TRUNCATE {_checked(table)}")

    def apply_schema(self, text: str, *, file: str = "schema.cql") -> list[str]:
        """Run a schema's statements in order; one line for each keyspace or table: made, or already there.

        Args:
            file: what an error calls the schema.
        """
        lines = []
        for statement in cql.statements(text, replication=self.replication, file=file):
            made = statement.made()
            there = made is not None and self._there(*made)
            if statement.only_shows:
                lines.append(f"{statement.words[0].upper()} in {file}: left out, it changes nothing")
            elif not there:
                self._run(statement, file)
            if made:
                kind, name = made
                lines.append(f"{kind} {'.'.join(name)}: {'already there' if there else 'made'}")
        return lines

    def _there(self, kind: str, name: Sequence[str]) -> bool:
        if kind == "keyspace":
            return bool(self.rows("SELECT * FROM system_schema.keyspaces WHERE keyspace_name = %s", name))
        keyspace, table = name if len(name) == 2 else (self.session.keyspace or "", *name)
        return bool(self.rows(_TABLES, (keyspace, table)))

    def _run(self, statement: cql.Statement, file: str) -> None:
        session = self.session
        try:
            session.execute(statement.padded)
        except Exception as error:  # as in rows()
            found = re.search(r'message="(.*)"', str(error), re.DOTALL)
            words = found[1] if found else str(error)
            place = re.match(r"line (\d+):", words)
            line = int(place[1]) if place else statement.line
            raise JobError(
                f"{file}, line {line}: Cassandra refuses a statement",
                evidence=[*statement.lines[line - statement.line :][:1], f"{type(error).__name__}: {words}"],
                fix="write IF NOT EXISTS: a schema is run again at each submit" if "already exist" in words else "",
            ) from error

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
        """Write `rows` (values in the order of `columns`), 32 at a time; how many. A row that is there is replaced."""
        marks = ", ".join("?" * len(columns))
        session = self.session
        try:
            prepared = session.prepare(f"INSERT INTO {_checked(table)} ({', '.join(columns)}) VALUES ({marks})")
            done = execute_concurrent_with_args(session, prepared, list(rows), concurrency=CONCURRENT)
        except InvalidRequest as error:
            raise _invalid(error) from error
        except Exception as error:  # as in rows(): raised by the first row that failed
            why = f"{type(error).__name__}: {error}"
            raise JobError(f"Cassandra refuses rows for {table}", evidence=why) from error
        return len(done)


def _checked(table: str) -> str:
    """A table's name cannot be a parameter in CQL, so only names of a known form get into a statement."""
    if not _TABLE.fullmatch(table):
        raise JobError(f"not a table's name: {table!r}", fix="write it as keyspace.table, in small letters")
    return table


def _invalid(error: InvalidRequest) -> JobError:
    text = str(error)
    if found := re.search(r"table (\S+) does not exist|unconfigured table (\S+?)\"?$", text, re.IGNORECASE):
        return Missing(f"no such table: {found[1] or found[2]}")
    if found := re.search(r"keyspace '?(\S+?)'? does not exist", text, re.IGNORECASE):
        return Missing(f"no such keyspace: {found[1]}")
    return JobError("Cassandra refuses a statement", evidence=text)
