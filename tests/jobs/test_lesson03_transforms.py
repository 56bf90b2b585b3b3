"""Records and lines on their way to parquet: what cannot be read is told apart, and nothing is lost."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lesson03 import data
from lesson03.transforms import CATEGORY, READ_AS_DDL, equally_long, parsed_carelessly, sorted_out

NOON = datetime(2025, 1, 1, 12)
SOURCE = "topic string, key binary, value binary, partition int, offset bigint, timestamp timestamp"


def source(spark: SparkSession, records: list[tuple[str, str | None]]) -> DataFrame:
    rows = [
        ("l03-orders", key.encode(), None if value is None else value.encode(), 0, offset, NOON)
        for offset, (key, value) in enumerate(records)
    ]
    return spark.createDataFrame(rows, SOURCE)


@pytest.fixture(scope="module")
def records(spark: SparkSession) -> DataFrame:
    return source(spark, list(data.messages())).cache()


def test_each_record_is_of_one_kind(records: DataFrame) -> None:
    kinds = Counter(row.kind for row in sorted_out(records).select("kind").collect())
    assert kinds == data.kinds(second=False)


def test_orders_keep_their_place_and_their_types(spark: SparkSession) -> None:
    order = data.first_orders()[0]
    key, value = next(record for record in data.messages() if record[0] == order.order_id)
    (row,) = sorted_out(source(spark, [(key, value)])).collect()
    assert (row.topic, row.partition, row.offset, row.key, row.value) == ("l03-orders", 0, 0, key, value)
    assert (row.order_id, row.status, row.kind) == (order.order_id, order.status, "order")
    assert row.purchased_at == datetime(2025, 1, 1)


@pytest.mark.parametrize("value", ["{}", None, '{"status": "created"}', "[]"])
def test_what_has_no_id_is_no_order(spark: SparkSession, value: str | None) -> None:
    (row,) = sorted_out(source(spark, [("k", value)])).collect()
    assert row.kind == "malformed"


def test_parsed_carelessly_it_becomes_a_row_of_nulls(records: DataFrame) -> None:
    """Two of the three malformed ones; the third, whose time is none, keeps its id and looks even better."""
    rows = parsed_carelessly(records)
    assert rows.count() == 1000
    empty = rows.where(F.col("order_id").isNull()).select(F.to_json(F.struct(*rows.columns[1:])).alias("json"))
    assert [row.json for row in empty.collect()] == ["{}", "{}"]
    assert rows.where("order_id IS NOT NULL AND purchased_at IS NULL").count() == 1


def test_lines_of_equal_lengths_are_kept(spark: SparkSession) -> None:
    lines = spark.createDataFrame([row for file in data.categories() for row in file], CATEGORY)
    kept = equally_long(lines).collect()
    assert {row.category for row in kept} == data.equally_long()
    assert all(row.category_length == row.description_length == len(row.description) for row in kept)


def test_a_schema_in_words_is_the_same_schema(spark: SparkSession) -> None:
    assert spark.createDataFrame([], READ_AS_DDL).schema == CATEGORY
