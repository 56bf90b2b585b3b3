"""The check of lesson 3 fails in words on an empty cluster, passes on a right one, and names what is off."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import accumulate
from types import SimpleNamespace
from typing import Any

import pytest

from common import file_sink
from common.checks import Assertion
from common.errors import Missing
from common.exercise import as_spark_writes
from common.hdfs import Status
from common.orders import COLUMNS, MALFORMED_RECORDS
from common.settings import LabInfo, Settings
from lesson03 import check as checked
from lesson03 import data
from lesson03.check import TIMES, check

HOME = "/user/student/lesson03"
INFO = LabInfo(
    "student01", "kafka1:9092", ("cassandra1",), "http://namenode:9870", "hdfs://namenode:8020", "http://rm:8088"
)
MALFORMED = {key for key, _ in MALFORMED_RECORDS}
ARRIVED_MS = 1_740_787_200_500  # 2025-03-01T00:00:00.500Z


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
            hdfs=SimpleNamespace(
                list=self.list, read_text=self.read, read=lambda path: self.read(path).encode("utf-8")
            ),
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

    def put_report(self, per_batch: int, rows: list[int]) -> None:
        query = {"name": "l03-orders", "rows": rows}
        report = {"args": {"per_batch": per_batch}, "queries": [query, {"name": "l03-files", "rows": []}]}
        self.files[f"{HOME}/reports/read.json"] = json.dumps(report)

    def put_batches(self, plans: list[int]) -> None:
        """Batches of one partition, by their sizes, and no others."""
        for path in [path for path in self.files if "/checkpoint/l03-orders/" in path]:
            del self.files[path]
        for number, end in enumerate(accumulate(plans)):
            self.put_batch(number, {0: end})


def record(number: int, key: str, value: str, partition: int = 0) -> Any:
    return SimpleNamespace(partition=partition, offset=number, timestamp_ms=ARRIVED_MS, key=key, value=value)


def row_of(one: Any) -> dict[str, Any]:
    """A record as the lesson's parquet has it; times as pyarrow gives them are in a test of their own."""
    source = {"topic": "l03-orders", "partition": one.partition, "offset": one.offset}
    source |= {"timestamp": "2025-03-01T00:00:00.500Z", "key": one.key, "value": one.value}
    if one.key in MALFORMED:
        return {**source, **dict.fromkeys(COLUMNS)}
    return {**source, **as_spark_writes(json.loads(one.value), TIMES)}


@pytest.fixture(autouse=True)
def rows_in_text(monkeypatch: pytest.MonkeyPatch) -> None:
    def parquet_rows(hdfs: Any, paths: Iterable[str]) -> list[dict[str, Any]]:
        return [row for path in paths for row in json.loads(hdfs.read(path))]

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
        rows["malformed" if one.key in MALFORMED else "order"].append(row_of(one))
    world.put_rows(f"{HOME}/out/orders", "kind=order/part-0.parquet", rows["order"][:500], batch=0)
    world.put_rows(f"{HOME}/out/orders", "kind=order/part-1.parquet", rows["order"][500:], batch=1)
    world.put_rows(f"{HOME}/out/orders", "kind=malformed/part-2.parquet", rows["malformed"], batch=1)
    world.put_report(300, [300, 300, 300, 100])
    for number, (name, text) in enumerate(data.category_files().items()):
        world.files[f"{HOME}/in/categories/{name}"] = text
        world.files[f"{HOME}/checkpoint/l03-files/commits/{number}"] = "v1"
    kept = [row for text in data.category_files().values() for row in checked.kept(text)]
    assert {row["category"] for row in kept} == data.equally_long()
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
    assert len(json.loads(json.dumps([one.as_dict() for one in found]))) == 14


def test_the_second_delivery_is_expected_once_it_is_sent(right: World) -> None:
    right.records += [record(1000 + n, key, value) for n, (key, value) in enumerate(data.second_delivery())]
    found = failures(right)
    assert found == {
        "read: records that l03-orders has done": 1000,
        "read: orders, all columns, each once": first(found, "read: orders, all columns, each once"),
        "read: records in parquet by kind": {"malformed": 3, "order": 997},
        "read: orders by status": data.statuses(second=False),
    }
    right.put_batch(4, {0: 1020})
    rows = [row_of(one) for one in right.records[1000:]]
    right.put_rows(f"{HOME}/out/orders", "kind=order/part-3.parquet", rows, batch=4)
    right.put_report(300, [20])
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
    }


def test_a_limit_that_was_not_kept_is_found(right: World) -> None:
    right.put_batches([1000])
    right.put_report(300, [1000])
    assert failures(right) == {"read: records of each batch of l03-orders": [1000]}
    right.put_report(1000, [1000])
    assert failures(right) == {}


def test_a_run_that_found_nothing_new_says_nothing_of_the_batches_before_it(right: World) -> None:
    """Run again with another limit, as a student does who wants to see what it changes."""
    right.put_report(100, [])
    assert failures(right) == {}


def test_batches_of_several_runs_have_the_limits_of_their_runs(right: World) -> None:
    """The first run was killed after two batches and has left no report; the second was given another limit."""
    right.put_batches([300, 300, *[50] * 8])
    right.put_report(50, [50] * 8)
    assert failures(right) == {}
    right.put_report(60, [50] * 8)
    assert failures(right) == {"read: records of each batch of l03-orders": [300, 300, *[50] * 8]}


def test_a_limit_of_which_spark_has_forgotten_the_first_batches_is_right(right: World) -> None:
    """It keeps the last hundred; ten records a batch are a hundred batches, and nine are 112."""
    right.put_batches([9] * 111 + [1])
    for number in range(12):
        for folder in ("offsets", "commits"):
            del right.files[f"{HOME}/checkpoint/l03-orders/{folder}/{number}"]
    right.put_report(9, [9] * 111 + [1])
    assert failures(right) == {}
    right.put_report(8, [9] * 111 + [1])
    assert list(failures(right)) == ["read: records of each batch of l03-orders"]


def test_a_limit_below_the_number_of_partitions_is_a_record_of_each(right: World) -> None:
    """Spark rounds a share below one up."""
    right.records = [
        record(number // 3, key, value, partition=number % 3) for number, (key, value) in enumerate(data.messages())
    ]
    ends = [{part: min(number, 334 - (part > 0)) for part in range(3)} for number in range(1, 335)]
    right.put_batches([])
    for number, end in enumerate(ends):
        right.put_batch(number, end)
    right.put_report(1, [3] * 333 + [1])
    assert "read: records of each batch of l03-orders" not in failures(right)


def test_a_second_delivery_that_is_read_with_the_first_is_right(right: World) -> None:
    right.records += [record(1000 + n, key, value) for n, (key, value) in enumerate(data.second_delivery())]
    right.put_batches([300, 300, 300, 120])
    right.put_report(300, [300, 300, 300, 120])
    assert "read: records of each batch of l03-orders" not in failures(right)


@pytest.mark.parametrize("report", ["{}", "no json", "[]", '{"args": {"per_batch": "many"}, "queries": []}'])
def test_a_report_that_cannot_be_read_ends_nothing(right: World, report: str) -> None:
    right.files[f"{HOME}/reports/read.json"] = report
    assert failures(right) == {}


@pytest.mark.parametrize("column", ["topic", "timestamp", "value", "customer_id", "purchased_at", "estimated_at"])
def test_a_column_that_is_wrong_in_one_row_is_found(right: World, column: str) -> None:
    place = f"{HOME}/out/orders/kind=order/part-1.parquet"
    rows = json.loads(right.files[place])
    rows[7][column] = None
    right.files[place] = json.dumps(rows)
    found = failures(right)
    assert list(found) == ["read: orders, all columns, each once"]
    assert "1 missing" in found["read: orders, all columns, each once"]


def test_the_text_of_a_malformed_record_is_looked_at(right: World) -> None:
    place = f"{HOME}/out/orders/kind=malformed/part-2.parquet"
    rows = json.loads(right.files[place])
    rows[0]["value"] = None
    right.files[place] = json.dumps(rows)
    assert list(failures(right)) == ["read: malformed records, place and text, each once"]


def test_times_are_those_of_parquet_whether_they_name_a_zone_or_not() -> None:
    for zone in (None, UTC):
        assert checked.in_words({"at": datetime(2025, 1, 1, 12, tzinfo=zone), "n": 1}) == {
            "at": "2025-01-01T12:00:00.000Z", "n": 1,
        }  # fmt: skip


def test_a_student_s_own_file_is_expected_in_the_output(right: World) -> None:
    """A line without a second column, an empty one and a byte that is no text included."""
    right.files[f"{HOME}/in/categories/mine.csv"] = "category,description\nsame,size\nalone\n,\nlong,longer\n"
    assert failures(right) == {
        "read: batches of l03-files, one file each": 4,
        "read: categories as long as their description, all columns": first(failures(right), "read: categories"),
    }
    right.files[f"{HOME}/checkpoint/l03-files/commits/4"] = "v1"
    row = {"category": "same", "description": "size", "category_length": 4, "description_length": 4}
    right.put_rows(f"{HOME}/out/categories", "part-1.parquet", [row], batch=4)
    assert failures(right) == {}


def test_a_changed_file_of_categories_is_found(right: World) -> None:
    right.files[f"{HOME}/in/categories/categories-2.csv"] += "same,size\n"
    assert failures(right) == {"read: the lesson's files of categories, as generated": "3; 1 missing: categories-2.csv"}


def first(found: dict[str, Any], name: str) -> Any:
    """What was found by the assertion whose name begins so."""
    return next(value for key, value in found.items() if key.startswith(name))


def test_a_failed_application_is_found(right: World) -> None:
    right.outcome = "KILLED"
    assert failures(right) == {"read: YARN application student01-lesson03-read": "KILLED"}
