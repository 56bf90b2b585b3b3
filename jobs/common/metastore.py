"""The Hive metastore: where SQL tables are remembered, so that they outlive the session that made them.

It runs in the edge node as the student, from the jars that Spark brings, with its data in the student's own folder
(a volume): cluster-mode jobs on any NodeManager and `spark-sql` on the edge reach the same one. An embedded Derby would
not do: it is a folder of one machine that one process at a time may open. The first connection starts it, since 185 MB
are much for students who do without (the role edge, on-demand.sh).
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from common.errors import JobError, Missing, Unreachable

#: Seconds that an answer may take, where the question has it started.
ANSWER_SECONDS = 90.0
DATA = Path.home() / "metastore" / "db"


class Metastore:
    """A client of one metastore: Thrift's binary protocol, of which a question needs a few bytes.

    Spark's own client would be a JVM of seven seconds and would ask through the very code that made the tables.
    """

    def __init__(self, address: str, *, timeout: float = ANSWER_SECONDS) -> None:
        self.address = address
        self.timeout = timeout

    def tables(self, database: str) -> list[str]:
        """The names of a database's tables, sorted; none when there is no such database."""
        return sorted(self._ask("get_all_tables", database))

    def location(self, database: str, table: str) -> str:
        """Where on HDFS the files of a table are."""
        return self._ask("get_table", database, table)[7][2]

    def table_type(self, database: str, table: str) -> str:
        """MANAGED_TABLE, whose files go when it is dropped, or EXTERNAL_TABLE, whose files stay."""
        return self._ask("get_table", database, table)[12]

    def drop_database(self, database: str) -> bool:
        """Forget a database and its tables, and delete the files of its managed ones. False when it was not there."""
        if database not in self._ask("get_all_databases"):
            return False
        self._ask("drop_database", database, True, True)
        return True

    def was_started(self) -> bool:
        """Whether this node holds a metastore's data, running or not."""
        return DATA.exists()

    def _ask(self, method: str, *arguments: str | bool) -> Any:
        host, _, port = self.address.partition(":")
        try:
            with socket.create_connection((host, int(port)), self.timeout) as connection:
                connection.sendall(_call(method, arguments))
                with connection.makefile("rb") as answer:
                    return _result(method, _answer(answer))
        except (OSError, ValueError, struct.error) as error:
            raise Unreachable(
                "the metastore gives no answer",
                evidence=[f"asked: {self.address}", f"{type(error).__name__}: {error}"],
                fix="look at ~/metastore/log on the edge node",
            ) from error


# Thrift's binary protocol, strict. Nothing is encrypted: the stack's network is the student's own.
_CALL, _EXCEPTION, _VERSION = 1, 3, 0x80010000
_BOOL, _STRING, _STRUCT, _MAP, _SET, _LIST = 2, 11, 12, 13, 14, 15
_NUMBERS = {_BOOL: "?", 3: "b", 4: "d", 6: "h", 8: "i", 10: "q"}


def _call(method: str, arguments: tuple[str | bool, ...]) -> bytes:
    fields = (_field(number, value) for number, value in enumerate(arguments, start=1))
    return struct.pack(">I", _VERSION | _CALL) + _text(method) + struct.pack(">i", 1) + b"".join(fields) + b"\0"


def _field(number: int, value: str | bool) -> bytes:
    if isinstance(value, bool):
        return struct.pack(">bh?", _BOOL, number, value)
    return struct.pack(">bh", _STRING, number) + _text(value)


def _text(value: str) -> bytes:
    raw = value.encode("utf-8")
    return struct.pack(">i", len(raw)) + raw


def _answer(stream: BinaryIO) -> tuple[int, dict[int, Any]]:
    """The kind of a reply (2, or 3 for a failure of the server), and its fields by number."""

    def number(code: str) -> Any:
        size = struct.calcsize(f">{code}")
        return struct.unpack(f">{code}", stream.read(size))[0]

    kind = number("I") & 0xFF
    stream.read(number("i"))  # the method's name
    number("i")  # the call's number
    return kind, _value(_STRUCT, number, stream)


def _value(kind: int, number: Callable[[str], Any], stream: BinaryIO) -> Any:
    if kind in _NUMBERS:
        return number(_NUMBERS[kind])
    if kind == _STRING:
        return stream.read(number("i")).decode("utf-8", "replace")
    if kind == _STRUCT:
        fields = {}
        while field_kind := number("b"):
            place = number("h")
            fields[place] = _value(field_kind, number, stream)
        return fields
    if kind == _MAP:
        key, value, size = number("b"), number("b"), number("i")
        return {_value(key, number, stream): _value(value, number, stream) for _ in range(size)}
    if kind in (_SET, _LIST):
        item, size = number("b"), number("i")
        return [_value(item, number, stream) for _ in range(size)]
    raise ValueError(f"the answer holds an unknown type {kind}")


def _result(method: str, answer: tuple[int, dict[int, Any]]) -> Any:
    """Field 0 is the result; another one is an exception that the method declares, with its message in field 1."""
    kind, fields = answer
    if kind == _EXCEPTION:
        raise JobError(f"the metastore failed at {method}", evidence=str(fields.get(1, "without a message")))
    declared = [value for place, value in fields.items() if place]
    if declared:
        raise Missing(declared[0].get(1) or f"the metastore refuses {method}")
    return fields.get(0)
