"""The transforms of lesson 5 on small static frames, and as streams of the lesson's own records against the oracle."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, Row, SparkSession

from common.settings import Settings
from common.streams import Streams
from lesson05 import data
from lesson05.broken_wall_clock import by_arrival
from lesson05.broken_window_watermark import on_the_window
from lesson05.transforms import (
    CUSTOMER,
    ITEM,
    ORDER,
    as_records,
    counted,
    once,
    orders,
    timed,
    with_city,
    with_items,
)


def order_rows(spark: SparkSession, *rows: tuple[str, str]) -> DataFrame:
    """Orders with these ids and minutes:seconds after midnight."""
    made = [(key, datetime.fromisoformat(f"2025-01-01T00:{time}"), "c01", "shipped") for key, time in rows]
    return spark.createDataFrame(made, ORDER)


def test_a_record_becomes_an_order_and_garbage_is_left_out(spark: SparkSession) -> None:
    _, value = data.order_records()[0]
    raw = [(None, text.encode(), 0, number, datetime(2025, 1, 1)) for number, text in enumerate((value, "garbage"))]
    frame = spark.createDataFrame(raw, "key binary, value binary, partition int, offset bigint, timestamp timestamp")
    assert [row.asDict() for row in orders(frame).collect()] == [
        {"order_id": "o000", "order_time": datetime(2025, 1, 1), "customer_id": "c00", "status": "shipped"}
    ]


def test_a_window_holds_its_start_but_not_its_end(spark: SparkSession) -> None:
    rows = counted(order_rows(spark, ("a", "00:00"), ("b", "04:59"), ("c", "05:00"))).orderBy("start").collect()
    assert [(row.start.minute, row.end.minute, row["count"]) for row in rows] == [(0, 5, 2), (5, 10, 1)]


def test_windows_that_overlap_count_an_order_twice(spark: SparkSession) -> None:
    slid = counted(order_rows(spark, ("a", "07:00")), size=data.SLIDE_WINDOW, slide=data.SLIDE)
    assert {(row.start.minute, row.end.minute) for row in slid.collect()} == {(0, 10), (5, 15)}


def test_a_count_becomes_a_record_keyed_by_the_start_of_its_window(spark: SparkSession) -> None:
    (row,) = as_records(counted(order_rows(spark, ("a", "07:00")))).collect()
    assert row.key == "00:05"
    assert json.loads(row.value) == {
        "start": "2025-01-01T00:05:00.000Z",
        "end": "2025-01-01T00:10:00.000Z",
        "count": 1,
    }


def test_an_order_of_an_unknown_customer_keeps_its_row(spark: SparkSession) -> None:
    customers = spark.createDataFrame([("c02", "Elmsea")], CUSTOMER)
    (row,) = with_city(order_rows(spark, ("a", "00:00")), customers).collect()
    assert (row.order_id, row.city) == ("a", None)


def test_only_items_within_the_minute_after_it_belong_to_an_order(spark: SparkSession) -> None:
    times = ("00:59", "01:00", "02:00", "02:01")
    sold = [(f"i{time}", "a", datetime.fromisoformat(f"2025-01-01T00:{time}"), "lamp") for time in times]
    joined = with_items(order_rows(spark, ("a", "01:00")), spark.createDataFrame(sold, ITEM), "left")
    assert {row.item_id for row in joined.collect()} == {"i01:00", "i02:00"}
    assert "item_order_id" not in joined.columns


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


def answers(
    spark: SparkSession, settings: Settings, queries: dict[str, DataFrame], **modes: str
) -> tuple[dict[str, list[Row]], dict[str, object]]:
    """What each query has in its memory sink when all is read, and its report."""
    running = Streams(spark, settings, stop_asked=lambda: False, say=lambda line: None)
    for name, rows in queries.items():
        running.start(name, rows.writeStream.format("memory").outputMode(modes.get(name, "append")), throwaway=True)
    reports = {report.name: report for report in running.finish()}
    return {name: spark.table(name).collect() for name in queries}, reports


def stream(spark: SparkSession, folder: Path, schema: object) -> DataFrame:
    return spark.readStream.schema(schema).option("maxFilesPerTrigger", 1).json(str(folder))


def windows(rows: list[Row]) -> set[str]:
    return {str(data.Window(row.start, row.end, row["count"], row.asDict().get("status", ""))) for row in rows}


def test_windows_duplicates_and_late_orders_are_as_the_oracle_says(
    spark: SparkSession, settings: Settings, source: Path
) -> None:
    made = timed(stream(spark, source / "orders", ORDER), "order_time")
    queries = {
        "t_dedup": once(made),
        "t_tumbling": counted(once(made), "status"),
        "t_sliding": counted(made, size=data.SLIDE_WINDOW, slide=data.SLIDE),
        "t_update": counted(made),
    }
    found, reports = answers(spark, settings, queries, t_update="update")
    assert sorted(row.order_id for row in found["t_dedup"]) == sorted(data.unique_orders())
    assert (windows(found["t_tumbling"]), len(found["t_tumbling"])) == (data.tumbling(), 18)
    assert windows(found["t_sliding"]) == data.sliding()
    assert len(found["t_update"]) == data.updates()
    dropped = {name: report.dropped_by_watermark for name, report in reports.items()}
    # Five late rows; but Spark counts what it drops after it has added up each batch: one window, or two.
    assert dropped == {"t_dedup": 5, "t_tumbling": 5, "t_sliding": 2, "t_update": 1}


def test_a_left_join_gives_up_on_an_item_when_the_watermark_says_so(
    spark: SparkSession, settings: Settings, source: Path
) -> None:
    made = once(timed(stream(spark, source / "orders", ORDER), "order_time"))
    sold = timed(stream(spark, source / "items", ITEM), "item_time")
    found, _ = answers(spark, settings, {"t_left": with_items(made, sold, "left")})
    alone = [row.order_id for row in found["t_left"] if row.item_id is None]
    assert (len(found["t_left"]), sorted(alone)) == (568, sorted(data.without_items()))


def test_a_left_join_in_update_mode_is_refused(spark: SparkSession, settings: Settings, source: Path) -> None:
    made, sold = stream(spark, source / "orders", ORDER), stream(spark, source / "items", ITEM)
    joined = with_items(timed(made, "order_time"), timed(sold, "item_time"), "left")
    with pytest.raises(AnalysisException, match="not supported in Update output mode, only in Append"):
        answers(spark, settings, {"t_refused": joined}, t_refused="update")


def test_the_broken_steps_show_what_the_handout_says(spark: SparkSession, settings: Settings, source: Path) -> None:
    made = stream(spark, source / "orders", ORDER)
    found, reports = answers(spark, settings, {"t_window": on_the_window(made), "t_clock": by_arrival(made)})
    assert found["t_window"] == []
    assert reports["t_window"].last_watermark.startswith("1970-01-01")
    assert len(found["t_clock"]) == len(data.unique_orders()) + data.copies_in_another_batch() + data.LATE
