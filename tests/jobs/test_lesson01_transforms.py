"""Numbers are marked, measurements read as they were written, and the generated stream gives what the oracle says."""

from __future__ import annotations

import json
from datetime import UTC
from pathlib import Path
from types import SimpleNamespace

import pytest
from pyspark.sql import SparkSession

from common.settings import Settings
from lesson01 import data, stream
from lesson01.transforms import MEASUREMENT, evens, marked, with_file


def test_numbers_are_marked(spark: SparkSession) -> None:
    rows = marked(spark.range(21).withColumnRenamed("id", "value")).orderBy("value").collect()
    assert [row.even for row in rows] == [True, False] * 10 + [True]
    assert [row.value for row in rows if row.note] == [0, 10, 20]
    assert {row.note for row in rows} == {"jubilee", ""}


def test_even_is_a_condition_as_it_is(spark: SparkSession) -> None:
    numbers = marked(spark.range(10).withColumnRenamed("id", "value"))
    assert dict(numbers.dtypes)["even"] == "boolean"
    assert [row.value for row in evens(numbers).orderBy("value").collect()] == [0, 2, 4, 6, 8]


def test_a_file_is_read_back_as_it_was_written(spark: SparkSession, tmp_path: Path) -> None:
    for name, rows in data.files().items():
        (tmp_path / name).write_text(data.csv(rows))
    frame = with_file(spark.read.csv(str(tmp_path), schema=MEASUREMENT, header=True, mode="FAILFAST"))
    found = [row.asDict() for row in frame.orderBy("file").collect()]
    assert sorted(found, key=str) == sorted(data.rows_with_file(), key=str)


def test_the_generated_stream_gives_what_the_oracle_says(spark: SparkSession) -> None:
    """The source itself, one batch at a time: what is there now is one batch of it, whenever it is asked."""
    kept = []

    def keep(batch, number) -> None:
        for row in batch.orderBy("value").collect():
            mark = {"value": row.value, "even": row.even, "note": row.note}
            kept.append({"batch": number, "timestamp": row.timestamp.astimezone(UTC).isoformat(), **mark})

    marked(stream.generated(spark)).writeStream.foreachBatch(keep).trigger(availableNow=True).start().awaitTermination()
    assert kept == data.numbers()[: data.PER_BATCH]


def test_rows_are_put_into_their_batches_and_what_is_beyond_the_seventh_is_cut_off(spark: SparkSession) -> None:
    table = marked(spark.range(90).selectExpr("timestamp_seconds(1735689600 + id div 10) AS timestamp", "id AS value"))
    ends = list(range(data.PER_BATCH, 100, data.PER_BATCH))
    assert stream.in_batches(table, ends) == data.numbers()


def test_the_end_of_each_batch_comes_from_its_progress() -> None:
    progress = [{"sources": [{"endOffset": {"offset": end, "timestamp": 0}}]} for end in (10, 20)]
    assert stream.ends(SimpleNamespace(recentProgress=progress)) == [10, 20]


def test_a_stream_cannot_be_shown(spark: SparkSession, capsys: pytest.CaptureFixture[str]) -> None:
    stream.look_at(stream.generated(spark))
    printed = capsys.readouterr().out
    assert "isStreaming: True" in printed
    assert "Queries with streaming sources must be executed with writeStream.start()" in printed


def test_files_arrive_one_by_one(spark: SparkSession, settings: Settings, tmp_path: Path) -> None:
    """The source takes one file a batch, and a second run on the same checkpoint takes nothing."""
    folder = Path(settings.input("files"))
    folder.mkdir(parents=True)
    for name, rows in data.files().items():
        (folder / name).write_text(data.csv(rows))
    taken: list[list[str]] = []

    def keep(batch, _) -> None:
        taken.append(sorted({row.file for row in batch.collect()}))

    for _ in range(2):
        writer = stream.measurements(spark, settings).writeStream.foreachBatch(keep)
        writer.option("checkpointLocation", str(tmp_path / "c")).trigger(availableNow=True).start().awaitTermination()
    assert sorted(map(json.dumps, taken)) == [json.dumps([name]) for name in data.files()]
