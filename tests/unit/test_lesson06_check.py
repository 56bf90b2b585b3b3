"""The check of lesson 6 fails in words on an empty cluster, passes on a right one, and names what is off."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest

from common import layers
from common.checks import Assertion
from common.errors import Missing
from common.hdfs import Status
from common.settings import LabInfo, Settings
from lesson06.check import check, columns_in

HOME = "/user/student/lesson06"
INFO = LabInfo(
    "student01", "kafka1:9092", ("cassandra1",), "http://namenode:9870", "hdfs://namenode:8020", "http://rm:8088"
)
TABLES = ("lab.customer_names", "lab.customer_by_order_id", "lab.orders_by_day_status", "lab.orders_by_hour_status")
FILTERS = {
    "key = value": '[["cid" = ?, 0a]]',
    "key IN values": '[["cid" IN (?, ?), (0a, 0b)]]',
    "key > value": "[]",
    "no key": "[]",
    "key cast to a number": "[]",
    "key, then clustering column": '[["day" = ?, 2025-01-01],["status" > ?, d]]',
    "clustering column alone": '[["status" = ?, shipped]]',
}
KEYS = {
    "customer_by_order_id": [("order_id", "partition_key", 0), ("cid", "regular", -1)],
    "orders_by_hour_status": [
        ("orders", "regular", -1), ("hour", "clustering", 1), ("day", "partition_key", 0), ("status", "clustering", 0),
    ],
}  # fmt: skip


class World:
    """HDFS, Kafka, Cassandra and YARN as dictionaries; what is not in them is missing, as on a cluster."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.records: list[tuple[str, str]] = []
        self.tables: dict[str, list[dict[str, Any]]] = {}
        self.applications: dict[str, str] = {}

    def get(self, kind: str, held: dict[str, Any], name: str) -> Any:
        if name not in held:
            raise Missing(f"no such {kind}: {name}")
        return held[name]

    def list(self, folder: str) -> list[Status]:
        names = {path.removeprefix(f"{folder}/").split("/")[0] for path in self.files if path.startswith(f"{folder}/")}
        if not names:
            raise Missing(f"no such file: {folder}")
        return [Status(f"{folder}/{name}", is_dir=False, length=1) for name in sorted(names)]

    def rows(self, cql: str, parameters: tuple = ()) -> list[dict[str, Any]]:
        if parameters:
            keyspace, name = parameters
            self.get("table", self.tables, f"{keyspace}.{name}")
            return [dict(zip(("column_name", "kind", "position"), column, strict=True)) for column in KEYS[name]]
        return self.get("table", self.tables, cql.partition(" FROM ")[2])

    def count(self, topic: str) -> int:
        if not self.records:
            raise Missing(f"no such topic: {topic}")
        return len(self.records)

    def lab(self) -> Any:
        def latest(name: str) -> Any:
            return SimpleNamespace(outcome=self.get("application", self.applications, name))

        def tally(table: str) -> int:
            return len(self.get("table", self.tables, table))

        return SimpleNamespace(
            info=INFO,
            settings=Settings(info=INFO, lesson="lesson06", topics=("l06-orders",), tables=TABLES),
            hdfs=SimpleNamespace(
                list=self.list,
                read_text=lambda path: self.get("file", self.files, path),
                exists=lambda path: path in self.files,
            ),
            kafka=SimpleNamespace(count=self.count),
            cassandra=SimpleNamespace(count=tally, rows=self.rows),
            yarn=SimpleNamespace(latest=latest),
        )


def view(counts: dict[tuple[str, ...], int], *columns: str) -> list[dict[str, Any]]:
    return [dict(zip((*columns, "orders"), (*key, count), strict=True)) for key, count in counts.items()]


@pytest.fixture
def right() -> World:
    world = World()
    world.applications = {"student01-lesson06-batch": "SUCCEEDED", "student01-lesson06-speed": "SUCCEEDED"}
    world.records = layers.records()
    world.files = {f"{HOME}/in/history/day={day}/orders.parquet": "" for day in layers.history()}
    for query in ("l06-orders", "l06-speed"):
        world.files[f"{HOME}/checkpoint/{query}/commits/0"] = "v1"
        world.files[f"{HOME}/checkpoint/{query}/offsets/0"] = 'v1\n{}\n{"l06-orders":{"0":40,"1":45,"2":40}}'
    world.files[f"{HOME}/out/served.json"] = json.dumps(view(layers.recomputed(), "day", "status"))
    world.files[f"{HOME}/out/pushdown.json"] = json.dumps(FILTERS)
    world.tables = {
        "lab.customer_names": [asdict(customer) for customer in layers.customers()],
        "lab.customer_by_order_id": layers.named_orders(),
        "lab.orders_by_day_status": view(layers.batch_view(), "day", "status"),
        "lab.orders_by_hour_status": view(layers.speed_view(), "day", "status", "hour"),
    }
    return world


def failures(world: World) -> dict[str, Any]:
    return {one.name: one.found for one in check(world.lab()) if not one.passed}


def test_everything_passes_on_a_cluster_that_is_as_it_should_be(right: World) -> None:
    assert failures(right) == {}


def test_an_empty_cluster_fails_everywhere_in_plain_words() -> None:
    found = check(World().lab())
    assert all(isinstance(one, Assertion) and not one.passed and one.where for one in found)
    assert all(isinstance(one.found, str) and one.found.startswith("no such ") for one in found)


def test_each_assertion_belongs_to_a_step(right: World) -> None:
    right.files[f"{HOME}/reports/serve.json"] = "{}"
    assert {one.name.split(":")[0] for one in check(right.lab())} == {"batch", "speed", "serve"}


def test_a_lost_row_of_the_batch_view_is_named(right: World) -> None:
    lost = json.dumps(right.tables["lab.orders_by_day_status"].pop(0), sort_keys=True)
    found = failures(right)
    assert found["batch: rows of lab.orders_by_day_status"] == f"36 rows; 1 missing, such as {lost}"
    together = "speed: batch view and speed view together are one batch over all days"
    assert found[together] == f"41 rows; 1 missing, such as {lost}"
    assert "speed: rows of lab.orders_by_hour_status" not in found


def test_an_hour_that_was_added_to_twice_is_found(right: World) -> None:
    row = right.tables["lab.orders_by_hour_status"][0]
    row["orders"] += 3
    found = failures(right)
    assert found["speed: orders in lab.orders_by_hour_status"] == 128
    told = found["speed: rows of lab.orders_by_hour_status"]
    assert "1 missing" in told
    assert told.endswith(f"1 not expected, such as {json.dumps(row, sort_keys=True, default=str)}")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("full_name", "Nobody"),
        ("cid", "0a"),
        ("city", None),
        ("status", "lost"),
        ("purchased_at", datetime(2025, 1, 8, 0, 0, 1)),
    ],
)
def test_each_column_of_an_order_with_a_name_is_compared(right: World, column: str, value: Any) -> None:
    right.tables["lab.customer_by_order_id"][0][column] = value
    assert list(failures(right)) == ["speed: rows of lab.customer_by_order_id"]


def test_a_customer_whose_name_was_changed_is_found(right: World) -> None:
    right.tables["lab.customer_names"][0]["full_name"] = "Somebody"
    assert list(failures(right)) == ["speed: rows of lab.customer_names"]


def test_a_null_count_is_a_wrong_row_and_no_crash(right: World) -> None:
    right.tables["lab.orders_by_hour_status"][0]["orders"] = None
    right.tables["lab.orders_by_hour_status"][1]["hour"] = None
    found = failures(right)
    assert "2 not expected" in found["speed: rows of lab.orders_by_hour_status"]
    assert found["speed: orders in lab.orders_by_hour_status"] < 125


def test_an_answer_that_is_no_json_is_said(right: World) -> None:
    right.files[f"{HOME}/out/served.json"] = "[{"
    assert failures(right)["speed: rows that the serving query gave"].startswith("JSONDecodeError: ")


def test_a_row_that_is_served_twice_is_found(right: World) -> None:
    rows = view(layers.recomputed(), "day", "status")
    right.files[f"{HOME}/out/served.json"] = json.dumps([*rows, rows[0]])
    assert "1 not expected" in failures(right)["speed: rows that the serving query gave"]


def test_the_serving_step_is_looked_at_once_it_has_run(right: World) -> None:
    right.files[f"{HOME}/reports/serve.json"] = json.dumps({"details": {"orders_served": 1000}})
    right.applications["student01-lesson06-serve"] = "SUCCEEDED"
    assert failures(right) == {}
    right.applications["student01-lesson06-serve"] = "FAILED"
    right.files[f"{HOME}/reports/serve.json"] = json.dumps({"details": {"orders_served": 1125}})
    assert failures(right) == {
        "serve: YARN application student01-lesson06-serve": "FAILED",
        "serve: orders that it served": 1125,
    }


def test_the_batch_view_wins_where_both_have_a_day(right: World) -> None:
    stale = right.tables["lab.orders_by_hour_status"][0] | {"day": "2025-01-01", "orders": 99}
    right.tables["lab.orders_by_hour_status"].append(stale)
    assert "speed: batch view and speed view together are one batch over all days" not in failures(right)


def test_a_filter_that_no_longer_goes_to_cassandra_is_found(right: World) -> None:
    right.files[f"{HOME}/out/pushdown.json"] = json.dumps(FILTERS | {"key = value": "[]"})
    assert failures(right) == {"speed: columns that Cassandra filters by, for key = value": []}


def test_records_that_a_checkpoint_does_not_have_are_found(right: World) -> None:
    right.files[f"{HOME}/checkpoint/l06-speed/offsets/0"] = 'v1\n{}\n{"l06-orders":{"0":40}}'
    assert failures(right) == {"speed: records that the checkpoint of l06-speed says are done": 40}


@pytest.mark.parametrize(("text", "columns"), [("[]", []), (FILTERS["key, then clustering column"], ["day", "status"])])
def test_columns_of_a_plans_filters(text: str, columns: list[str]) -> None:
    assert columns_in(text) == columns
