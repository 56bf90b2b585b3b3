"""The check of lesson 6b looks at each view in both stores, and names the store whose rows are off."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from common import layers
from common.checks import Assertion
from common.errors import Missing
from common.settings import LabInfo, Settings
from lesson06b import check, data, reset
from lesson06b.prepare import customers

VIEWS = ("customer_by_order_id", "orders_by_day_status", "orders_by_hour_status")
TABLES = tuple(f"lab06b.{name}" for name in (*VIEWS, "measured"))
INFO = LabInfo("student01", "k", (), "w", "h", "y", hbase="edge:9090")


class World:
    """Both stores as dictionaries, and what else the check asks; what is not in them is missing, as on a cluster."""

    def __init__(self) -> None:
        self.cassandra: dict[str, list[dict[str, Any]]] = {}
        self.hbase: dict[str, dict[str, dict[str, str]]] = {}
        self.files: dict[str, str] = {}

    def fill(self) -> None:
        """What a right run leaves behind, written out by hand and not by the check's own functions."""
        orders = layers.named_orders()
        day = layers.batch_view()
        hour = layers.speed_view()
        self.cassandra = {
            "lab06b.customer_by_order_id": list(orders),
            "lab06b.orders_by_day_status": [{"day": d, "status": s, "orders": n} for (d, s), n in day.items()],
            "lab06b.orders_by_hour_status": [
                {"day": d, "status": s, "hour": h, "orders": n} for (d, s, h), n in hour.items()
            ],
        }
        self.hbase = {
            "l06b_customer_names": customers(),
            "l06b_customer_by_order_id": {
                one["order_id"]: {
                    "c:cid": one["cid"], "c:full_name": one["full_name"], "c:city": one["city"],
                    "c:status": one["status"], "c:purchased_at": f"{one['purchased_at']:%Y-%m-%dT%H:%M:%SZ}",
                }
                for one in orders
            },
            "l06b_orders_by_day_status": {f"{d}#{s}": {"c:orders": str(n)} for (d, s), n in day.items()},
            "l06b_orders_by_hour_status": {
                f"{d}#{s}#{h:%Y-%m-%dT%H}:00:00Z": {"c:orders": str(n)} for (d, s, h), n in hour.items()
            },
        }  # fmt: skip

    def measure(self, rows: int) -> None:
        records = data.measured(rows)
        self.files["/user/student/lesson06b/reports/compare.json"] = json.dumps({"args": {"rows": rows}})
        self.cassandra["lab06b.measured"] = [dict(zip(data.COLUMNS, one, strict=True)) for one in records]
        self.hbase["l06b_measured"] = {f"{d}#{o}": {"c:customer_id": c, "c:status": s} for d, o, c, s in records}

    def rows(self, cql: str) -> list[dict[str, Any]]:
        table = cql.partition(" FROM ")[2]
        if table not in self.cassandra:
            raise Missing(f"no such table: {table}")
        return self.cassandra[table]


class HBase:
    def __init__(self, world: World) -> None:
        self.world = world

    def rows(self, table: str) -> dict[str, dict[str, str]]:
        if table not in self.world.hbase:
            raise Missing(f"no such table in HBase: {table}")
        return self.world.hbase[table]


@pytest.fixture
def world() -> World:
    made = World()
    made.fill()
    return made


def checked(world: World, monkeypatch: pytest.MonkeyPatch) -> list[Assertion]:
    done = SimpleNamespace(records_done=lambda: len(layers.todays()))
    monkeypatch.setattr(check, "Checkpoint", lambda hdfs, place: done)
    lab = SimpleNamespace(
        info=INFO,
        settings=Settings(info=INFO, lesson="lesson06b", topics=("l06b-orders",), tables=TABLES),
        kafka=SimpleNamespace(count=lambda topic: 125),
        cassandra=SimpleNamespace(rows=world.rows),
        hbase=HBase(world),
        hdfs=SimpleNamespace(exists=world.files.__contains__, read_text=world.files.__getitem__),
        yarn=SimpleNamespace(latest=lambda name: SimpleNamespace(outcome="SUCCEEDED")),
    )
    return check.check(lab)


def wrong(world: World, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    return {one.name: one.found for one in checked(world, monkeypatch) if not one.passed}


def test_the_right_rows_pass_in_both(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert wrong(world, monkeypatch) == {}
    assert len(checked(world, monkeypatch)) == 12


def test_the_measured_rows_are_looked_at_once_there_are_any(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.measure(80)
    assert wrong(world, monkeypatch) == {}
    assert len(checked(world, monkeypatch)) == 15


def test_a_row_that_one_store_lacks_is_named_with_the_store(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    del world.hbase["l06b_orders_by_day_status"]["2025-01-03#shipped"]
    world.cassandra["lab06b.customer_by_order_id"][0] |= {"city": "Atlantis"}
    found = wrong(world, monkeypatch)
    assert found["batch: HBase: rows of l06b_orders_by_day_status"].startswith("36 rows; 1 missing, such as ")
    assert "1 not expected" in found["speed: Cassandra: rows of lab06b.customer_by_order_id"]
    assert len(found) == 2


def test_a_cell_too_many_is_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    key = min(world.hbase["l06b_orders_by_hour_status"])
    world.hbase["l06b_orders_by_hour_status"][key] |= {"c:note": "mine"}
    assert list(wrong(world, monkeypatch)) == ["speed: HBase: rows of l06b_orders_by_hour_status"]


def test_an_empty_cluster_fails_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    found = wrong(World(), monkeypatch)
    assert found["batch: HBase: rows of l06b_orders_by_day_status"] == (
        "no such table in HBase: l06b_orders_by_day_status"
    )
    assert found["batch: Cassandra: rows of lab06b.orders_by_day_status"] == (
        "no such table: lab06b.orders_by_day_status"
    )


def test_a_reset_where_hbase_is_gone_leaves_its_tables_out() -> None:
    """The lesson's topics and Cassandra's tables are reset all the same."""
    assert reset.reset(SimpleNamespace(info=replace(INFO, hbase=""))) == []
