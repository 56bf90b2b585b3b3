"""A slice of a topic becomes records that say where they stood, and only those that are not there yet are written."""

from __future__ import annotations

import json
from math import isnan

from kafka.partitioner.default import murmur2
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lesson02 import data
from lesson02.transforms import as_text, not_yet_there, slice_records

KAFKA = "key binary, value binary, topic string, partition int, offset bigint"


def topic(spark: SparkSession) -> DataFrame:
    """The lesson's slice as Spark's Kafka source gives it."""
    rows = [
        (bytearray(key.encode()), bytearray(value.encode()), "l02-events", number, offset)
        for number in range(data.PARTITIONS)
        for offset, (key, value) in enumerate(data.partition(number))
        if data.FIRST <= offset < data.END
    ]
    return spark.createDataFrame(rows, KAFKA)


def test_keys_go_to_the_partitions_that_the_oracle_says() -> None:
    """The partitioner of every Kafka client, computed here: none of the lesson's own figures is in it."""
    found = {key: (murmur2(key.encode()) & 0x7FFFFFFF) % data.PARTITIONS for key in data.SENSORS}
    assert found == data.SENSORS


def test_a_slice_is_its_events_and_their_count(spark: SparkSession) -> None:
    records = {(row.key, row.value) for row in slice_records(topic(spark)).collect()}
    assert ("count", '{"rows":9}') in records
    events = sorted((key, json.loads(value)["seq"], json.loads(value)) for key, value in records if key != "count")
    wanted = sorted((key, value["seq"], value) for key, value in data.sliced())
    assert [one[2] for one in events] == [one[2] for one in wanted]


def test_an_empty_slice_has_a_count_too(spark: SparkSession) -> None:
    (row,) = slice_records(topic(spark).where("false")).collect()
    assert (row.key, row.value) == ("count", '{"rows":0}')


def test_only_what_is_not_there_yet_is_written(spark: SparkSession) -> None:
    wanted = slice_records(topic(spark))
    nothing = spark.createDataFrame([], KAFKA)
    assert not_yet_there(wanted, as_text(nothing)).count() == 10
    assert not_yet_there(wanted, wanted).count() == 0
    assert not_yet_there(wanted, wanted.where("key = 'cellar'")).where("key = 'cellar'").count() == 0


def test_nan_is_a_number_for_spark_and_null_is_none(spark: SparkSession) -> None:
    """What the handout says of pandas' NaN in JSON."""
    written = json.dumps({"value": float("nan")})
    assert written == '{"value": NaN}'
    values = spark.createDataFrame([(written,), ('{"value": null}',), ('{"value": 1.5}',)], "value string")
    read = values.select(F.from_json("value", "value double").alias("data")).select("data.value")
    assert [str(row.value) for row in read.collect()] == ["nan", "None", "1.5"]
    assert isnan(read.agg(F.avg("value")).first()[0])
