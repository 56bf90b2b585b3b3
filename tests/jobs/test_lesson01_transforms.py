"""Numbers are marked, measurements read as they were written, and the generated stream gives what the oracle says."""

from __future__ import annotations

import json
import time
from datetime import UTC
from pathlib import Path
from types import SimpleNamespace

import pytest
from pyspark.errors import AnalysisException, IllegalArgumentException
from pyspark.sql import SparkSession
from pyspark.sql.streaming import StreamingQueryListener

from common.settings import Settings
from lesson01 import check, data, stream
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


def test_text_is_a_boolean_where_it_is_compared_and_nowhere_else(spark: SparkSession) -> None:
    """What the handout says of "true" and "false" as text."""
    pairs = spark.createDataFrame([("true", 1), ("false", 2)], "even string, value int")
    assert [row.value for row in pairs.where("even = true").collect()] == [1]
    assert [row.value for row in pairs.where(pairs.even == True).collect()] == [1]  # noqa: E712
    with pytest.raises(AnalysisException, match="FILTER_NOT_BOOLEAN"):
        pairs.where("even")


LINES = [
    "A,1,2.0,3.0,", "A,1,2.0", "A,one,2.0,3.0,4.0", "A, 1,2.0,3.0,4.0", "A,3000000000,2.0,3.0,4.0", "A,1,2,3,4,5",
    "A,1e1,2e3,NaN,-Infinity", "letter,a,b,c,d", '"A,B",+1,.5,5.,4.0', ",,,,", "A", "A,1.0,x,-0.0,1e400",
]  # fmt: skip


def test_the_check_reads_a_student_s_lines_as_spark_does(spark: SparkSession, tmp_path: Path) -> None:
    """Nulls for what does not fit, columns beyond the fifth dropped, the first line left out whatever it says."""
    text = "\n".join(["B,2,1.0,1.0,1.0", *LINES]) + "\n"
    (tmp_path / "own.csv").write_text(text)
    frame = with_file(spark.read.csv(str(tmp_path), schema=MEASUREMENT, header=True))
    assert check.difference(check.parsed("own.csv", text), [row.asDict() for row in frame.collect()]) == {
        "missing": 0, "too many": 0,
    }  # fmt: skip


def test_a_stream_of_files_infers_no_schema_unless_it_is_switched_on(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(data.csv(data.files()["measurements-01.csv"]))
    reader = spark.readStream.option("header", True)
    with pytest.raises(IllegalArgumentException, match="Schema must be specified"):
        reader.option("inferSchema", True).csv(str(tmp_path))
    spark.conf.set("spark.sql.streaming.schemaInference", True)
    try:
        assert reader.csv(str(tmp_path)).columns == list(data.COLUMNS)
    finally:
        spark.conf.unset("spark.sql.streaming.schemaInference")


def test_a_console_counts_what_it_is_given_and_a_listener_hears_of_each_batch(
    spark: SparkSession, tmp_path: Path
) -> None:
    """What the lesson's check relies on, and the class that the handout shows."""
    heard: list[tuple[str, int, int]] = []

    class Watcher(StreamingQueryListener):
        def onQueryStarted(self, event) -> None: ...

        def onQueryProgress(self, event) -> None:
            heard.append((event.progress.name, event.progress.batchId, event.progress.numInputRows))

        def onQueryTerminated(self, event) -> None: ...

    watcher = Watcher()
    spark.streams.addListener(watcher)
    query = (
        evens(marked(stream.generated(spark)))
        .writeStream.queryName("l01-even")
        .format("console")
        .option("checkpointLocation", str(tmp_path / "c"))
        .trigger(availableNow=True)
        .start()
    )
    query.awaitTermination()
    assert stream.read_and_shown(query) == {"read": 10, "shown": 5}
    deadline = time.monotonic() + 20
    while not heard and time.monotonic() < deadline:
        time.sleep(0.1)
    spark.streams.removeListener(watcher)
    assert heard == [("l01-even", 0, 10)]


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
