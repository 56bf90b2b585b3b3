"""An exercise's gaps: each is run, what it gives is kept for the check, and what is missing is said in a sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming import DataStreamWriter, StreamingQuery

from common import gaps as module
from common.errors import JobError
from common.gaps import Gaps
from common.settings import Settings


class MemoryHdfs:
    """HDFS as a dictionary; all that gaps ask of it."""

    files: ClassVar[dict[str, str]] = {}

    def __init__(self, url: str) -> None:
        self.url = url

    def write(self, path: str, data: str) -> None:
        self.files[path] = data


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def gaps(spark: SparkSession, settings: Settings, said: list[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Gaps]:
    monkeypatch.setattr(module, "Hdfs", MemoryHdfs)
    monkeypatch.setattr(MemoryHdfs, "files", {})
    yield Gaps(spark, settings, say=said.append)
    for query in spark.streams.active:
        query.stop()


def kept(settings: Settings) -> dict[str, Any]:
    return json.loads(MemoryHdfs.files[settings.output("gaps.json")])


def rows(settings: Settings, number: int) -> list[dict[str, Any]]:
    files = Path(settings.output(f"gap{number}")).rglob("*.json")
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines() if "_spark" not in str(file)]
    return sorted(lines, key=json.dumps)


@pytest.fixture
def stream(spark: SparkSession, tmp_path: Path) -> DataFrame:
    source = tmp_path / "numbers"
    source.mkdir()
    (source / "1.csv").write_text("1\n2\n,\n2\n")
    return spark.readStream.schema("n int").csv(str(source))


def not_yet() -> DataFrame:
    raise NotImplementedError


def test_rows_of_a_batch_and_of_a_stream_are_kept_with_nulls(
    gaps: Gaps, settings: Settings, spark: SparkSession, stream: DataFrame
) -> None:
    gaps.frame(1, lambda: spark.createDataFrame([(1, None), (2, "b")], "n int, s string"))
    gaps.frame(2, lambda: stream)
    outcome = gaps.outcome()
    assert rows(settings, 1) == [{"n": 1, "s": None}, {"n": 2, "s": "b"}]
    assert rows(settings, 2) == [{"n": 1}, {"n": 2}, {"n": 2}, {"n": None}]
    assert kept(settings)["1"]["columns"] == [["n", "int"], ["s", "string"]]
    assert dict(outcome.details) == {"done": 2, "open": 0, "waits": 0}
    assert [(query.name, query.input_rows) for query in outcome.queries] == [("lesson08-gap2", 4)]


def test_the_last_result_of_an_aggregation_in_complete_mode_is_kept(
    gaps: Gaps, settings: Settings, stream: DataFrame
) -> None:
    gaps.frame(1, lambda: stream.groupBy("n").agg(F.count("*").alias("many")), mode="complete")
    assert rows(settings, 1) == [{"n": 1, "many": 1}, {"n": 2, "many": 2}, {"n": None, "many": 1}]


def test_each_batch_of_an_aggregation_in_update_mode_is_kept(gaps: Gaps, settings: Settings, stream: DataFrame) -> None:
    gaps.frame(1, lambda: stream.groupBy("n").count(), mode="update")
    assert len(rows(settings, 1)) == 3
    assert [folder.name for folder in Path(settings.output("gap1")).iterdir()] == ["batch=0"]


def test_an_open_gap_is_a_sentence_and_what_needs_it_waits(gaps: Gaps, settings: Settings, said: list[str]) -> None:
    first = gaps.frame(1, not_yet)
    second = gaps.frame(2, lambda frame: frame, first)
    gaps.action(3, lambda frame: None, second)
    gaps.value(4, lambda: [1, 2])
    outcome = gaps.outcome()
    assert said == [
        "gap 1: it is open",
        "gap 2: it waits for an earlier gap",
        "gap 3: it waits for an earlier gap",
        "gap 4: it ran",
    ]
    assert dict(outcome.details) == {"done": 1, "open": 1, "waits": 2}
    assert kept(settings)["4"] == {"state": "done", "words": "it ran", "value": [1, 2]}


def test_a_failing_gap_fails_the_step_after_all_others_have_run(
    gaps: Gaps, settings: Settings, spark: SparkSession
) -> None:
    gaps.frame(1, lambda: spark.range(3).select("nmae"))
    gaps.value(2, lambda: 5)
    with pytest.raises(JobError, match=r"^error: gap 1 failed: AnalysisException: \[UNRESOLVED_COLUMN") as raised:
        gaps.outcome()
    assert raised.value.fix == "correct gap 1 in exercise.py and submit again"
    assert {number: state["state"] for number, state in kept(settings).items()} == {"1": "failed", "2": "done"}


@pytest.mark.parametrize(
    ("kind", "given", "words"),
    [
        ("frame", None, "it returns nothing, where a DataFrame is expected: is `return` missing?"),
        ("frame", 5, "it returns a int, where a DataFrame is expected"),
        ("query", None, "it returns nothing, where the query that start() returns is expected: is `return` missing?"),
        ("value", None, "it returns nothing, where a value is expected: is `return` missing?"),
    ],
)
def test_what_is_returned_is_looked_at(gaps: Gaps, said: list[str], kind: str, given: object, words: str) -> None:
    getattr(gaps, kind)(1, lambda: given)
    assert said == [f"gap 1: {words}"]


def test_a_writer_that_was_not_started_is_told_from_a_query(gaps: Gaps, said: list[str], stream: DataFrame) -> None:
    def writer() -> DataStreamWriter:
        return stream.writeStream.format("noop")

    gaps.query(1, writer)
    assert said == [
        "gap 1: it returns a DataStreamWriter, where the query that start() returns is expected: is `.start()` missing?"
    ]


def test_a_query_that_does_not_end_is_stopped(gaps: Gaps, said: list[str], stream: DataFrame, tmp_path: Path) -> None:
    started: list[StreamingQuery] = []

    def forever() -> StreamingQuery:
        writer = stream.writeStream.queryName("forever").format("noop")
        started.append(writer.option("checkpointLocation", str(tmp_path / "forever")).start())
        return started[0]

    gaps.query(1, forever)
    assert said[-1] == "gap 1: the query forever goes on for ever: is `.trigger(availableNow=True)` missing?"
    assert not started[0].isActive


def test_a_query_that_fails_is_its_gap_s_failure(
    gaps: Gaps, said: list[str], stream: DataFrame, tmp_path: Path
) -> None:
    def failing() -> StreamingQuery:
        def write(batch: DataFrame, batch_id: int) -> None:
            raise ValueError("no such folder")

        writer = stream.writeStream.foreachBatch(write).option("checkpointLocation", str(tmp_path / "failing"))
        return writer.trigger(availableNow=True).start()

    gaps.query(1, failing)
    assert said[-1] == "gap 1: ValueError: no such folder"


def test_what_is_gone_with_the_driver_is_looked_at_before(
    gaps: Gaps, settings: Settings, spark: SparkSession, said: list[str], stream: DataFrame, tmp_path: Path
) -> None:
    """A memory sink's table, and the query's name; a table of another name is the gap's failure."""

    def into(name: str) -> StreamingQuery:
        writer = stream.writeStream.queryName(name).format("memory").trigger(availableNow=True)
        return writer.option("checkpointLocation", str(tmp_path / name)).start()

    gaps.query(1, into, "kept_numbers", look=lambda: spark.table("kept_numbers").count())
    gaps.query(2, into, "other_numbers", look=lambda: spark.table("numbers").count())
    assert "gap 1: it ran" in said
    assert said[-1].startswith("gap 2: AnalysisException: [TABLE_OR_VIEW_NOT_FOUND]")
    with pytest.raises(JobError):
        gaps.outcome()
    assert (kept(settings)["1"]["query"], kept(settings)["1"]["value"]) == ("kept_numbers", 4)
