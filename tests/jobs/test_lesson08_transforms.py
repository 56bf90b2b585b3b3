"""What happens to a job between Kafka and the tables, on a few rows each."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from pyspark.sql import DataFrame, SparkSession

from lesson08 import data
from lesson08.transforms import TRAINING, as_records, dead_letters, jobs, split, with_person

WHOLE = '{"id": "p1", "education": "master", "job": "nurse", "years": 3}'
CASES = {
    WHOLE: None,
    '{"id": "x9", "education": "master", "job": "nurse", "years": 3}': "no person",
    '{"id": "p1", "education": "master", "years": 3}': "incomplete",
    '{"id": "p2", "education": "master", "job": "nurse", "years": 3}': "incomplete",  # a person without an age
    '{"id": "p1", "educ': "unreadable",
    '{"id": "p1", "education": "master", "job": "nurse", "years": "three"}': "unreadable",
    '{"id": "", "education": "master", "job": "nurse", "years": 3}': "unreadable",
    '{"education": "master", "job": "nurse", "years": 3}': "unreadable",
    "null": "unreadable",
}


def joined(spark: SparkSession, *texts: str) -> DataFrame:
    rows = [(None, text.encode(), 0, offset, datetime(2025, 1, 1)) for offset, text in enumerate(texts)]
    raw = spark.createDataFrame(rows, "key binary, value binary, partition int, offset bigint, timestamp timestamp")
    people = spark.createDataFrame([("p1", 40, "female"), ("p2", None, "male")], "id string, age int, gender string")
    return with_person(jobs(raw), people)


def test_each_job_has_its_person_or_a_reason(spark: SparkSession) -> None:
    rows = joined(spark, *CASES).orderBy("offset").collect()
    assert {row.value: row.reason for row in rows} == CASES
    assert (rows[0].age, rows[0].gender) == (40, "female")


def test_a_record_that_is_cut_off_has_no_id(spark: SparkSession) -> None:
    (row,) = dead_letters(joined(spark, data.UNREADABLE[1])).collect()
    assert {name: row[name] for name in ("id", "reason", "value")} == data.dead_letters()[data.UNREADABLE[1]]


def test_dead_letters_keep_their_place_in_kafka_and_their_text(spark: SparkSession) -> None:
    rows = dead_letters(joined(spark, WHOLE, "garbage")).collect()
    assert [row.asDict() for row in rows] == [
        {"kafka_partition": 0, "kafka_offset": 1, "id": None, "reason": "unreadable", "value": "garbage"}
    ]


def test_a_prediction_becomes_a_record_keyed_by_its_id(spark: SparkSession) -> None:
    scored = spark.createDataFrame([("p1", 1 / 3, 7)], "id string, prediction double, batch_id bigint")
    (row,) = as_records(scored).collect()
    assert row.key == "p1"
    assert json.loads(row.value) == {"id": "p1", "prediction": 1 / 3, "batch_id": 7}


@pytest.mark.parametrize("partitions", [1, 3])
def test_the_split_is_the_same_however_the_rows_are_spread(spark: SparkSession, partitions: int) -> None:
    rows = [(one.id, one.age, one.gender, one.education, one.job, one.years, one.salary) for one in data.training()]
    training, test = split(spark.createDataFrame(rows, TRAINING).repartition(partitions))
    assert (training.count(), test.count()) == (793, 207)
    assert training.join(test, "id").count() == 0
