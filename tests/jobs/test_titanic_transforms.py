"""What happens to a passenger between file, topic and chart, on a few rows each."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from pyspark.sql import DataFrame, SparkSession

from titanic import broken_two_schemas, chart, check, data
from titanic.transforms import (
    CLASS,
    PASSENGER,
    as_records,
    by_age,
    by_minute,
    enriched,
    not_sent,
    passengers,
    with_event_time,
    with_prefix,
)


def everyone(spark: SparkSession) -> DataFrame:
    rows = [tuple(getattr(one, name) for name in data.COLUMNS) for one in data.passengers()]
    return spark.createDataFrame(rows, PASSENGER)


def classes(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(list(data.CLASS_NAMES.items()), CLASS)


def as_kafka(records: DataFrame) -> DataFrame:
    """Records as Spark's Kafka source gives them."""
    return records.selectExpr(
        "cast(key as binary) key",
        "cast(value as binary) value",
        "0 partition",
        "0L offset",
        "timestamp'2025-01-01' timestamp",
    )


@pytest.fixture(scope="module")
def people(spark: SparkSession) -> DataFrame:
    """Everyone, through JSON and back, enriched: what the file sink holds."""
    parsed = passengers(as_kafka(as_records(with_event_time(everyone(spark)))))
    return enriched(parsed, classes(spark)).cache()


def test_the_file_is_read_as_the_generator_wrote_it(spark: SparkSession, tmp_path: object) -> None:
    file = tmp_path / "passengers.csv"
    file.write_text(data.passengers_csv())
    read = spark.read.csv(str(file), schema=PASSENGER, header=True, mode="FAILFAST")
    assert read.exceptAll(everyone(spark)).count() == 0


def test_a_record_has_its_id_as_key_and_no_field_for_what_is_null(spark: SparkSession) -> None:
    row = as_records(spark.createDataFrame([(7, None)], "PassengerId int, Age int")).first()
    assert (row["key"], json.loads(row["value"])) == ("7", {"PassengerId": 7})


def test_a_record_is_what_the_oracle_says(spark: SparkSession) -> None:
    values = {row["key"]: row["value"] for row in as_records(with_event_time(everyone(spark))).collect()}
    found = {key: json.loads(value) for key, value in values.items()}
    assert found == {str(one.PassengerId): json.loads(data.as_json(one)) for one in data.passengers()}


def test_a_value_that_is_no_passenger_is_left_out(spark: SparkSession) -> None:
    assert passengers(spark.createDataFrame([(b"garbage",), (b"{}",)], "value binary")).count() == 0


def test_the_event_time_follows_from_the_id(spark: SparkSession) -> None:
    row = with_event_time(spark.createDataFrame([(12,)], "PassengerId int")).first()
    assert row["event_time"] == datetime(2025, 1, 1, 0, 1)


def test_only_what_the_topic_lacks_is_sent(spark: SparkSession) -> None:
    records = spark.createDataFrame([("1", "a"), ("2", "b")], "key string, value string")
    there = spark.createDataFrame([(b"1",), (b"1",)], "key binary")
    assert [row["key"] for row in not_sent(records, there).collect()] == ["2"]


def test_everyone_has_a_class_and_the_right_age_band(people: DataFrame) -> None:
    assert people.where("ClassName is null or event_time is null").count() == 0
    assert chart.band_counts(by_age(people)) == data.bands()


def test_windows_are_those_of_the_oracle(people: DataFrame) -> None:
    assert chart.window_counts(by_minute(people)) == data.windows()


def test_a_band_that_has_nobody_is_a_zero_not_a_gap(spark: SparkSession) -> None:
    table = spark.createDataFrame([("adult", "First", 3)], "AgeBand string, ClassName string, count long")
    found = chart.band_counts(table)
    assert found["adult"] == {"First": 3, "Second": 0, "Third": 0}
    assert found["minor"] == {"First": 0, "Second": 0, "Third": 0}


def test_a_message_gets_its_prefix_and_keeps_its_key(spark: SparkSession) -> None:
    row = with_prefix(spark.createDataFrame([(b"1", b"hello")], "key binary, value binary")).first()
    assert (row["key"], row["value"]) == ("1", "processed: hello")


def test_two_schemas_make_two_charts_disagree(spark: SparkSession) -> None:
    twice = as_records(with_event_time(everyone(spark))).union(as_records(everyone(spark)))
    numbers = broken_two_schemas.counted(passengers(as_kafka(twice)))
    assert numbers == {
        "records": 1782,
        "passengers": 891,
        "in windows": 891,
        "by age": 1782,
        "bands": {"adult": 1202, "minor": 226, "unknown": 354},
    }


def test_the_picture_is_a_png_of_some_size() -> None:
    plot = pytest.importorskip("titanic.plot", reason="matplotlib is in the cluster's image")
    picture = plot.draw(data.bands())
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(picture) > 10_000
    assert check.numbers(picture) == data.bands()
