"""Fit a pipeline in batch, save it on HDFS, load it again, and score with what was loaded."""

from __future__ import annotations

import json
from typing import Any

from pyspark.ml import PipelineModel
from pyspark.ml.evaluation import BinaryClassificationEvaluator, MulticlassClassificationEvaluator
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from common.hdfs import Hdfs
from common.outcome import Outcome
from common.settings import Settings
from lesson07.features import LABEL, pipeline, with_label
from lesson07.places import METRICS, MODEL, SCORED, UNLABELED, WINES_FILE
from lesson07.transforms import WINE, split


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """Leave model/wines, out/metrics.json, and the scores of the test wines and of those without a type."""
    # One file by its name: a pattern over the folder would read users and orders too.
    wines = spark.read.csv(settings.input(WINES_FILE), schema=WINE, header=True, mode="FAILFAST")
    training, test = (with_label(part).coalesce(1).cache() for part in split(wines))
    model = pipeline(int(settings.args["iterations"])).fit(training)
    model.write().overwrite().save(settings.model(MODEL))
    loaded = PipelineModel.load(settings.model(MODEL))
    scored = with_score(loaded.transform(test)).cache()
    metrics = {
        **measured(loaded, training, test),
        "largest_difference_after_loading": difference(with_score(model.transform(test)), scored),
    }
    unlabeled = with_score(loaded.transform(wines.where(F.col("type").isNull()))).cache()
    for name, frame in ((SCORED, scored), (UNLABELED, unlabeled)):
        frame.select("id", "score", "predicted_type").write.mode("overwrite").parquet(settings.output(name))
    Hdfs(settings.info.webhdfs).write(settings.output(METRICS), json.dumps(metrics, indent=2) + "\n")
    print(in_words(metrics), flush=True)
    return Outcome(written={f"hdfs {settings.output(UNLABELED)}": unlabeled.count()}, details=metrics)


def measured(model: PipelineModel, training: DataFrame, test: DataFrame) -> dict[str, Any]:
    """The area under the ROC curve and the accuracy, beside that of always saying white."""
    scored = model.transform(test)
    area = BinaryClassificationEvaluator(labelCol=LABEL)
    right = MulticlassClassificationEvaluator(labelCol=LABEL, metricName="accuracy")
    return {
        "rows_training": training.count(),
        "rows_test": test.count(),
        "area_test": area.evaluate(scored),
        "area_training": area.evaluate(model.transform(training)),
        "accuracy_test": right.evaluate(scored),
        "accuracy_of_always_white": test.where(F.col(LABEL) == 0.0).count() / test.count(),
    }


def with_score(scored: DataFrame) -> DataFrame:
    """The model's probability of "red" as a plain number."""
    return scored.withColumn("score", vector_to_array("probability")[1])


def difference(one: DataFrame, other: DataFrame) -> float:
    """The largest difference between two scores of one wine."""
    pairs = one.select("id", "score").join(other.select("id", F.col("score").alias("again")), "id")
    return pairs.agg(F.max(F.abs(F.col("score") - F.col("again")))).first()[0]


def in_words(metrics: dict[str, Any]) -> str:
    return (
        f"area under the curve {metrics['area_test']:.3f}, {metrics['accuracy_test']:.1%} of {metrics['rows_test']} "
        f"test wines right (always white: {metrics['accuracy_of_always_white']:.1%})"
    )
