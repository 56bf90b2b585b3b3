"""A mistake to look at: rows that are there several times, split at random. The test then knows the training's rows."""

from __future__ import annotations

from pyspark.ml import Pipeline
from pyspark.ml.classification import DecisionTreeClassifier
from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.ml.feature import VectorAssembler
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from common.outcome import Outcome
from common.settings import Settings
from lesson07 import data
from lesson07.features import LABEL
from lesson07.places import WINES_FILE
from lesson07.transforms import WINE, split

COPIES = 5
SEED = 7


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """Ask a model for what nobody can know, the toss of a coin, and look how well it does."""
    wines = spark.read.csv(settings.input(WINES_FILE), schema=WINE, header=True, mode="FAILFAST")
    accuracies = measured(coins(wines).coalesce(1).cache())
    for how, accuracy in accuracies.items():
        print(f"{how}: {accuracy:.1%} of coin tosses foretold", flush=True)
    print("expected of a coin: 50 %. The rest is the same row on both sides of the split.", flush=True)
    return Outcome(details=accuracies)


def coins(wines: DataFrame) -> DataFrame:
    """Each wine five times, as in data sets that were blown up, with a label that has nothing to do with it."""
    tossed = wines.where(F.col("type").isNotNull()).withColumn(
        LABEL, (F.crc32(F.concat(F.lit("coin-"), "id")) % 2) * 1.0
    )
    return tossed.withColumn("copy", F.explode(F.sequence(F.lit(1), F.lit(COPIES))))


def measured(rows: DataFrame) -> dict[str, float]:
    """How often a deep tree is right about its test part, with the rows split at random and split by wine."""
    return {
        "split at random": accuracy(*rows.randomSplit([0.7, 0.3], seed=SEED)),
        "split by wine": accuracy(*split(rows)),
    }


def accuracy(training: DataFrame, test: DataFrame) -> float:
    tree = DecisionTreeClassifier(labelCol=LABEL, maxDepth=20, maxBins=512, seed=SEED)
    stages = [VectorAssembler(inputCols=list(data.MEASURES), outputCol="features"), tree]
    scored = Pipeline(stages=stages).fit(training).transform(test)
    return MulticlassClassificationEvaluator(labelCol=LABEL, metricName="accuracy").evaluate(scored)
