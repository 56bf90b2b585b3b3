"""Fit the whole pipeline on people whose salary is known, and save it on HDFS for the stream."""

from __future__ import annotations

import json
import time
from typing import Any

from pyspark.ml import PipelineModel
from pyspark.ml.tuning import CrossValidatorModel, TrainValidationSplitModel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from common.hdfs import Hdfs
from common.outcome import Outcome
from common.settings import Settings
from lesson08.algos import algo_of
from lesson08.features import LABEL, evaluator, selection
from lesson08.places import METRICS, MODEL, TRAINING_FILE
from lesson08.transforms import TRAINING, split


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """Read, select, measure, save: model/salary and out/metrics.json."""
    # One file, no other: a pattern over the folder would read models and results too.
    people = spark.read.csv(settings.input(TRAINING_FILE), schema=TRAINING, header=True, mode="FAILFAST")
    training, test = (part.coalesce(1).cache() for part in split(people))
    began = time.monotonic()
    selected = selection(str(settings.args["algo"]), folds=int(settings.args["folds"])).fit(training)
    metrics = {
        "algo": algo_of(selected.bestModel.stages[-1].uid),
        **measured(selected.bestModel, training, test),
        "grid": tried(selected),
        "fit_seconds": round(time.monotonic() - began, 1),
    }
    print(in_words(metrics), flush=True)
    selected.bestModel.write().overwrite().save(settings.model(MODEL))
    Hdfs(settings.info.webhdfs).write(settings.output(METRICS), json.dumps(metrics, indent=2) + "\n")
    return Outcome(written={f"hdfs {settings.model(MODEL)}": 1}, details=metrics)


def measured(model: PipelineModel, training: DataFrame, test: DataFrame) -> dict[str, Any]:
    """Rows and errors (per year) of `model`, and of always guessing the mean, without which an error says nothing."""
    mean = training.agg(F.avg(LABEL)).first()[0]
    scored = model.transform(test).cache()
    return {
        "rows_training": training.count(),
        "rows_test": test.count(),
        "mae_test": evaluator().evaluate(scored),
        "rmse_test": evaluator("rmse").evaluate(scored),
        "mae_training": evaluator().evaluate(model.transform(training)),
        "mae_of_the_mean": evaluator().evaluate(test.withColumn("prediction", F.lit(mean))),
    }


def tried(selected: TrainValidationSplitModel | CrossValidatorModel) -> list[dict[str, Any]]:
    """Each setting that was tried, with its error on the validation part (the mean over the folds)."""
    errors = getattr(selected, "validationMetrics", None) or selected.avgMetrics
    maps = selected.getEstimatorParamMaps()
    return [
        {"mae": error, **{param.name: value for param, value in settings.items()}}
        for error, settings in zip(errors, maps, strict=True)
    ]


def in_words(metrics: dict[str, Any]) -> str:
    """The line that a student sees while the job ends."""
    return (
        f"{metrics['algo']}: off by {metrics['mae_test']:,.0f} a year on average for {metrics['rows_test']} people it "
        f"had not seen (guessing the mean: {metrics['mae_of_the_mean']:,.0f}); fitted in {metrics['fit_seconds']} s"
    )
