"""The check of lesson 3 fails in words on an empty cluster, passes on a right one, and names what is off."""

from __future__ import annotations

import json
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from common import file_sink
from common.checks import Assertion
from common.errors import Missing
from common.hdfs import Status
from common.orders import MALFORMED_RECORDS
from common.settings import LabInfo, Settings
from lesson03 import data
from lesson03.check import check

HOME = "/user/student/lesson03"
INFO = LabInfo(
    "student01", "kafka1:9092", ("cassandra1",), "http://namenode:9870", "hdfs://namenode:8020", "http://rm:8088"
)
MALFORMED = {key for key, _ in MALFORMED_RECORDS}


class World:
    """HDFS, Kafka and YARN as dictionaries; what is not in them is missing. A parquet file's text is its rows."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.records: list[Any] = []
        self.outcome = ""

    def list(self, folder: str) -> list[Status]:
        names = {path.removeprefix(f"{folder}/").split("/")[0] for path in self.files if path.startswith(f"{folder}/")}
        if not names:
            raise Missing(f"no such file: {folder}")
        return [Status(f"{folder}/{name}", is_dir=False, length=1) for name in sorted(names)]

    def read(self, path: str) -> str:
        if path not in self.files:
            raise Missing(f"no such file: {path}")
        return self.files[path]

    def consume(self, topic: str) -> list[Any]:
        if not self.records:
            raise Missing(f"no such topic: {topic}")
        return self.records

    def latest(self, name: str) -> Any:
        if not self.outcome:
            raise Missing(f"no such application: {name}")
        return SimpleNamespace(outcome=self.outcome)

    def lab(self) -> Any:
        return SimpleNamespace(
            info=INFO,
            settings=Settings(info=INFO, lesson="lesson03", topics=("l03-orders",)),
            hdfs=SimpleNamespace(list=self.list, read_text=self.read, read=self.read),
            kafka=SimpleNamespace(count=lambda topic: len(self.consume(topic)), consume_all=self.consume),
            yarn=SimpleNamespace(latest=self.latest),
        )

    def put_rows(self, folder: str, name: str, rows: list[dict[str, Any]], batch: int) -> None:
        """A parquet file, named by the sink's log of `batch`."""
        self.files[f"{folder}/{name}"] = json.dumps(rows)
        log = f"{folder}/_spark_metadata/{batch}"
        entry = json.dumps({"path": f"hdfs://namenode:8020{folder}/{name}", "action": "add"})
        self.files[log] = f"{self.files.get(log, 'v1')}\n{entry}"

    def put_batch(self, number: int, ends: dict[int, int]) -> None:
        offsets = json.dumps({"l03-orders": ends})
        self.files[f"{HOME}/checkpoint/l03-orders/offsets/{number}"] = f"v1\n{{}}\n{offsets}"
        self.files[f"{HOME}/checkpoint/l03-orders/commits/{number}"] = "v1"


def record(number: int, key: str, value: str) -> Any:
    return SimpleNamespace(partition=0, offset=number, key=key, value=value)


@pytest.fixture(autouse=True)
def rows_in_text(monkeypatch: pytest.MonkeyPatch) -> None:
    def parquet_rows(hdfs: Any, paths: Iterable[str], columns: list[str]) -> list[dict[str, Any]]:
        return [{name: row[name] for name in columns} for path in paths for row in json.loads(hdfs.read(path))]

    monkeypatch.setattr(file_sink, "parquet_rows", parquet_rows)


@pytest.fixture
def right() -> World:
    """One partition, so that the limit is reached to the last record: batches of 300, 300, 300 and 100."""
    world = World()
    world.outcome = "SUCCEEDED"
    world.records = [record(number, key, value) for number, (key, value) in enumerate(data.messages())]
    for number, end in enumerate((300, 600, 900, 1000)):
        world.put_batch(number, {0: end})
    rows: dict[str, list[dict[str, Any]]] = {"order": [], "malformed": []}
    for one in world.records:
        kind = "malformed" if one.key in MALFORMED else "order"
        status = None if kind == "malformed" else json.loads(one.value)["status"]
        rows[kind].append({"partition": 0, "offset": one.offset, "key": one.key, "status": status})
    world.put_rows(f"{HOME}/out/orders", "kind=order/part-0.parquet", rows["order"][:500], batch=0)
    world.put_rows(f"{HOME}/out/orders", "kind=order/part-1.parquet", rows["order"][500:], batch=1)
    world.put_rows(f"{HOME}/out/orders", "kind=malformed/part-2.parquet", rows["malformed"], batch=1)
    world.files[f"{HOME}/reports/read.json"] = json.dumps({"args": {"per_batch": 300}})
    for number, (name, text) in enumerate(data.category_files().items()):
        world.files[f"{HOME}/in/categories/{name}"] = text
        world.files[f"{HOME}/checkpoint/l03-files/commits/{number}"] = "v1"
    kept = [{"category": category} for category in sorted(data.equally_long())]
    world.put_rows(f"{HOME}/out/categories", "part-0.parquet", kept, batch=0)
    return world


def failures(world: World) -> dict[str, Any]:
    return {one.name: one.found for one in check(world.lab()) if not one.passed}


def test_everything_passes_on_a_cluster_that_is_as_it_should_be(right: World) -> None:
    assert failures(right) == {}


def test_an_empty_cluster_fails_everywhere_in_plain_words() -> None:
    found = check(World().lab())
    assert all(isinstance(one, Assertion) and not one.passed and one.where for one in found)
    assert all(str(one.found).startswith("no such ") for one in found), [one.found for one in found]
    assert len(json.loads(json.dumps([one.as_dict() for one in found]))) == 15


def test_the_second_delivery_is_expected_once_it_is_sent(right: World) -> None:
    right.records += [record(1000 + n, key, value) for n, (key, value) in enumerate(data.second_delivery())]
    found = failures(right)
    assert found == {
        "read: records that l03-orders has done": 1000,
        "read: records of each batch of l03-orders": [300, 300, 300, 100],
        "read: records in parquet by kind": {"malformed": 3, "order": 997},
        "read: different places (partition, offset) of those records": 1000,
        "read: orders by status": data.statuses(second=False),
    }
    right.put_batch(4, {0: 1020})
    rows = [
        {"partition": 0, "offset": 1000 + n, "key": key, "status": json.loads(value)["status"]}
        for n, (key, value) in enumerate(data.second_delivery())
    ]
    right.put_rows(f"{HOME}/out/orders", "kind=order/part-3.parquet", rows, batch=4)
    assert failures(right) == {}


def test_a_record_sent_twice_is_found(right: World) -> None:
    right.records.append(record(1000, *data.messages()[0]))
    assert failures(right)["read: records in l03-orders"] == 1001


def test_a_lost_part_file_is_found(right: World) -> None:
    del right.files[f"{HOME}/out/orders/kind=malformed/part-2.parquet"]
    found = failures(right)
    assert found["read: keys of the malformed records"].startswith("no such file: ")


def test_a_file_that_no_log_names_is_not_counted(right: World) -> None:
    """What a killed batch leaves behind."""
    right.files[f"{HOME}/out/orders/kind=order/part-9.parquet"] = json.dumps([{"partition": 0, "offset": 0}])
    assert failures(right) == {}


def test_a_batch_that_was_begun_and_not_committed_is_found(right: World) -> None:
    del right.files[f"{HOME}/checkpoint/l03-orders/commits/3"]
    assert failures(right) == {
        "read: last batch of l03-orders begun and committed": "begun 3, committed 2",
        "read: records that l03-orders has done": 900,
        "read: records of each batch of l03-orders": [300, 300, 300],
    }


def test_a_limit_that_was_not_kept_is_found(right: World) -> None:
    for number in (0, 1, 2):
        del right.files[f"{HOME}/checkpoint/l03-orders/commits/{number}"]
    assert failures(right) == {
        "read: records of each batch of l03-orders": [1000],
        "read: records of its largest batch": 1000,
    }


def test_a_failed_application_is_found(right: World) -> None:
    right.outcome = "KILLED"
    assert failures(right) == {"read: YARN application student01-lesson03-read": "KILLED"}
