"""The saved pipeline: fitted once, the same after a reload, and never fitted again on what it scores."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.tuning import TrainValidationSplitModel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from common.errors import WrongRequest
from lesson08 import data
from lesson08.algos import ALGOS, algo_of
from lesson08.data import Person
from lesson08.features import estimator, feature_stages, selection
from lesson08.train import in_words, measured, tried
from lesson08.transforms import TRAINING, predictions, split


def frame(spark: SparkSession, people: list[Person]) -> DataFrame:
    rows = [(one.id, one.age, one.gender, one.education, one.job, one.years, one.salary) for one in people]
    return spark.createDataFrame(rows, TRAINING).coalesce(1)


@pytest.fixture(scope="module")
def selected(spark: SparkSession) -> TrainValidationSplitModel:
    training, _ = split(frame(spark, data.training()))
    return selection("lr", folds=1).fit(training.cache())


@pytest.fixture(scope="module")
def model(selected: TrainValidationSplitModel) -> PipelineModel:
    return selected.bestModel


def salaries(model: PipelineModel, people: DataFrame) -> dict[str, float]:
    return {row.id: row.prediction for row in model.transform(people).select("id", "prediction").collect()}


def test_the_error_is_as_measured(spark: SparkSession, selected: TrainValidationSplitModel) -> None:
    training, test = split(frame(spark, data.training()))
    metrics = measured(selected.bestModel, training, test)
    assert metrics["mae_test"] == pytest.approx(3101.7, abs=1)
    assert metrics["mae_of_the_mean"] == pytest.approx(32751.9, abs=1)
    assert [sorted(setting) for setting in tried(selected)] == [["elasticNetParam", "mae", "regParam"]] * 4
    assert in_words({"algo": "lr", "fit_seconds": 4.8, **metrics}) == (
        "lr: off by 3,102 a year on average for 207 people it had not seen (guessing the mean: 32,752); fitted in 4.8 s"
    )


def test_the_held_out_people_are_predicted_within_the_limit(spark: SparkSession, model: PipelineModel) -> None:
    found = salaries(model, frame(spark, data.held_out()))
    assert data.mean_absolute_error(found) == pytest.approx(3258.2, abs=1)
    assert data.mean_absolute_error(found) < ALGOS["lr"].mae_limit


def test_a_reloaded_model_predicts_the_same(spark: SparkSession, model: PipelineModel, tmp_path: Path) -> None:
    model.write().overwrite().save(str(tmp_path / "salary"))
    again = PipelineModel.load(str(tmp_path / "salary"))
    people = frame(spark, data.held_out()[:20])
    assert salaries(again, people) == salaries(model, people)
    assert algo_of(again.stages[-1].uid) == "lr"


def test_a_batch_does_not_change_how_its_rows_are_scored(spark: SparkSession, model: PipelineModel) -> None:
    """An indexer fitted on each batch would number the categories of that batch, and so change every prediction."""
    everyone = data.held_out()[:40]
    whole = salaries(model, frame(spark, everyone))
    for job in sorted({one.job for one in everyone}):
        batch = frame(spark, [one for one in everyone if one.job == job])
        assert salaries(model, batch) == {key: whole[key] for key in salaries(model, batch)}


def test_every_stage_of_a_fitted_pipeline_only_transforms(model: PipelineModel) -> None:
    kinds = [type(stage).__name__ for stage in model.stages]
    assert kinds == ["StringIndexerModel", "OneHotEncoderModel", "VectorAssembler", "LinearRegressionModel"]
    assert not any(hasattr(stage, "fit") for stage in model.stages)


def test_a_category_that_training_never_saw_is_scored(spark: SparkSession, model: PipelineModel) -> None:
    astronaut = frame(spark, data.held_out()[:1]).withColumn("job", F.lit("astronaut"))
    ((value),) = salaries(model, astronaut).values()
    assert 20_000 < value < 300_000


def test_predictions_have_the_columns_of_their_table(spark: SparkSession, model: PipelineModel) -> None:
    people = frame(spark, data.held_out()[:3]).withColumn("reason", F.lit(None).cast("string"))
    bad = people.limit(1).withColumns({"reason": F.lit("no person"), "id": F.lit("x1")})
    rows = predictions(people.unionByName(bad), model, algo="lr", batch_id=7).orderBy("id").collect()
    assert [row.id for row in rows] == [one.id for one in data.held_out()[:3]]
    assert list(rows[0].asDict()) == [
        "id", "age", "years", "gender", "education", "job", "prediction", "algo", "batch_id",
    ]  # fmt: skip
    assert {(row.algo, row.batch_id) for row in rows} == {("lr", 7)}


def test_stages_are_new_at_each_call(spark: SparkSession) -> None:
    first, second = feature_stages(), feature_stages()
    assert first is not second
    assert not {stage.uid for stage in first} & {stage.uid for stage in second}
    Pipeline(stages=[*first, estimator("lr")[0]])
    assert len(first) == 3


@pytest.mark.parametrize("algo", sorted(ALGOS))
def test_each_algo_tries_four_settings_and_is_known_by_its_stage(spark: SparkSession, algo: str) -> None:
    regression, grid = estimator(algo)
    assert len(grid) == 4
    assert algo_of(regression.uid) == algo


def test_an_unknown_algo_is_refused_with_the_nearest(spark: SparkSession) -> None:
    with pytest.raises(WrongRequest) as error:
        estimator("gbr")
    assert str(error.value) == ("error: no algo named 'gbr'\n  known: gbt, lr, rf\n  fix: did you mean --set algo=gbt?")
