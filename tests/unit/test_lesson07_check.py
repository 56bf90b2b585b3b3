"""The check of lesson 7 fails in words on an empty cluster, passes on a right one, and names what is off."""

from __future__ import annotations

import json
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest

from common.checks import Assertion
from common.errors import Missing
from common.hdfs import Status
from common.settings import LabInfo, Settings
from lesson07 import check as lesson
from lesson07 import data
from lesson07.places import EXTERNAL, TABLES

HOME = "/user/student/lesson07"
DAY = f"{HOME}/out/batch/p_date=2025-01-01"
INFO = LabInfo(
    "student01", "kafka1:9092", ("cassandra1",), "http://namenode:9870", "hdfs://namenode:8020", "http://rm:8088"
)
STEPS = ("batch", "finite", "sql", "train")
Rows = list[dict[str, Any]]


class World:
    """HDFS, the metastore and YARN as dictionaries; a parquet file is the list of its rows."""

    def __init__(self) -> None:
        self.files: dict[str, Any] = {}
        self.applications: dict[str, str] = {}
        self.tables: dict[str, str] = {}
        self.saved_scores: dict[str, float] = {}

    def get(self, kind: str, held: dict[str, Any], name: str) -> Any:
        if name not in held:
            raise Missing(f"no such {kind}: {name}")
        return held[name]

    def list(self, folder: str) -> list[Status]:
        names = {path.removeprefix(f"{folder}/").split("/")[0] for path in self.files if path.startswith(f"{folder}/")}
        if not names:
            raise Missing(f"no such file: {folder}")
        return [Status(f"{folder}/{name}", is_dir=False, length=1) for name in sorted(names)]

    def parquet_rows(self, _: Any, paths: list[str]) -> Rows:
        return [row for path in paths for row in self.get("file", self.files, path)]

    def location(self, _: str, table: str) -> str:
        return self.get("table", self.tables, table)

    def names(self, _: str) -> list[str]:
        if not self.tables:
            raise Missing("no such database")
        return sorted(self.tables)

    def table_type(self, database: str, table: str) -> str:
        self.location(database, table)
        return "EXTERNAL_TABLE" if table == EXTERNAL else "MANAGED_TABLE"

    def latest(self, name: str) -> Any:
        return SimpleNamespace(outcome=self.get("application", self.applications, name))

    def lab(self) -> Any:
        return SimpleNamespace(
            info=INFO,
            settings=Settings(info=INFO, lesson="lesson07", args={"date": "2025-01-01"}),
            hdfs=SimpleNamespace(list=self.list, read_text=lambda path: self.get("file", self.files, path)),
            metastore=SimpleNamespace(tables=self.names, location=self.location, table_type=self.table_type),
            yarn=SimpleNamespace(latest=self.latest),
        )


def order_rows() -> Rows:
    """As they are read from parquet: with times, not text."""
    return [{**row, "ordered_at": datetime.fromisoformat(str(row["ordered_at"]))} for row in data.with_total()]


def scored(wines: list[data.Wine]) -> Rows:
    """Nine of ten right, so that the limits are met and the area is neither 0 nor 1."""
    rows = []
    for number, one in enumerate(wines):
        says = one.type if number % 10 else next(label for label in data.LABELS if label != one.type)
        rows.append({"id": one.id, "predicted_type": says, "score": 0.9 if says == "red" else 0.1})
    return rows


@pytest.fixture
def right(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr(lesson, "parquet_rows", world.parquet_rows)
    monkeypatch.setattr(lesson.saved, "scores", lambda *_: world.saved_scores)
    world.applications = {f"student01-lesson07-{step}": "SUCCEEDED" for step in STEPS}
    finite = f"{HOME}/out/finite"
    test = scored([one for one in data.labeled() if data.is_test(one.id)])
    asked = scored(list(data.unlabeled()))
    area = data.area_under_curve({row["id"]: row["score"] for row in test})
    world.saved_scores = {row["id"]: row["score"] for row in (*test, *asked)}
    world.files = {
        f"{DAY}/_SUCCESS": "",
        f"{DAY}/part-0": order_rows(),
        f"{finite}/part-0": order_rows(),
        f"{finite}/_spark_metadata/0": f'v1\n{{"path": "hdfs://namenode:8020{finite}/part-0"}}',
        **{f"{HOME}/checkpoint/l07-finite/commits/{number}": "v1" for number in range(4)},
        f"{HOME}/out/metrics.json": json.dumps({"area_test": area}),
        f"{HOME}/out/scored/part-0": test,
        f"{HOME}/out/unlabeled/part-0": asked,
        **{f"{HOME}/model/wines/stages/{i}_{kind}_a1/metadata": "" for i, kind in enumerate(lesson.STAGES)},
    }
    world.tables = {name: f"hdfs://namenode:8020{HOME}/warehouse/{name}" for name in TABLES}
    rows = {
        name: [dict(zip(data.TABLE_COLUMNS[name], row, strict=True)) for row in found]
        for name, found in data.table_contents().items()
    }
    world.files |= {f"{HOME}/warehouse/{name}/part-0": found for name, found in rows.items()}
    return world


def failures(world: World) -> dict[str, Any]:
    return {one.name: one.found for one in lesson.check(world.lab()) if not one.passed}


def test_everything_passes_on_a_cluster_that_is_as_it_should_be(right: World) -> None:
    assert failures(right) == {}


def test_an_empty_cluster_fails_everywhere_in_plain_words() -> None:
    found = lesson.check(World().lab())
    assert all(isinstance(one, Assertion) and not one.passed and one.where for one in found)
    words = [one.found for one in found]
    assert all(isinstance(text, str) and text.startswith("no such ") for text in words), words
    json.dumps([one.as_dict() for one in found])


def test_a_lost_order_and_a_copy_do_not_hide_each_other(right: World) -> None:
    rows = right.files[f"{HOME}/out/finite/part-0"]
    rows[0] = rows[1]
    name = "finite: orders in the files that its sink has committed, all columns"
    assert failures(right)[name].startswith("1000 rows; 1 missing, such as ")


@pytest.mark.parametrize("column", ["product", "quantity", "price_cents", "ordered_at"])
def test_a_column_that_is_wrong_is_found(right: World, column: str) -> None:
    for row in right.files[f"{DAY}/part-0"]:
        row[column] = None
    assert failures(right)["batch: orders, all columns"].startswith("1000 rows; 1000 missing, such as ")


def test_a_day_that_is_not_complete_is_found(right: World) -> None:
    del right.files[f"{DAY}/_SUCCESS"]
    assert failures(right) == {f"batch: {DAY} is complete": False}


def test_a_table_that_was_dropped_is_named(right: World) -> None:
    del right.tables["user_totals"]
    found = failures(right)
    assert found["sql: the lesson's tables in shop"] == "5; 1 missing: user_totals"
    assert found["sql: rows of user_totals, all columns"] == "no such table: user_totals"
    assert "sql: rows of users, all columns" not in found


def test_a_table_of_the_student_s_own_is_no_error_and_a_view_that_is_a_table_is_one(right: World) -> None:
    right.tables["mine"] = "hdfs://namenode:8020/user/student/mine"
    assert failures(right) == {}
    right.tables["located_sales"] = "hdfs://namenode:8020/user/student/located_sales"
    assert failures(right) == {"sql: the lesson's tables in shop": "7; 1 too many: located_sales"}


@pytest.mark.parametrize(("table", "column"), [("users", "city"), ("user_totals", "cents"), ("sales", "user_id")])
def test_a_column_of_a_table_that_is_wrong_is_found(right: World, table: str, column: str) -> None:
    right.files[f"{HOME}/warehouse/{table}/part-0"][7][column] = -1
    assert list(failures(right)) == [f"sql: rows of {table}, all columns"]


def test_rows_that_were_inserted_twice_are_found(right: World) -> None:
    right.files[f"{HOME}/warehouse/users_unknown/part-1"] = right.files[f"{HOME}/warehouse/users_unknown/part-0"]
    found = failures(right)
    assert found["sql: rows of users_unknown, all columns"].startswith("200 rows; 100 not expected, such as ")
    assert found["sql: users known + users unknown"] == 600


def test_a_model_that_always_says_white_is_found(right: World) -> None:
    for row in right.files[f"{HOME}/out/unlabeled/part-0"]:
        row["predicted_type"] = "white"
    assert list(failures(right)) == [
        "train: scored wines whose predicted_type is not what their score says",
        "train: share of those types that are right",
    ]


def test_scores_that_the_saved_model_does_not_give_are_found(right: World) -> None:
    right.files[f"{HOME}/out/scored/part-0"][0]["score"] -= 0.001
    name = "train: largest difference between a score and what the saved model's coefficients give"
    assert failures(right)[name] == pytest.approx(0.001)


def test_scores_that_are_not_those_that_spark_measured_are_found(right: World) -> None:
    for row in right.files[f"{HOME}/out/scored/part-0"]:
        row["score"] = 0.5
    assert list(failures(right)) == [
        "train: area under the ROC curve, computed from those scores",
        "train: difference between that area and the one that Spark reports",
        "train: largest difference between a score and what the saved model's coefficients give",
        "train: scored wines whose predicted_type is not what their score says",
    ]
