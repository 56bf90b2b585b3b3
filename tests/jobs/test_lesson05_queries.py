"""Lesson 5's queries on its own records, against the oracle, and what the handout says of state and output modes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, Row, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming import StreamingQuery

from common import shop as data
from common import shop_oracle as oracle
from lesson05.broken_wall_clock import by_arrival
from lesson05.broken_window_watermark import on_the_time, on_the_window
from lesson05.transforms import ITEM, ORDER, with_items


def put_files(folder: Path, records: Sequence[tuple[str, str]], size: int) -> None:
    """The records as files of `size`, which a stream takes in the order of their times, one a batch."""
    folder.mkdir()
    for number, place in enumerate(range(0, len(records), size)):
        file = folder / f"{number:02d}.json"
        file.write_text("".join(f"{value}\n" for _, value in records[place : place + size]))
        os.utime(file, (1_700_000_000 + number,) * 2)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lesson's records as two folders of files, a file for a batch."""
    folder = tmp_path_factory.mktemp("lesson05")
    put_files(folder / "orders", data.order_records(), data.ORDERS_PER_BATCH)
    put_files(folder / "items", data.item_records(), data.ITEMS_PER_BATCH)
    return folder


class Run:
    """Streams of the lesson's records, and what a query over them has in its memory sink when all is read."""

    def __init__(self, spark: SparkSession, source: Path, *, files: int) -> None:
        """`files` is how many files of the source a batch takes."""
        self.spark = spark
        self.source = source
        self.files = files
        self.number = 0

    def orders(self, watermark: str = "") -> DataFrame:
        rows = self._read("orders", ORDER)
        return rows.withWatermark("order_time", watermark) if watermark else rows

    def items(self, watermark: str = "") -> DataFrame:
        rows = self._read("items", ITEM).withColumnRenamed("order_id", "item_order_id")
        return rows.withWatermark("item_time", watermark) if watermark else rows

    def _read(self, name: str, schema: Any) -> DataFrame:
        return (
            self.spark.readStream.schema(schema).option("maxFilesPerTrigger", self.files).json(str(self.source / name))
        )

    def __call__(self, rows: DataFrame, mode: str = "append") -> tuple[list[Row], StreamingQuery]:
        self.number += 1
        name = f"l05_{self.files}_{self.number}"
        query = rows.writeStream.queryName(name).format("memory").outputMode(mode).trigger(availableNow=True).start()
        query.awaitTermination()
        return self.spark.table(name).collect(), query


@pytest.fixture(scope="module")
def run(spark: SparkSession, source: Path) -> Run:
    return Run(spark, source, files=1)


@pytest.fixture(scope="module")
def quick(spark: SparkSession, source: Path) -> Run:
    """The same in four batches instead of seven, where what is left at the end is all that counts."""
    return Run(spark, source, files=2)


def dropped(query: StreamingQuery) -> int:
    """What `numRowsDroppedByWatermark` adds up to over all batches."""
    return sum(one["numRowsDroppedByWatermark"] for batch in query.recentProgress for one in batch["stateOperators"])


def in_state(query: StreamingQuery) -> int:
    return sum(one["numRowsTotal"] for one in query.lastProgress["stateOperators"])


def windows(rows: list[Row]) -> set[str]:
    return {str(oracle.Window(row.start, row.end, row["count"], row.asDict().get("status", ""))) for row in rows}


def five_minutes() -> Column:
    return F.window("order_time", "5 minutes")


def same() -> Column:
    return F.expr("order_id = item_order_id")


def near() -> Column:
    return same() & F.expr("item_time BETWEEN order_time AND order_time + interval 1 minute")


BY_WINDOW = ("window.start", "window.end", "count")


def test_each_order_once(run: Run) -> None:
    found, query = run(run.orders("2 minutes").dropDuplicatesWithinWatermark(["order_id"]))
    assert sorted(row.order_id for row in found) == sorted(oracle.unique_orders())
    assert dropped(query) == 5


def test_tumbling_windows_of_unique_orders(run: Run) -> None:
    unique = run.orders("2 minutes").dropDuplicatesWithinWatermark(["order_id"])
    counts = unique.groupBy(five_minutes(), "status").count().select("window.start", "window.end", "status", "count")
    found, _ = run(counts)
    assert (windows(found), len(found)) == (oracle.tumbling(), 18)


def test_late_orders_are_counted_after_each_batch_was_aggregated(run: Run) -> None:
    """Five late records; but Spark aggregates within a batch before it drops: one partial result, or two."""
    found, query = run(run.orders("2 minutes").groupBy(five_minutes()).count().select(*BY_WINDOW), "update")
    assert (len(found), dropped(query)) == (oracle.updates(), 1)
    slid = F.window("order_time", "10 minutes", "5 minutes")
    found, query = run(run.orders("2 minutes").groupBy(slid).count().select(*BY_WINDOW))
    assert (windows(found), dropped(query)) == (oracle.sliding(), 2)


def test_complete_mode_keeps_what_is_late(run: Run) -> None:
    found, query = run(run.orders("2 minutes").groupBy(five_minutes()).count().select(*BY_WINDOW), "complete")
    assert (windows(found), dropped(query), in_state(query)) == (oracle.complete(), 0, 10)


def test_a_left_join_gives_up_on_an_item_when_the_watermark_says_so(run: Run) -> None:
    unique = run.orders("2 minutes").dropDuplicatesWithinWatermark(["order_id"])
    sold = run.items("2 minutes").withColumnRenamed("item_order_id", "order_id")
    found, _ = run(with_items(unique, sold, "left"))
    alone = [row.order_id for row in found if row.item_id is None]
    assert (len(found), sorted(alone)) == (568, sorted(oracle.without_items()))


def test_without_dropping_duplicates_the_join_has_sixty_rows_more(quick: Run) -> None:
    found, _ = quick(quick.orders("2 minutes").join(quick.items("2 minutes"), near()))
    assert len(found) == len(oracle.pairs()) + 60


def test_the_broken_steps_show_what_the_handout_says(run: Run) -> None:
    found, query = run(on_the_window(run.orders()))
    assert (found, in_state(query)) == ([], 10)
    assert query.lastProgress["eventTime"]["watermark"].startswith("1970-01-01")
    found, query = run(on_the_time(run.orders()))
    assert (len(found), in_state(query)) == (9, 1)
    found, _ = run(by_arrival(run.orders()))
    assert len(found) == len(oracle.unique_orders()) + oracle.copies_in_another_batch() + data.LATE


REFUSED = {
    "append without a watermark": (
        lambda run: run.orders().groupBy(five_minutes()).count(),
        "append",
        "Append output mode not supported when there are streaming aggregations",
    ),
    "append with a watermark that is not grouped by": (
        lambda run: run.orders("2 minutes").groupBy("status").count(),
        "append",
        "Append output mode not supported when there are streaming aggregations",
    ),
    "within watermark, without one": (
        lambda run: run.orders().dropDuplicatesWithinWatermark(["order_id"]),
        "append",
        "dropDuplicatesWithinWatermark is not supported .* without watermark",
    ),
    "left join without a watermark": (
        lambda run: run.orders().join(run.items(), near(), "left"),
        "append",
        "LeftOuter join .* is not supported without a watermark",
    ),
    "left join with a watermark on the left side only": (
        lambda run: run.orders("2 minutes").join(run.items(), near(), "left"),
        "append",
        "LeftOuter join .* is not supported without a watermark",
    ),
    "left join without a time range": (
        lambda run: run.orders("2 minutes").join(run.items("2 minutes"), same(), "left"),
        "append",
        "LeftOuter join .* is not supported without a watermark",
    ),
    "left join in update mode": (
        lambda run: run.orders("2 minutes").join(run.items("2 minutes"), near(), "left"),
        "update",
        "not supported in Update output mode, only in Append output mode",
    ),
    "inner join in update mode": (
        lambda run: run.orders("2 minutes").join(run.items("2 minutes"), near()),
        "update",
        "not supported in Update output mode, only in Append output mode",
    ),
    "session windows in update mode": (
        lambda run: run.orders("2 minutes").groupBy(F.session_window("order_time", "15 seconds")).count(),
        "update",
        "Update output mode not supported for session window",
    ),
    "complete mode without an aggregation": (
        lambda run: run.orders("2 minutes"),
        "complete",
        "Complete output mode not supported when there are no streaming aggregations",
    ),
    "count of what is different": (
        lambda run: run.orders().agg(F.count_distinct("order_id")),
        "complete",
        "Distinct aggregations are not supported .* Consider using approx_count_distinct",
    ),
}


@pytest.mark.parametrize(("rows", "mode", "words"), REFUSED.values(), ids=REFUSED)
def test_spark_refuses_these_before_anything_is_read(run: Run, rows: Any, mode: str, words: str) -> None:
    with pytest.raises(AnalysisException, match=words):
        run(rows(run), mode)


@pytest.mark.parametrize("mode", ["update", "complete"])
def test_a_file_sink_takes_append_alone(run: Run, tmp_path: Path, mode: str) -> None:
    counts = run.orders("2 minutes").groupBy(five_minutes()).count()
    with pytest.raises(AnalysisException, match=f"does not support {mode.title()} output mode"):
        counts.writeStream.format("json").outputMode(mode).start(str(tmp_path / "out"))


#: Queries that run without a watermark, or with one that is of no use, and how many rows are in their state at the end.
KEPT = {
    "update without a watermark": (lambda run: run.orders().groupBy(five_minutes()).count(), "update", 10),
    "update with one": (lambda run: run.orders("2 minutes").groupBy(five_minutes()).count(), "update", 1),
    "complete with one": (lambda run: run.orders("2 minutes").groupBy(five_minutes()).count(), "complete", 10),
    "duplicates without": (lambda run: run.orders().dropDuplicates(["order_id"]), "append", 305),
    "duplicates by id alone": (lambda run: run.orders("2 minutes").dropDuplicates(["order_id"]), "append", 300),
    "duplicates by id and time": (
        lambda run: run.orders("2 minutes").dropDuplicates(["order_id", "order_time"]),
        "append",
        12,
    ),
    "duplicates within watermark": (
        lambda run: run.orders("2 minutes").dropDuplicatesWithinWatermark(["order_id"]),
        "append",
        24,
    ),
    "inner join without a watermark": (lambda run: run.orders().join(run.items(), near()), "append", 875),
    "inner join without a time range": (
        lambda run: run.orders("2 minutes").join(run.items("2 minutes"), same()),
        "append",
        870,
    ),
    "inner join with a watermark on one side": (
        lambda run: run.orders("2 minutes").join(run.items(), near()),
        "append",
        870,
    ),
    "left join with a watermark on the right side alone": (
        lambda run: run.orders().join(run.items("2 minutes"), near(), "left"),
        "append",
        875,
    ),
    "inner join with both and a range": (
        lambda run: run.orders("2 minutes").join(run.items("2 minutes"), near()),
        "append",
        48,
    ),
}


@pytest.mark.parametrize(("rows", "mode", "kept"), KEPT.values(), ids=KEPT)
def test_what_a_query_keeps_when_all_is_read(quick: Run, rows: Any, mode: str, kept: int) -> None:
    _, query = quick(rows(quick), mode)
    assert in_state(query) == kept


def test_approximate_aggregates_and_how_far_off_they_are(run: Run) -> None:
    seconds = F.unix_timestamp("order_time") - int(data.START.timestamp())
    (found,), _ = run(
        run.orders().agg(
            F.approx_count_distinct("order_id").alias("different"),
            F.approx_count_distinct("order_id", 0.01).alias("closer"),
            F.approx_count_distinct("order_id", 0.1).alias("rougher"),
            F.percentile_approx(seconds, [0.5, 0.95]).alias("places"),
            F.percentile_approx(seconds, [0.5, 0.95], 20).alias("rough_places"),
        ),
        "complete",
    )
    exact = len({one.order_id for one in data.sent_orders()})
    assert (exact, found.different, found.closer, found.rougher) == (305, 302, 304, 258)
    assert (found.places, found.rough_places) == ([1470, 2840], [1350, 2990])
