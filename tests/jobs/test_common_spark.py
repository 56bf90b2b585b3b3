"""Kafka records become typed rows, and what cannot be read is kept as text."""

from __future__ import annotations

from datetime import datetime

from pyspark.sql import Row, SparkSession
from pyspark.sql.types import IntegerType, StringType, StructField, StructType

from common.spark import from_kafka_json

SCHEMA = StructType([StructField("id", StringType()), StructField("years", IntegerType())])
NOON = datetime(2025, 1, 1, 12)


def read(spark: SparkSession, *values: str | None) -> list[Row]:
    raw = [(b"k", None if text is None else text.encode(), 0, offset, NOON) for offset, text in enumerate(values)]
    frame = spark.createDataFrame(raw, "key binary, value binary, partition int, offset bigint, timestamp timestamp")
    return from_kafka_json(frame, SCHEMA).orderBy("offset").collect()


def test_a_record_becomes_a_row_with_its_place_in_kafka(spark: SparkSession) -> None:
    (row,) = read(spark, '{"id": "p1", "years": 3}')
    assert row.asDict() == {
        "partition": 0,
        "offset": 0,
        "timestamp": NOON,
        "key": "k",
        "value": '{"id": "p1", "years": 3}',
        "id": "p1",
        "years": 3,
        "malformed": None,
    }


def test_text_that_is_not_what_the_schema_says_is_kept_as_malformed(spark: SparkSession) -> None:
    texts = ["garbage", '{"id": "p1", "ye', '{"id": "p1", "years": "many"}']
    assert [row.malformed for row in read(spark, *texts)] == texts


def test_missing_fields_are_null_and_not_malformed(spark: SparkSession) -> None:
    (row,) = read(spark, '{"id": "p1"}')
    assert (row.id, row.years, row.malformed) == ("p1", None, None)


def test_a_record_without_a_value_is_a_row_of_nulls(spark: SparkSession) -> None:
    (row,) = read(spark, None)
    assert (row.value, row.id, row.malformed) == (None, None, None)


def test_further_columns_of_the_source_are_kept_when_they_are_named(spark: SparkSession) -> None:
    raw = [("t", b"k", b'{"id": "p1"}', 0, 0, NOON)]
    columns = "topic string, key binary, value binary, partition int, offset bigint, timestamp timestamp"
    parsed = from_kafka_json(spark.createDataFrame(raw, columns), SCHEMA, also=("topic",))
    assert (parsed.columns[0], parsed.first().topic) == ("topic", "t")
