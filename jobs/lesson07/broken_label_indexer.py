"""A mistake to look at: the label is indexed inside the pipeline that is saved and served."""

from __future__ import annotations

from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.ml import Pipeline
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.feature import StringIndexer, VectorAssembler
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from common.outcome import Outcome
from common.settings import Settings
from lesson07 import data
from lesson07.places import WINES_FILE
from lesson07.transforms import WINE, split


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """Serve wines without a type: first without the column, then with nulls in it. The second ends the step."""
    wines = spark.read.csv(settings.input(WINES_FILE), schema=WINE, header=True, mode="FAILFAST")
    model = pipeline().fit(split(wines)[0])
    unlabeled = wines.where(F.col("type").isNull())
    scored = model.transform(unlabeled.drop("type"))
    print(
        f"without the column type: {scored.count()} wines scored, the indexer was skipped with a warning, "
        f"label among the columns: {'label' in scored.columns}",
        flush=True,
    )
    print("with the column type, all null: the same 150 wines …", flush=True)
    try:
        model.transform(unlabeled).collect()
    except Py4JJavaError as error:
        # The traceback ends in Python's side of the call; what Spark has to say is the innermost of Java's causes.
        print(f"Spark says: {innermost(error.java_exception)}", flush=True)
        raise
    return Outcome()


def innermost(error: Any) -> str:
    while error.getCause() is not None:
        error = error.getCause()
    return error.getMessage()


def pipeline() -> Pipeline:
    stages = [
        StringIndexer(inputCol="type", outputCol="label"),
        VectorAssembler(inputCols=list(data.MEASURES), outputCol="features"),
        LogisticRegression(maxIter=5),
    ]
    return Pipeline(stages=stages)
