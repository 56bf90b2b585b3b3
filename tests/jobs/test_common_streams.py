"""Streaming queries: named, resumed from their own checkpoint, stopped between batches, reported in numbers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming import DataStreamWriter, StreamingQuery, StreamingQueryException

from common.settings import Settings
from common.streams import Streams, batch_line


class Said(list):
    """The lines that a step printed."""

    def __call__(self, line: str) -> None:
        self.append(line)


def never() -> bool:
    return False


def put(folder: Path, number: int, rows: range) -> None:
    """File `number` of a folder; Spark takes files by their time, so each gets one of its own."""
    folder.mkdir(exist_ok=True)
    file = folder / f"{number}.csv"
    file.write_text("".join(f"{row}\n" for row in rows))
    os.utime(file, (1_700_000_000 + number,) * 2)


def numbers(spark: SparkSession, folder: Path) -> DataFrame:
    return spark.readStream.schema("n int").option("maxFilesPerTrigger", 1).csv(str(folder))


def streams(spark: SparkSession, settings: Settings, said: Said, **options: object) -> Streams:
    return Streams(spark, settings, say=said, **{"stop_asked": never, **options})


def start(
    running: Streams, name: str, writer: DataStreamWriter, *, place: str = "", every: str = "5 seconds"
) -> StreamingQuery:
    """A query as a lesson's step starts it."""
    checkpoint = place or running.settings.checkpoint(name)
    return writer.queryName(name).option("checkpointLocation", checkpoint).trigger(**running.trigger(every)).start()


def copy_once(spark: SparkSession, settings: Settings, folder: Path) -> tuple[Said, list[int]]:
    """One finite run of a copying query; what it printed and the rows of its batches."""
    said = Said()
    running = streams(spark, settings, said)
    target = settings.output("copy")
    query = start(running, "t-copy", numbers(spark, folder).writeStream.format("parquet").option("path", target))
    (report,) = running.finish(query)
    return said, list(report.rows)


def test_a_second_run_resumes_where_the_first_ended(spark: SparkSession, settings: Settings, tmp_path: Path) -> None:
    source = tmp_path / "source"
    put(source, 1, range(20))
    put(source, 2, range(20, 30))
    said, rows = copy_once(spark, settings, source)
    assert rows == [20, 10]
    assert [line.split(" rows")[0] for line in said] == ["t-copy: batch 0, 20", "t-copy: batch 1, 10"]

    assert copy_once(spark, settings, source) == (["t-copy: nothing new"], [])

    put(source, 3, range(30, 35))
    said, rows = copy_once(spark, settings, source)
    assert rows == [5]
    assert said[0].startswith("t-copy: batch 2, 5 rows, ")
    assert spark.read.parquet(settings.output("copy")).distinct().count() == 35


def test_the_checkpoint_stands_where_the_settings_say(spark: SparkSession, settings: Settings, tmp_path: Path) -> None:
    put(tmp_path / "source", 1, range(3))
    copy_once(spark, settings, tmp_path / "source")
    assert (tmp_path / "lesson08" / "checkpoint" / "t-copy" / "commits" / "0").is_file()


def test_late_rows_and_the_watermark_are_reported(spark: SparkSession, settings: Settings, tmp_path: Path) -> None:
    source = tmp_path / "source"
    put(source, 1, range(1000, 1010))
    put(source, 2, range(1010, 1012))
    put(source, 3, range(1, 4))  # late; by the watermark before the last batch, which is the one that counts for this
    timed = numbers(spark, source).select(F.timestamp_seconds("n").alias("at")).withWatermark("at", "10 seconds")
    running = streams(spark, settings, Said())
    (report,) = running.finish(start(running, "t-late", timed.dropDuplicates(["at"]).writeStream.format("noop")))
    assert report.rows[:3] == (10, 2, 3)
    assert report.dropped_by_watermark == 3
    assert report.last_watermark == "1970-01-01T00:16:41.000Z"


def test_a_query_started_as_the_documentation_does_is_waited_for(
    spark: SparkSession, settings: Settings, tmp_path: Path
) -> None:
    put(tmp_path / "source", 1, range(3))
    running = streams(spark, settings, Said())
    plain = numbers(spark, tmp_path / "source").writeStream.format("noop").trigger(**running.trigger())
    named = plain.queryName("named").option("checkpointLocation", str(tmp_path / "named")).start()
    other = plain.queryName("other").option("checkpointLocation", str(tmp_path / "other")).start()
    reports = running.finish(named)
    assert [(report.name, report.rows) for report in reports] == [("named", (3,)), ("other", (3,))]
    assert not named.isActive
    assert not other.isActive


def test_a_throwaway_checkpoint_goes_with_the_step(spark: SparkSession, settings: Settings, tmp_path: Path) -> None:
    put(tmp_path / "source", 1, range(3))
    said = Said()
    running = streams(spark, settings, said)
    place = running.throwaway("t-memory")
    writer = numbers(spark, tmp_path / "source").writeStream.format("memory").queryName("t_memory")
    running.finish(writer.option("checkpointLocation", place).trigger(**running.trigger()).start())
    assert Path(place, "commits", "0").is_file()
    assert any(line.startswith(f"left behind: {place} (") for line in said)  # there is no NameNode here to ask


def test_a_failure_in_one_query_ends_the_step_and_the_others(
    spark: SparkSession, settings: Settings, tmp_path: Path
) -> None:
    put(tmp_path / "source", 1, range(3))

    def broken(batch: DataFrame, batch_id: int) -> None:
        raise ValueError(f"batch {batch_id} is refused")

    running = streams(spark, settings, Said(), continuous=True)
    other = start(running, "t-other", numbers(spark, tmp_path / "source").writeStream.format("noop"))
    failing = start(running, "t-broken", numbers(spark, tmp_path / "source").writeStream.foreachBatch(broken))
    with pytest.raises(StreamingQueryException, match="batch 0 is refused"):
        running.finish(other, failing)
    assert not other.isActive


def test_a_stop_that_is_asked_for_ends_a_continuous_stream(
    spark: SparkSession, settings: Settings, tmp_path: Path
) -> None:
    put(tmp_path / "source", 1, range(7))
    said = Said()
    running = streams(spark, settings, said, continuous=True, stop_asked=lambda: len(said) > 0)
    start(running, "t-on", numbers(spark, tmp_path / "source").writeStream.format("noop"), every="1 second")
    (report,) = running.finish()
    assert report.rows == (7,)
    assert said[-1] == "stop asked: ending after the running batch"


def test_a_memory_sink_reads_everything_anew_in_each_run(
    spark: SparkSession, settings: Settings, tmp_path: Path
) -> None:
    put(tmp_path / "source", 1, range(4))
    for _ in range(2):
        said = Said()
        running = streams(spark, settings, said)
        writer = numbers(spark, tmp_path / "source").writeStream.format("memory")
        (report,) = running.finish(start(running, "t_memory", writer, place=running.throwaway("t_memory")))
        assert report.rows == (4,)
        assert spark.table("t_memory").count() == 4
        # There is no HDFS in this test to remove the throwaway checkpoint from, and the step says so.
        assert said[-1].startswith("left behind: ")


def test_a_batch_reads_as_one_line() -> None:
    progress = {"name": "l08-score", "batchId": 3, "numInputRows": 60, "durationMs": {"triggerExecution": 1234}}
    assert batch_line(progress) == "l08-score: batch 3, 60 rows, 1.2 s"
