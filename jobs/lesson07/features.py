"""The pipeline that tells red wine from white. The label stays outside: whoever is served by the model has none."""

from __future__ import annotations

from pyspark.ml import Pipeline
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.feature import IndexToString, OneHotEncoder, StringIndexer, VectorAssembler
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lesson07 import data

LABEL = "label"


def pipeline(iterations: int) -> Pipeline:
    """Region as columns of its own, one vector, a logistic regression (a classifier), and the label's name again."""
    return Pipeline(
        stages=[
            StringIndexer(inputCol="region", outputCol="region_index", handleInvalid="keep"),
            OneHotEncoder(inputCol="region_index", outputCol="region_vector"),
            VectorAssembler(inputCols=[*data.MEASURES, "region_vector"], outputCol="features"),
            LogisticRegression(labelCol=LABEL, maxIter=iterations),
            IndexToString(inputCol="prediction", outputCol="predicted_type", labels=list(data.LABELS)),
        ]
    )


def with_label(wines: DataFrame) -> DataFrame:
    """The type as a number, by a rule that everyone can read, not by an indexer whose order follows the rows."""
    return wines.withColumn(LABEL, F.when(F.col("type") == data.LABELS[1], 1.0).otherwise(0.0))
