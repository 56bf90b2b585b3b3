"""The check of the titanic lesson fails in words on an empty cluster, passes on a right one, and names what is off."""

from __future__ import annotations

import json
import struct
import zlib
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
FILLED_MS = 1_000_000
TOPICS = ("titanic-messages", "titanic-processed", "titanic-raw", "titanic-enriched", "titanic-broken")


class World:
    """HDFS, Kafka and YARN as dictionaries; a parquet file is the list of its rows."""

    def __init__(self) -> None:
        self.files: dict[str, Any] = {}
        self.topics: dict[str, list[tuple[str, str]]] = {}
        self.runs: dict[str, list[Any]] = {}

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
        return [
            SimpleNamespace(key=key, value=value, timestamp_ms=FILLED_MS, partition=0, offset=offset)
            for offset, (key, value) in enumerate(self.get("topic", self.topics, topic))
        ]

    def latest(self, name: str) -> Any:
        return self.get("application", self.runs, name)[-1]

    def ran(self, step: str, outcome: str, started_ms: int = FILLED_MS + 1) -> None:
        self.runs.setdefault(f"student01-titanic-{step}", []).append(
            SimpleNamespace(outcome=outcome, started_ms=started_ms)
        )

    def lab(self) -> Any:
        return SimpleNamespace(
            info=INFO,
            settings=Settings(info=INFO, lesson="titanic", topics=TOPICS),
            hdfs=SimpleNamespace(list=self.list, read=self.read, read_text=self.read),
            kafka=SimpleNamespace(count=lambda topic: len(self.consume(topic)), consume_all=self.consume),
            yarn=SimpleNamespace(latest=self.latest, applications=lambda name: self.runs.get(name, [])),
        )


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body), kind) + body + struct.pack(">I", zlib.crc32(kind + body))


def picture(bands: object) -> bytes:
    """The frame of a PNG with these numbers, and as many bytes as a drawing has."""
    text = b"Description\0" + json.dumps(bands).encode()
    parts = [(b"IHDR", bytes(13)), (b"tEXt", text), (b"IDAT", bytes(30_000)), (b"IEND", b"")]
    return lesson.PNG + b"".join(chunk(kind, body) for kind, body in parts)


@pytest.fixture
def right(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr(lesson, "parquet_rows", world.parquet_rows)
    for step in ("enrich", "chart"):
        world.ran(step, "SUCCEEDED")
    people = [data.enriched(one) for one in data.passengers()]
    world.topics = {
        "titanic-messages": [("1", message) for message in data.MESSAGES],
        "titanic-processed": [("1", message) for message in data.processed()],
        "titanic-raw": [(str(one["PassengerId"]), "{}") for one in people],
        "titanic-enriched": [(str(one["PassengerId"]), json.dumps(lesson.without_nulls(one))) for one in people],
    }
    world.files = {
        f"{SINK}/part-0": [dict(one) for one in people],
        f"{SINK}/_spark_metadata/0": f'v1\n{{"path": "hdfs://namenode:8020{SINK}/part-0"}}',
        f"{HOME}/out/windows.json": json.dumps(data.windows()),
        f"{HOME}/out/age_bands.json": json.dumps(data.bands()),
        f"{HOME}/out/age_bands.png": picture(data.bands()),
    }
    for number, end in enumerate((298, 597, 891)):
        place = f"{HOME}/checkpoint/titanic-enrich"
        world.files[f"{place}/offsets/{number}"] = f"v1\n{{}}\n{json.dumps({'titanic-raw': {'0': end}})}"
        world.files[f"{place}/commits/{number}"] = "v1"
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
    assert found["enrich: records in titanic-enriched that are under another passenger's key"] == (
        "LookupError: no records"
    )
    assert found["enrich: records in titanic-enriched"] == 0


def test_passengers_loaded_twice_are_found(right: World) -> None:
    right.topics["titanic-raw"] *= 2
    assert failures(right) == {"enrich: records in titanic-raw": 1782}


DUPLICATES = "enrich: duplicates in titanic-enriched, of batches that were cut off and sent again"


def test_a_batch_that_was_sent_twice_is_excused_by_a_kill_alone(right: World) -> None:
    right.topics["titanic-enriched"] += right.topics["titanic-enriched"][:40]
    assert failures(right) == {DUPLICATES: 40}
    right.runs["student01-titanic-enrich"].insert(0, SimpleNamespace(outcome="KILLED", started_ms=FILLED_MS + 1))
    assert failures(right) == {}


def test_a_kill_before_the_last_reset_excuses_nothing(right: World) -> None:
    right.topics["titanic-enriched"] += right.topics["titanic-enriched"][:40]
    right.runs["student01-titanic-enrich"].insert(0, SimpleNamespace(outcome="KILLED", started_ms=FILLED_MS - 1))
    assert failures(right) == {DUPLICATES: 40}


def test_a_topic_that_was_written_twice_is_found_even_after_a_kill(right: World) -> None:
    right.topics["titanic-enriched"] *= 2
    right.runs["student01-titanic-enrich"].insert(0, SimpleNamespace(outcome="KILLED", started_ms=FILLED_MS + 1))
    assert failures(right) == {DUPLICATES: 891}


def test_a_message_that_was_sent_twice_is_found(right: World) -> None:
    right.topics["titanic-processed"] += right.topics["titanic-processed"][:1]
    assert failures(right) == {
        "enrich: duplicates in titanic-processed, of batches that were cut off and sent again": 1
    }


@pytest.mark.parametrize("column", ["ClassName", "AgeBand", "event_time", "Name"])
def test_each_column_is_looked_at_in_the_topic_and_in_the_files(right: World, column: str) -> None:
    key, value = right.topics["titanic-enriched"][0]
    right.topics["titanic-enriched"][0] = (key, json.dumps(json.loads(value) | {column: "another"}))
    assert list(failures(right)) == ["enrich: passengers in titanic-enriched, all columns"]
    right.files[f"{SINK}/part-0"][0][column] = "another"
    assert list(failures(right))[1:] == ["enrich: passengers in the files that the sink has committed, all columns"]


def test_a_value_under_another_passenger_s_key_is_found(right: World) -> None:
    (one, first), (two, second), *rest = right.topics["titanic-enriched"]
    right.topics["titanic-enriched"] = [(one, second), (two, first), *rest]
    assert failures(right) == {"enrich: records in titanic-enriched that are under another passenger's key": ["1", "2"]}


def test_a_record_that_is_no_json_is_an_assertion_that_fails(right: World) -> None:
    right.topics["titanic-enriched"][0] = ("1", "garbage")
    found = failures(right)["enrich: passengers in titanic-enriched, all columns"]
    assert found == "the record at offset 0 of partition 0 is not JSON: 'garbage'"


def test_a_passenger_who_is_twice_in_the_files_is_found(right: World) -> None:
    right.files[f"{SINK}/part-0"] += right.files[f"{SINK}/part-0"][:1]
    (found,) = failures(right).values()
    assert found.startswith("892 rows; 1 not expected, such as ")


def test_unknown_ages_counted_as_children_are_found(right: World) -> None:
    for row in right.files[f"{SINK}/part-0"]:
        row["AgeBand"] = row["AgeBand"].replace("unknown", "minor")
    (found,) = failures(right).values()
    assert found.startswith("891 rows; 177 missing, such as ")


def test_a_window_that_lost_a_passenger_is_named(right: World) -> None:
    windows = data.windows() | {"2025-01-01 00:05:00": 11}
    right.files[f"{HOME}/out/windows.json"] = json.dumps(windows)
    assert failures(right) == {"chart: windows whose count is off": {"2025-01-01 00:05:00": [11, 12]}}


NUMBERS = "chart: the numbers that the picture was drawn from"


def test_a_picture_that_is_none_is_found(right: World) -> None:
    right.files[f"{HOME}/out/age_bands.png"] = b"<html>"
    assert failures(right) == {NUMBERS: "no PNG: it begins with b'<html>'", "chart: bytes of the picture": 6}


def test_a_picture_of_other_numbers_is_found(right: World) -> None:
    others = {"adult": {"First": 1}}
    right.files[f"{HOME}/out/age_bands.png"] = picture(others)
    assert failures(right) == {NUMBERS: others}


@pytest.mark.parametrize("size", [20, 60, 300])
def test_a_picture_that_is_cut_off_is_found(right: World, size: int) -> None:
    right.files[f"{HOME}/out/age_bands.png"] = picture(data.bands())[:size] + bytes(20_000)
    (found,) = failures(right).values()
    assert found.startswith("the picture is damaged at byte ")


def test_a_picture_without_its_numbers_is_found(right: World) -> None:
    right.files[f"{HOME}/out/age_bands.png"] = lesson.PNG + chunk(b"IHDR", bytes(20_000)) + chunk(b"IEND", b"")
    assert failures(right) == {NUMBERS: "the picture does not say which numbers it shows"}
