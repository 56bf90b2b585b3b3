"""`ensure_*`: what is there is left alone, what is missing is made, and one line says which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from common.errors import JobError, Missing
from common.hdfs import Status
from common.kafka import Kafka
from common.lab import Lab
from common.records import Record
from common.settings import Settings


class MemoryHdfs:
    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def status(self, path: str) -> Status:
        if path not in self.files:
            raise Missing(f"no such file: {path}")
        return Status(path, is_dir=False, length=len(self.files[path]))

    def read(self, path: str) -> bytes:
        return self.files[path]

    def write(self, path: str, data: bytes) -> None:
        self.files[path] = data


class MemoryCassandra:
    def __init__(self) -> None:
        self.stored: dict[object, tuple] = {}

    def rows(self, cql: str) -> list[dict[str, Any]]:
        assert cql == "SELECT id, age FROM lab.people"
        return [dict(zip(("id", "age"), row, strict=True)) for row in self.stored.values()]

    def insert(self, table: str, columns: Sequence[str], rows: list[tuple]) -> int:
        self.stored.update({row[0]: row for row in rows})
        return len(rows)


class MemoryKafka(Kafka):
    """Kafka with its two ends replaced: what is between them is what is tested."""

    def __init__(self) -> None:
        super().__init__("nowhere:1")
        self.stored: list[tuple[str | None, str]] = []

    def produce(self, topic: str, records: Sequence[tuple[str | None, str]], *, partition: int | None = None) -> int:
        self.stored.extend(records)
        return len(records)

    def consume_all(self, topic: str) -> list[Record]:
        return [Record(0, offset, 0, key, value) for offset, (key, value) in enumerate(self.stored)]


@pytest.fixture
def lab(settings: Settings) -> Lab:
    made = Lab(settings)
    made.__dict__.update(hdfs=MemoryHdfs(), cassandra=MemoryCassandra(), kafka=MemoryKafka())
    return made


def test_a_file_is_written_once(lab: Lab) -> None:
    assert lab.ensure_file("/in/a", "text") == "file /in/a: written, 4 bytes"
    assert lab.ensure_file("/in/a", "text") == "file /in/a: already there"
    assert lab.ensure_file("/in/a", "TEXT") == "file /in/a: written, 4 bytes"


def test_rows_are_written_where_they_differ(lab: Lab) -> None:
    rows = [("p1", 30), ("p2", 40)]
    assert lab.ensure_rows("lab.people", ("id", "age"), rows) == "table lab.people: 2 rows written"
    assert lab.ensure_rows("lab.people", ("id", "age"), rows) == "table lab.people: 2 rows already there"
    lab.cassandra.stored["p2"] = ("p2", 41)
    assert lab.ensure_rows("lab.people", ("id", "age"), rows) == "table lab.people: 1 rows written"


def test_records_are_sent_once(lab: Lab) -> None:
    records = [("a", "1"), ("b", "2"), (None, "3")]
    assert lab.ensure_records("t", records) == "topic t: 3 records sent"
    assert lab.ensure_records("t", records) == "topic t: 3 records already there"


def test_a_run_that_was_cut_off_is_completed(lab: Lab) -> None:
    lab.kafka.stored = [("a", "1")]
    assert lab.ensure_records("t", [("a", "1"), ("b", "2")]) == "topic t: 1 records sent"
    assert lab.kafka.stored == [("a", "1"), ("b", "2")]


def test_records_that_are_meant_to_be_there_twice_are(lab: Lab) -> None:
    twice = [("a", "1"), ("a", "1")]
    lab.kafka.stored = [("a", "1"), ("z", "a student's own")]
    assert lab.ensure_records("t", twice) == "topic t: 1 records sent"
    assert lab.ensure_records("t", twice) == "topic t: 2 records already there"


def test_a_table_name_from_outside_does_not_get_into_a_statement(settings: Settings) -> None:
    with pytest.raises(JobError, match="not a table's name"):
        Lab(settings).cassandra.count("lab.people; DROP KEYSPACE lab")
