"""Spark decides as the oracle does: totals, users, sales, the split, and what the broken steps are about."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from py4j.protocol import Py4JJavaError
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from common.hdfs import Status
from common.settings import Settings
from lesson07 import broken_label_indexer, broken_leak, data, saved, train
from lesson07.features import pipeline, with_label
from lesson07.sql import statements
from lesson07.transforms import ORDER, WINE, sales, split, users, with_total


@pytest.fixture(scope="module")
def wines(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> DataFrame:
    file = tmp_path_factory.mktemp("wines") / "wines.csv"
    file.write_text(data.wines_csv())
    return spark.read.csv(str(file), schema=WINE, header=True, mode="FAILFAST").coalesce(1).cache()


def test_order_files_are_read_whole(spark: SparkSession, tmp_path: Path) -> None:
    for name, text in data.order_files().items():
        (tmp_path / name).write_text(text)
    orders = with_total(spark.read.csv(str(tmp_path), schema=ORDER, header=True, mode="FAILFAST"))
    row = orders.agg(F.count("*"), F.sum("total_cents"), F.count("ordered_at")).first()
    assert tuple(row) == (1000, data.revenue_cents(), 1000)


def test_users_and_sales_are_those_of_the_oracle(spark: SparkSession) -> None:
    expected = [(number, data.user_city(number)) for number in range(1, data.USERS + 1)]
    assert sorted(map(tuple, users(spark).collect())) == expected
    assert sorted(map(tuple, sales(spark).collect())) == list(data.sales())


def test_the_statements_are_filled_in_and_whole(settings: Settings) -> None:
    found = statements(Settings(info=settings.info, lesson="lesson07", step="sql"))
    assert found[0] == "CREATE DATABASE IF NOT EXISTS shop LOCATION '/user/student/lesson07/warehouse'"
    assert len(found) == 12
    assert not any("--" in one or "$" in one for one in found)


@pytest.mark.parametrize("partitions", [1, 3])
def test_the_split_is_by_id_however_rows_are_spread(wines: DataFrame, partitions: int) -> None:
    training, test = split(wines.repartition(partitions))
    assert {row["id"] for row in test.select("id").collect()} == set(data.test_ids())
    assert training.count() == data.WINES - len(data.test_ids())


def test_the_pipeline_serves_wines_that_have_no_type(wines: DataFrame) -> None:
    training, test = (with_label(part) for part in split(wines))
    model = pipeline(iterations=3).fit(training)
    served = train.with_score(model.transform(wines.where("type is null").drop("type")))
    assert {row["predicted_type"] for row in served.collect()} == {"white", "red"}
    measured = train.measured(model, training, test)
    scores = {row["id"]: row["score"] for row in train.with_score(model.transform(test)).collect()}
    assert measured["area_test"] == pytest.approx(data.area_under_curve(scores), abs=1e-3)
    assert measured["accuracy_of_always_white"] < measured["accuracy_test"]
    assert train.difference(train.with_score(model.transform(test)), train.with_score(model.transform(test))) == 0.0


def test_a_saved_model_s_files_give_the_scores_that_spark_gives(wines: DataFrame, tmp_path: Path) -> None:
    training = with_label(split(wines)[0])
    model = pipeline(iterations=3).fit(training)
    model.save(str(tmp_path / "model"))
    scored = train.with_score(model.transform(wines.where("type is null")))

    def listed(folder: str) -> list[Status]:
        return [Status(str(one), is_dir=one.is_dir(), length=1) for one in sorted(Path(folder).iterdir())]

    hdfs = SimpleNamespace(
        list=listed, read=lambda path: Path(path).read_bytes(), read_text=lambda path: Path(path).read_text()
    )
    wanted = saved.scores(SimpleNamespace(hdfs=hdfs), str(tmp_path / "model"), data.unlabeled())
    assert {row["id"]: row["score"] for row in scored.collect()} == pytest.approx(wanted, abs=1e-12)


def test_copies_on_both_sides_foretell_a_coin(wines: DataFrame) -> None:
    accuracies = broken_leak.measured(broken_leak.coins(wines.where("id < 'w0400'")).coalesce(1).cache())
    assert accuracies["split at random"] > 0.95
    assert 0.35 < accuracies["split by wine"] < 0.65


def test_an_indexed_label_is_skipped_or_fatal(wines: DataFrame) -> None:
    model = broken_label_indexer.pipeline().fit(split(wines)[0])
    unlabeled = wines.where("type is null")
    assert "label" not in model.transform(unlabeled.drop("type")).columns
    with pytest.raises(Py4JJavaError, match="StringIndexer encountered NULL value"):
        model.transform(unlabeled).collect()


def test_a_number_with_a_point_is_a_decimal_in_sql_and_else_calls_the_unknown_white(spark: SparkSession) -> None:
    """What the handout says of the label."""
    wines = spark.createDataFrame([("red",), ("white",), (None,)], "type string")
    wines.createOrReplaceTempView("some_wines")
    label = "CASE WHEN type = 'red' THEN 1.0D ELSE 0.0D END"
    found = spark.sql(f"SELECT 1.0 AS bare, {label} AS label FROM some_wines")
    assert dict(found.dtypes) == {"bare": "decimal(2,1)", "label": "double"}
    assert sorted(row.label for row in found.collect()) == [0.0, 0.0, 1.0]


def test_a_folder_s_name_becomes_a_column_of_what_is_read(spark: SparkSession, tmp_path: Path) -> None:
    spark.range(3).write.parquet(str(tmp_path / "p_date=2025-01-01"))
    found = spark.read.parquet(str(tmp_path))
    assert dict(found.dtypes) == {"id": "bigint", "p_date": "date"}
    assert found.where("p_date = '2025-01-01'").count() == 3
