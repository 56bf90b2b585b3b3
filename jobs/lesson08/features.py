"""The one place where a person and a job become numbers. Fitted once, in training, inside the saved pipeline.

Scoring never fits anything: an indexer fitted again on a micro-batch numbers the categories of that batch, so the
same job gets another number than in training and the model sees something it never learned.
"""

from __future__ import annotations

from pyspark.ml import Pipeline
from pyspark.ml.base import Estimator
from pyspark.ml.evaluation import RegressionEvaluator
from pyspark.ml.feature import OneHotEncoder, StringIndexer, VectorAssembler
from pyspark.ml.param import Param
from pyspark.ml.regression import GBTRegressor, LinearRegression, RandomForestRegressor
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder, TrainValidationSplit

from lesson08.algos import known_algo

NUMBERS = ("age", "years")
CATEGORIES = ("gender", "education", "job")
INPUTS = (*NUMBERS, *CATEGORIES)
LABEL = "salary"
SEED = 8


def feature_stages() -> list:
    """Index the categories, encode each as one column per value, put all into one vector; a new list at each call.

    A category that training never saw becomes zeros in all its columns ("keep") instead of ending the stream.
    """
    indexed = [f"{name}_index" for name in CATEGORIES]
    encoded = [f"{name}_vector" for name in CATEGORIES]
    return [
        StringIndexer(
            inputCols=list(CATEGORIES), outputCols=indexed, handleInvalid="keep", stringOrderType="alphabetAsc"
        ),
        OneHotEncoder(inputCols=indexed, outputCols=encoded),
        VectorAssembler(inputCols=[*NUMBERS, *encoded], outputCol="features"),
    ]


def estimator(algo: str) -> tuple[Estimator, list[dict[Param, object]]]:
    """The regression called `algo`, and the few settings to try: four, so that a demonstration stays short."""
    grid = ParamGridBuilder()
    if known_algo(algo) == "lr":
        lr = LinearRegression(labelCol=LABEL)
        return lr, grid.addGrid(lr.regParam, [0.1, 100.0]).addGrid(lr.elasticNetParam, [0.0, 1.0]).build()
    if algo == "rf":
        rf = RandomForestRegressor(labelCol=LABEL, seed=SEED)
        return rf, grid.addGrid(rf.numTrees, [20, 40]).addGrid(rf.maxDepth, [6, 9]).build()
    gbt = GBTRegressor(labelCol=LABEL, seed=SEED)
    return gbt, grid.addGrid(gbt.maxIter, [10, 20]).addGrid(gbt.maxDepth, [3, 5]).build()


def evaluator(metric: str = "mae") -> RegressionEvaluator:
    return RegressionEvaluator(labelCol=LABEL, metricName=metric)


def selection(algo: str, *, folds: int) -> TrainValidationSplit | CrossValidator:
    """What fits the whole pipeline once for each setting (and fold) and keeps the best: features included.

    Indexing before the split would let the validation part into what is fitted.
    """
    regression, grid = estimator(algo)
    common = {
        "estimator": Pipeline(stages=[*feature_stages(), regression]),
        "estimatorParamMaps": grid,
        "evaluator": evaluator(),
        "seed": SEED,
        "parallelism": 2,
    }
    if folds > 1:
        return CrossValidator(numFolds=folds, **common)
    return TrainValidationSplit(trainRatio=0.8, **common)
