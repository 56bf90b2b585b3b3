"""The check of lesson 1 fails in words on an empty cluster, passes on a right one, and names what is off."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from common.checks import Assertion
from common.errors import Missing
from common.hdfs import Status
from common.settings import LabInfo, Settings
from lesson01 import check as lesson
from lesson01 import data
from lesson01.places import FORMATS

HOME = "/user/student/lesson01"
OUT = f"{HOME}/out/files"
REPORT = f"{HOME}/reports/stream.json"
INFO = LabInfo(
    "student01", "kafka1:9092", ("cassandra1",), "http://namenode:9870", "hdfs://namenode:8020", "http://rm:8088"
)


class World:
    """HDFS and YARN as dictionaries; what is not in them is missing. A parquet file's text is its rows."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.outcomes: dict[str, str] = {}

    def list(self, folder: str) -> list[Status]:
        names = {path.removeprefix(f"{folder}/").split("/")[0] for path in self.files if path.startswith(f"{folder}/")}
        if not names:
            raise Missing(f"no such file: {folder}")
        return [Status(f"{folder}/{name}", is_dir=False, length=1) for name in sorted(names)]

    def read(self, path: str) -> str:
        if path not in self.files:
            raise Missing(f"no such file: {path}")
        return self.files[path]

    def latest(self, name: str) -> Any:
        if name not in self.outcomes:
            raise Missing(f"no such application: {name}")
        return SimpleNamespace(outcome=self.outcomes[name])

    def lab(self, step: str = "") -> Any:
        return SimpleNamespace(
            info=INFO,
            settings=Settings(info=INFO, lesson="lesson01", step=step),
            hdfs=SimpleNamespace(
                list=self.list,
                read_text=self.read,
                read=lambda path: self.read(path).encode("utf-8", errors="surrogateescape"),
                exists=lambda path: path in self.files,
            ),
            yarn=SimpleNamespace(latest=self.latest),
        )

    def put_batch(self, number: int, name: str, rows: list[dict[str, Any]]) -> None:
        """A file arrived, and batch `number` of both queries took it."""
        for query in ("l01-files", "l01-files-console"):
            place, address = f"{HOME}/checkpoint/{query}", f"hdfs://namenode:8020{HOME}/in/files/{name}"
            self.files[f"{place}/commits/{number}"] = "v1"
            self.files[f"{place}/sources/0/{number}"] = f"v1\n{json.dumps({'path': address, 'batchId': number})}"
        self.put_rows(OUT, number, rows)

    def put_rows(self, folder: str, number: int, rows: list[dict[str, Any]]) -> None:
        part = f"{folder}/part-{number}.parquet"
        self.files[part] = json.dumps(rows)
        self.files[f"{folder}/_spark_metadata/{number}"] = f"v1\n{json.dumps({'path': f'hdfs://namenode:8020{part}'})}"

    def put_numbers(self, rows: list[dict[str, Any]]) -> None:
        self.files[f"{HOME}/out/rate.jsonl"] = "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture(autouse=True)
def _rows_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    def rows(hdfs: Any, paths: list[str]) -> list[dict[str, Any]]:
        return [row for path in paths for row in json.loads(hdfs.read(path))]

    monkeypatch.setattr(lesson, "parquet_rows", rows)


@pytest.fixture
def right() -> World:
    world = World()
    world.outcomes = {"student01-lesson01-stream": "SUCCEEDED", "student01-lesson01-formats": "SUCCEEDED"}
    for number, (name, rows) in enumerate(data.files().items()):
        world.files[f"{HOME}/in/files/{name}"] = data.csv(rows)
        world.put_batch(number, name, [row for row in data.rows_with_file() if row["file"] == name])
    world.put_numbers(data.numbers())
    world.files[REPORT] = json.dumps({"details": {"even": {"read": 80, "shown": 40}}})
    return world


def failures(world: World, step: str = "") -> dict[str, Any]:
    return {one.name: one.found for one in lesson.check(world.lab(step)) if not one.passed}


def test_everything_passes_on_a_cluster_that_is_as_it_should_be(right: World) -> None:
    assert failures(right) == {}


@pytest.mark.parametrize("step", ["", "formats"])
def test_an_empty_cluster_fails_everywhere_in_plain_words(step: str) -> None:
    found = lesson.check(World().lab(step))
    assert all(isinstance(one, Assertion) and not one.passed and one.where for one in found)
    words = [one.found for one in found]
    assert all(str(text).startswith("no such ") for text in words), words
    assert json.dumps([one.as_dict() for one in found])


def test_a_lost_part_is_named_by_the_file_it_came_from(right: World) -> None:
    del right.files[f"{OUT}/_spark_metadata/2"]
    found = failures(right)
    assert found["stream: rows in the output"] == 80
    assert "measurements-03.csv" not in found["stream: rows in the output by file"]
    assert found["stream: rows that differ from the input"] == {"missing": 20, "too many": 0}


def test_a_row_that_is_there_twice_is_found(right: World) -> None:
    right.put_rows(OUT, 5, data.rows_with_file()[:1])
    found = failures(right)
    assert found["stream: rows in the output"] == 101
    assert found["stream: rows that differ from the input"] == {"missing": 0, "too many": 1}


def test_a_file_that_a_student_adds_is_expected_in_the_output(right: World) -> None:
    name, rows = "measurements-06.csv", data.files()["measurements-01.csv"]
    right.files[f"{HOME}/in/files/{name}"] = data.csv(rows)
    assert failures(right)["stream: rows in the output"] == 100
    first = [row for row in data.rows_with_file() if row["file"] == "measurements-01.csv"]
    right.put_batch(5, name, [{**row, "file": name} for row in first])
    assert failures(right) == {}


def row(**columns: Any) -> dict[str, Any]:
    return {"letter": "A", "a": 1, "b": 2.0, "c": 3.0, "d": 4.0, "file": "measurements-06.csv", **columns}


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("A,1,2.0,3.0,", row(d=None)),
        ("A,1,2.0", row(c=None, d=None)),
        ("A,one,2.0,3.0,4.0", row(a=None)),
        ("A,3000000000,2.0,3.0,4.0", row(a=None)),
        ("A,1,2.0,3.0,4.0,5.0", row()),
        ("\udcff,1,2e3,NaN,4.0", row(letter="\ufffd", b=2000.0, c=float("nan"))),
        (",,,,", dict.fromkeys(data.COLUMNS) | {"file": "measurements-06.csv"}),
    ],
)
def test_a_line_of_a_student_s_that_does_not_fit_is_expected_as_spark_reads_it(
    right: World, line: str, read: dict[str, Any]
) -> None:
    """With nulls: such a line must neither end the check nor make it fail (tests/jobs asks Spark the same)."""
    name = "measurements-06.csv"
    right.files[f"{HOME}/in/files/{name}"] = f"letter,a,b,c,d\n{line}\n"
    assert failures(right)["stream: rows in the output"] == 100
    right.put_batch(5, name, [read])
    assert failures(right) == {}


def test_a_student_s_file_that_is_taken_away_again_leaves_the_check_as_it_was(right: World) -> None:
    name = "measurements-06.csv"
    right.put_batch(5, name, [row()])
    assert failures(right) == {}
    right.put_rows(OUT, 6, [row(file="measurements-07.csv")])
    assert failures(right)["stream: rows that differ from the input"] == {"missing": 0, "too many": 1}


def test_a_folder_among_the_files_is_left_out_as_spark_does(right: World, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Status(f"{HOME}/in/files/more", is_dir=True, length=0)
    listed = World.list
    monkeypatch.setattr(World, "list", lambda self, path: [*listed(self, path), *[folder] * path.endswith("in/files")])
    assert failures(right) == {}


def test_a_null_in_one_row_is_found_by_the_columns_too(right: World) -> None:
    """Whatever the first row holds."""
    rows = [{**one, "d": None} if one["a"] == 17 else one for one in data.rows_with_file()]
    for number in range(5):
        right.put_rows(OUT, number, rows[number * 20 : number * 20 + 20])
    rows[50]["d"] = None
    right.put_rows(OUT, 2, rows[40:60])
    found = failures(right)
    assert found["stream: columns of the output"]["d"] == "float or null"
    assert found["stream: rows that differ from the input"]["missing"] >= 1


def test_two_files_in_one_batch_are_found(right: World) -> None:
    log = f"{HOME}/checkpoint/l01-files/sources/0/4"
    right.files[log] = right.files[log].replace('"batchId": 4', '"batchId": 3')
    assert failures(right) == {"stream: files that one batch of l01-files took at most": 2}


def test_a_changed_input_file_is_found(right: World) -> None:
    right.files[f"{HOME}/in/files/measurements-04.csv"] += "A,1,2.0,3.0,4.0\n"
    assert failures(right) == {"stream: the lesson's files, as generated": "4; 1 missing: measurements-04.csv"}


def test_a_number_in_another_batch_is_named(right: World) -> None:
    rows = data.numbers()
    rows[17] = {**rows[17], "batch": 2}
    right.put_numbers(rows)
    assert failures(right) == {"stream: values that are not in batch value//10": [{"value": 17, "batch": 2}]}


def test_a_gap_in_the_numbers_is_named(right: World) -> None:
    right.put_numbers([row for row in data.numbers() if row["value"] != 33])
    name = "stream: generated values are 0 to 69 without a gap"
    assert failures(right) == {name: "69 values, 0 to 69; missing or repeated: [33]"}


def test_text_that_looks_like_a_boolean_is_found(right: World) -> None:
    """The mistake of the sources: `"true"` is not true."""
    right.put_numbers([{**row, "even": str(row["even"]).lower()} for row in data.numbers()])
    assert list(failures(right)) == ["stream: values with a wrong even or note"]


def test_a_number_of_another_kind_is_found(right: World) -> None:
    """1 is no boolean; a value that the stream does not have is named, and ends nothing."""
    rows = data.numbers()
    rows[0] = {**rows[0], "even": 1}
    rows[69] = {**rows[69], "value": 71}
    right.put_numbers(rows)
    found = failures(right)
    assert [one["value"] for one in found["stream: values with a wrong even or note"]] == [0, 71]
    assert "missing or repeated: [69, 70]" in found["stream: generated values are 0 to 69 without a gap"]


@pytest.mark.parametrize(("counted", "words"), [((80, 80), "80 of 80"), ((0, 0), "0 of 0"), ((80, 0), "0 of 80")])
def test_a_filter_that_lets_all_through_or_nothing_is_found(right: World, counted: tuple[int, int], words: str) -> None:
    right.files[REPORT] = json.dumps({"details": {"even": dict(zip(("read", "shown"), counted, strict=True))}})
    name = "stream: of the numbers that l01-even read, those that the console was given"
    assert failures(right) == {name: words}


def test_a_stream_without_an_end_leaves_the_check_as_it_was(right: World) -> None:
    """It may be stopped before the console was given anything; an older report does not have the figures."""
    right.files[REPORT] = json.dumps({"continuous": True, "details": {"even": {"read": 0, "shown": 0}}})
    assert failures(right) == {}
    right.files[REPORT] = json.dumps({"details": {}})
    assert list(failures(right).values()) == ["nothing about it in the last run's report; submit the step again"]


def test_the_variant_is_asked_about_once_it_was_run(right: World) -> None:
    rows = [{name: row[name] for name in data.COLUMNS} for row in data.rows_with_file()]
    for name in FORMATS:
        right.put_rows(f"{HOME}/out/l01-formats-{name}", 0, rows)
    assert failures(right, "formats") == {}
    right.put_rows(f"{HOME}/out/l01-formats-orc", 0, rows[1:])
    assert failures(right) == {}
    right.files[f"{HOME}/reports/formats.json"] = "{}"
    wrong = {"formats: rows from orc that differ from the input": {"missing": 1, "too many": 0}}
    assert failures(right) == failures(right, "formats") == wrong
