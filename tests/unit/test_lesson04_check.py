"""The check of lesson 4 fails in words on an empty cluster, passes on a right one, and names what is off."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from common.checks import Assertion
from common.errors import Missing
from common.hdfs import Status
from common.orders import DELIVERED
from common.settings import LabInfo, Settings
from lesson04 import check as checked
from lesson04 import data

HOME = "/user/student/lesson04"
INFO = LabInfo(
    "student01", "kafka1:9092", ("cassandra1",), "http://namenode:9870", "hdfs://namenode:8020", "http://rm:8088"
)
TOPICS = ("l04-orders", "l04-row", "l04-json")
FILLED_MS = 1_000_000
IDS = [order.order_id for order in data.all_orders()]


class World:
    """HDFS, Kafka and YARN as dictionaries; what is not in them is missing. A parquet file's text is its ids."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.topics: dict[str, list[Any]] = {}
        self.runs: list[Any] = []

    def list(self, folder: str) -> list[Status]:
        names = {path.removeprefix(f"{folder}/").split("/")[0] for path in self.files if path.startswith(f"{folder}/")}
        if not names:
            raise Missing(f"no such file: {folder}")
        return [Status(f"{folder}/{name}", is_dir=False, length=1) for name in sorted(names)]

    def walk(self, folder: str) -> list[Status]:
        self.list(folder)
        return [Status(path, is_dir=False, length=1) for path in sorted(self.files) if path.startswith(f"{folder}/")]

    def read(self, path: str) -> str:
        if path not in self.files:
            raise Missing(f"no such file: {path}")
        return self.files[path]

    def records(self, topic: str) -> list[Any]:
        if topic not in self.topics:
            raise Missing(f"no such topic: {topic}")
        return self.topics[topic]

    def latest(self, name: str) -> Any:
        if not self.runs:
            raise Missing(f"no such application: {name}")
        return self.runs[-1]

    def lab(self) -> Any:
        return SimpleNamespace(
            info=INFO,
            settings=Settings(info=INFO, lesson="lesson04", topics=TOPICS),
            hdfs=SimpleNamespace(
                list=self.list,
                walk=self.walk,
                read=self.read,
                read_text=self.read,
                exists=lambda folder: any(path.startswith(f"{folder}/") for path in self.files),
            ),
            kafka=SimpleNamespace(count=lambda topic: len(self.records(topic)), consume_all=self.records),
            yarn=SimpleNamespace(latest=self.latest, applications=lambda name: self.runs),
        )

    def ran(self, outcome: str, started_ms: int) -> None:
        self.runs.append(SimpleNamespace(outcome=outcome, started_ms=started_ms))

    def put_sink_file(self, folder: str, name: str, body: str, *, batch: int) -> None:
        self.files[f"{folder}/{name}"] = body
        entry = json.dumps({"path": f"hdfs://namenode:8020{folder}/{name}", "action": "add"})
        self.files[f"{folder}/_spark_metadata/{batch}"] = f"v1\n{entry}"

    def put_batches(self, query: str, ends: list[int]) -> None:
        for number, end in enumerate(ends):
            place = f"{HOME}/checkpoint/{query}"
            self.files[f"{place}/offsets/{number}"] = f"v1\n{{}}\n{json.dumps({'l04-orders': {'0': end}})}"
            self.files[f"{place}/commits/{number}"] = "v1"


def record(key: str, value: str) -> Any:
    return SimpleNamespace(key=key, value=value, timestamp_ms=FILLED_MS)


def row_text(order: Any) -> str:
    """As spark.sql("SELECT cast(struct(...) AS string)") has it."""
    times = [order.purchased_at, order.approved_at, order.shipped_at, order.delivered_at, order.estimated_at]
    texts = ["null" if time is None else time.replace("T", " ").replace("Z", "") for time in times]
    return f"{{{order.order_id}, {order.customer_id}, {order.status}, {', '.join(texts)}}}"


@pytest.fixture(autouse=True)
def ids_in_text(monkeypatch: pytest.MonkeyPatch) -> None:
    real = checked.order_ids

    def order_ids(body: str, file_format: str) -> list[str]:
        return json.loads(body) if file_format in ("parquet", "orc") else real(body.encode(), file_format)

    monkeypatch.setattr(checked, "order_ids", order_ids)


@pytest.fixture
def right() -> World:
    world = World()
    world.ran("SUCCEEDED", FILLED_MS + 1)
    world.topics = {
        "l04-orders": [record(key, value) for key, value in data.messages()],
        "l04-row": [record(order.order_id, row_text(order)) for order in data.all_orders()],
        "l04-json": [record(key, value) for key, value in data.messages()],
    }
    for query in ("l04-parquet", "l04-kafka-row", "l04-kafka-json", "l04-foreach"):
        world.put_batches(query, [600, 1000])
    world.files[f"{HOME}/reports/sinks.json"] = json.dumps({"details": {"memory": data.statuses()}})
    world.put_sink_file(f"{HOME}/out/parquet", "part-0.parquet", json.dumps(IDS[:600]), batch=0)
    world.put_sink_file(f"{HOME}/out/parquet", "part-1.parquet", json.dumps(IDS[600:]), batch=1)
    for name, wanted in (("delivered", True), ("other", False)):
        ids = [order.order_id for order in data.all_orders() if (order.status == DELIVERED) == wanted]
        world.files[f"{HOME}/out/foreach/{name}/batch_id=0/part-0.parquet"] = json.dumps(ids)
        world.files[f"{HOME}/out/foreach/{name}/batch_id=0/_SUCCESS"] = ""
    hours = data.delivery_hours()
    part = {"count": 1, "sum": hours["min"], "min": hours["min"], "max": hours["min"]}
    rest = {**hours, "count": hours["count"] - 1, "sum": hours["sum"] - hours["min"]}
    none = {"count": 0, "sum": 0, "min": None, "max": None}
    for number, one in enumerate((part, rest, none)):
        world.files[f"{HOME}/out/foreach/summary/batch_id={number}.json"] = json.dumps(one)
    return world


def failures(world: World) -> dict[str, Any]:
    return {one.name: one.found for one in checked.check(world.lab()) if not one.passed}


def test_everything_passes_on_a_cluster_that_is_as_it_should_be(right: World) -> None:
    assert failures(right) == {}


def test_an_empty_cluster_fails_everywhere_in_plain_words() -> None:
    found = checked.check(World().lab())
    assert all(isinstance(one, Assertion) and not one.passed and one.where for one in found)
    assert all(str(one.found).startswith("no such ") for one in found), [one.found for one in found]
    assert len(json.loads(json.dumps([one.as_dict() for one in found]))) == 18


def test_a_lost_part_file_is_named(right: World) -> None:
    del right.files[f"{HOME}/out/parquet/part-1.parquet"]
    assert failures(right) == {
        "sinks: orders in parquet files, by id": f"no such file: {HOME}/out/parquet/part-1.parquet"
    }


def test_a_batch_that_stands_twice_is_found(right: World) -> None:
    """What a foreachBatch that appends makes of a repeat."""
    place = f"{HOME}/out/foreach/other/batch_id=0"
    right.files[f"{place}/part-1.parquet"] = right.files[f"{place}/part-0.parquet"]
    first = json.loads(right.files[f"{place}/part-0.parquet"])[0]
    assert failures(right) == {
        "sinks: orders that foreachBatch split": {"delivered": 900, "other": 200},
        "sinks: those orders by id": f"1000 orders; 100 more than once: {first}…",
    }


def test_a_copy_in_a_topic_is_found_when_nothing_was_killed(right: World) -> None:
    right.topics["l04-json"].append(right.topics["l04-json"][0])
    assert failures(right) == {"sinks: copies in l04-json, of batches that were cut off and sent again": 1}


def test_a_killed_run_excuses_one_batch_of_copies(right: World) -> None:
    right.runs.insert(0, SimpleNamespace(outcome="KILLED", started_ms=FILLED_MS + 1))
    right.topics["l04-json"] += right.topics["l04-json"][:600]
    assert failures(right) == {}
    right.topics["l04-json"].append(right.topics["l04-json"][0])
    assert failures(right) == {"sinks: copies in l04-json, of batches that were cut off and sent again": 601}


def test_a_run_killed_before_the_reset_excuses_nothing(right: World) -> None:
    right.runs.insert(0, SimpleNamespace(outcome="KILLED", started_ms=FILLED_MS - 1))
    right.topics["l04-row"].append(right.topics["l04-row"][0])
    assert failures(right) == {"sinks: copies in l04-row, of batches that were cut off and sent again": 1}


def test_a_lost_record_is_found(right: World) -> None:
    lost = right.topics["l04-row"].pop().key
    assert failures(right) == {"sinks: keys in l04-row": f"999; 1 missing: {lost}"}


def test_a_record_that_says_something_else_is_found(right: World) -> None:
    first = right.topics["l04-json"][0]
    first.value = first.value.replace('"status": "', '"status": "un')
    assert failures(right) == {"sinks: records of l04-json that are not what was ordered": [first.key]}


def test_a_row_whose_times_are_gone_is_found(right: World) -> None:
    first = next(one for one in right.topics["l04-row"] if not one.value.endswith("null}"))
    first.value = first.value.replace("2025-", "1970-")
    assert failures(right) == {"sinks: records of l04-row that are not what was ordered": [first.key]}


def test_a_summary_that_is_gone_is_found(right: World) -> None:
    del right.files[f"{HOME}/out/foreach/summary/batch_id=0.json"]
    assert failures(right)["sinks: hours of delivery, added up over batches"]["count"] == 899


def test_another_format_is_checked_once_it_was_tried(right: World) -> None:
    lines = "".join(json.dumps({"partition": 0, "order_id": id}) + "\n" for id in IDS[:-1])
    right.put_sink_file(f"{HOME}/out/json", "part-0.json", lines, batch=0)
    right.put_batches("l04-json", [1000])
    assert failures(right) == {"sinks: orders in json files, by id": f"999 orders; 1 missing: {IDS[-1]}…"}


def test_csv_is_read_by_its_header(right: World) -> None:
    text = "partition,offset,order_id\n" + "".join(f"0,{n},{id}\n" for n, id in enumerate(IDS))
    right.put_sink_file(f"{HOME}/out/csv", "part-0.csv", text, batch=0)
    right.put_batches("l04-csv", [1000])
    assert failures(right) == {}
