"""The metastore's few bytes of Thrift: what is asked, and what is made of answers that a server of our own gives."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from common.errors import JobError, Missing, Unreachable
from common.metastore import Metastore

STOP = b"\0"


def text(value: str) -> bytes:
    return struct.pack(">i", len(value)) + value.encode()


def field(kind: int, number: int, body: bytes) -> bytes:
    return struct.pack(">bh", kind, number) + body


def reply(*fields: bytes, kind: int = 2) -> bytes:
    return struct.pack(">I", 0x80010000 | kind) + text("method") + struct.pack(">i", 1) + b"".join(fields) + STOP


def texts(*values: str) -> bytes:
    return field(15, 0, struct.pack(">bi", 11, len(values)) + b"".join(map(text, values)))


@contextmanager
def server(*replies: bytes) -> Iterator[tuple[Metastore, list[bytes]]]:
    """A metastore that gives these replies, one a connection, and what it was asked."""
    asked: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for one in replies:
            connection, _ = listener.accept()
            with connection:
                asked.append(connection.recv(4096))
                connection.sendall(one)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with listener:
        yield Metastore(f"127.0.0.1:{listener.getsockname()[1]}", timeout=5), asked
        thread.join(timeout=5)


def test_tables_are_asked_for_by_database() -> None:
    with server(reply(texts("users", "sales"))) as (metastore, asked):
        assert metastore.tables("shop") == ["sales", "users"]
    call = struct.pack(">I", 0x80010001) + text("get_all_tables") + struct.pack(">i", 1)
    assert asked == [call + field(11, 1, text("shop")) + STOP]


def test_a_table_has_a_place_and_a_type() -> None:
    numbers = field(8, 4, struct.pack(">i", 5)) + field(10, 5, struct.pack(">q", 6)) + field(2, 6, b"\1")
    options = field(13, 8, struct.pack(">bbi", 11, 11, 1) + text("key") + text("value"))
    storage = field(12, 7, field(11, 2, text("hdfs://namenode:8020/shop")) + options + STOP)
    table = field(12, 0, field(11, 1, text("sales")) + numbers + storage + field(11, 12, text("MANAGED_TABLE")) + STOP)
    with server(reply(table), reply(table)) as (metastore, _):
        assert metastore.location("shop", "sales") == "hdfs://namenode:8020/shop"
        assert metastore.table_type("shop", "sales") == "MANAGED_TABLE"


def test_dropping_says_whether_there_was_something_to_drop() -> None:
    with server(reply(texts("default"))) as (metastore, asked):
        assert metastore.drop_database("shop") is False
    assert len(asked) == 1
    with server(reply(texts("default", "shop")), reply()) as (metastore, asked):
        assert metastore.drop_database("shop") is True
    assert asked[1].endswith(field(11, 1, text("shop")) + field(2, 2, b"\1") + field(2, 3, b"\1") + STOP)


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (reply(field(12, 2, field(11, 1, text("table not found")) + STOP)), Missing, "table not found"),
        (reply(field(11, 1, text("Invalid method name")), kind=3), JobError, "the metastore failed at get_table"),
        (reply(field(9, 1, b"")), Unreachable, "the metastore gives no answer"),
        (b"", Unreachable, "the metastore gives no answer"),
    ],
)  # fmt: skip
def test_a_refusal_is_put_in_words(answer: bytes, kind: type[JobError], words: str) -> None:
    with server(answer) as (metastore, _), pytest.raises(kind, match=words):
        metastore.location("shop", "nope")


def test_nobody_there_is_no_answer_and_names_the_fix() -> None:
    nobody = Metastore("127.0.0.1:1", timeout=1)
    with pytest.raises(Unreachable, match="the metastore gives no answer") as caught:
        nobody.tables("shop")
    assert caught.value.fix == "look at ~/metastore/log on the edge node"
