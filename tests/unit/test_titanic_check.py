"""The check of the titanic lesson fails in words on an empty cluster, passes on a right one, and names what is off."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from common.checks import Assertion
from common.errors import Missing
from common.hdfs import Status
from common.settings import LabInfo, Settings
from titanic import check as lesson
from titanic import data

HOME = "/user/student/titanic"
SINK = f"{HOME}/out/enriched"
INFO = LabInfo(
    "student01", "kafka1:9092", ("cassandra1",), "http://namenode:9870", "hdfs://namenode:8020", "http://rm:8088"
)
TOPICS = ("titanic-messages", "titanic-processed", "titanic-raw", "titanic-enriched", "titanic-broken")


class World:
    """HDFS, Kafka and YARN as dictionaries; a parquet file is the list of its rows."""

    def __init__(self) -> None:
        self.files: dict[str, Any] = {}
        self.topics: dict[str, list[tuple[str, str]]] = {}
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

    def read(self, path: str) -> Any:
        return self.get("file", self.files, path)

    def parquet_rows(self, _: Any, paths: list[str]) -> list[dict[str, Any]]:
        return [row for path in paths for row in self.read(path)]

    def consume(self, topic: str) -> list[Any]:
        return [SimpleNamespace(key=key, value=value) for key, value in self.get("topic", self.topics, topic)]

    def latest(self, name: str) -> Any:
        return SimpleNamespace(outcome=self.get("application", self.applications, name))

    def lab(self) -> Any:
        return SimpleNamespace(
            info=INFO,
            settings=Settings(info=INFO, lesson="titanic", topics=TOPICS),
            hdfs=SimpleNamespace(list=self.list, read=self.read, read_text=self.read),
            kafka=SimpleNamespace(count=lambda topic: len(self.consume(topic)), consume_all=self.consume),
            yarn=SimpleNamespace(latest=self.latest),
        )


@pytest.fixture
def right(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr(lesson, "parquet_rows", world.parquet_rows)
    world.applications = {f"student01-titanic-{step}": "SUCCEEDED" for step in ("enrich", "chart")}
    people = [
        {
            "PassengerId": one.PassengerId,
            "ClassName": data.CLASS_NAMES[one.Pclass],
            "AgeBand": data.age_band(one.Age),
        }
        for one in data.passengers()
    ]
    world.topics = {
        "titanic-messages": [("1", message) for message in data.MESSAGES],
        "titanic-processed": [("1", message) for message in data.processed()],
        "titanic-raw": [(str(one["PassengerId"]), "{}") for one in people],
        "titanic-enriched": [(str(one["PassengerId"]), json.dumps(one)) for one in people],
    }
    world.files = {
        f"{SINK}/part-0": people,
        f"{SINK}/_spark_metadata/0": f'v1\n{{"path": "hdfs://namenode:8020{SINK}/part-0"}}',
        f"{HOME}/out/windows.json": json.dumps(data.windows()),
        f"{HOME}/out/age_bands.json": json.dumps(data.bands()),
        f"{HOME}/out/age_bands.png": b"\x89PNG\r\n\x1a\n" + bytes(30_000),
    }
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


def test_topics_without_records_fail_too(right: World) -> None:
    right.topics["titanic-enriched"] = []
    found = failures(right)
    assert found["enrich: passengers without a class name in titanic-enriched"] == "LookupError: no records"
    assert found["enrich: records in titanic-enriched"] == 0


def test_passengers_loaded_twice_are_found(right: World) -> None:
    right.topics["titanic-raw"] *= 2
    assert failures(right) == {"enrich: records in titanic-raw": 1782}


def test_a_batch_that_was_sent_twice_is_allowed_in_the_topic_but_not_in_the_files(right: World) -> None:
    right.topics["titanic-enriched"] += right.topics["titanic-enriched"][:40]
    assert failures(right) == {}
    right.files[f"{SINK}/part-0"] += right.files[f"{SINK}/part-0"][:1]
    assert failures(right)["enrich: rows in the files that the sink has committed"] == 892


def test_unknown_ages_counted_as_children_are_found(right: World) -> None:
    for row in right.files[f"{SINK}/part-0"]:
        row["AgeBand"] = row["AgeBand"].replace("unknown", "minor")
    assert failures(right) == {"enrich: rows by age band": {"adult": 601, "minor": 290}}


def test_a_window_that_lost_a_passenger_is_named(right: World) -> None:
    windows = data.windows() | {"2025-01-01 00:05:00": 11}
    right.files[f"{HOME}/out/windows.json"] = json.dumps(windows)
    assert failures(right) == {"chart: windows whose count is off": {"2025-01-01 00:05:00": [11, 12]}}


def test_a_picture_that_is_none_is_found(right: World) -> None:
    right.files[f"{HOME}/out/age_bands.png"] = b"<html>"
    assert failures(right) == {
        "chart: the picture begins as a PNG does": b"<html>".hex(),
        "chart: bytes of the picture": 6,
    }
