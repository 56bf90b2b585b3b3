"""Exercise of lesson 7: orders as a batch and as a stream that ends; wines from a table to a model and its answers.

Fill in the gaps from the top down. `run` at the end calls them in this order; you need not change it.
"""

from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.feature import IndexToString, OneHotEncoder, StringIndexer, VectorAssembler
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming import StreamingQuery

from common.gaps import Gaps
from common.outcome import Outcome
from common.settings import Settings

ORDER = "order_id bigint, product string, quantity int, price_cents bigint, ordered_at timestamp"
MEASURES = [
    "acidity", "alcohol", "ash", "color", "density", "phenols", "potassium", "sugar", "sulphates", "tannin",
]  # fmt: skip
WINE = "id string, type string, region string, " + ", ".join(f"{name} double" for name in MEASURES)


def read_orders(spark: SparkSession, settings: Settings) -> DataFrame:
    """Gap 1. All CSV files of the folder settings.input("orders"), as a batch with the columns of ORDER, and one more.

    The files have a header line. The new column total_cents is quantity times price_cents.
    """
    # BEGIN SOLUTION
    orders = spark.read.csv(settings.input("orders"), schema=ORDER, header=True)
    return orders.withColumn("total_cents", F.col("quantity") * F.col("price_cents"))
    # END SOLUTION


def write_day(orders: DataFrame, settings: Settings) -> None:
    """Gap 2. The orders as parquet in settings.output("batch", "p_date=2025-01-01"): the folder of one day.

    A second run replaces the day. It is the folder's name that says the day; the files have no such column.
    """
    # BEGIN SOLUTION
    orders.write.mode("overwrite").parquet(settings.output("batch", "p_date=2025-01-01"))
    # END SOLUTION


def stream_orders(spark: SparkSession, settings: Settings) -> StreamingQuery:
    """Gap 3. The same files as a stream: one file in each batch, until all are read, with the same six columns.

    It writes parquet to settings.output("finite"). The query is called l07-finite, and its checkpoint is
    settings.checkpoint("l07-finite"). Start it, and return what start() gives.
    """
    # BEGIN SOLUTION
    orders = (
        spark.readStream.schema(ORDER)
        .option("header", True)
        .option("maxFilesPerTrigger", 1)
        .csv(settings.input("orders"))
    )
    return (
        orders.withColumn("total_cents", F.col("quantity") * F.col("price_cents"))
        .writeStream.queryName("l07-finite")
        .format("parquet")
        .option("path", settings.output("finite"))
        .option("checkpointLocation", settings.checkpoint("l07-finite"))
        .trigger(availableNow=True)
        .start()
    )
    # END SOLUTION


def features(spark: SparkSession) -> DataFrame:
    """Gap 4. By SQL from the table l07_wines: the wines to learn from, with their label.

    Only wines whose type is known. The columns: id, label (a double, 1.0 for red and 0.0 for white), region, and the
    ten measures. The table has the columns of WINE.
    """
    # BEGIN SOLUTION
    return spark.sql(f"""
        SELECT id, CASE WHEN type = 'red' THEN 1.0D ELSE 0.0D END AS label, region, {", ".join(MEASURES)}
        FROM l07_wines
        WHERE type IS NOT NULL
    """)
    # END SOLUTION


def train(labeled: DataFrame, settings: Settings) -> None:
    """Gap 5. Fit one Pipeline and save its model in settings.model("wines"); one that is there is overwritten.

    Its stages: a StringIndexer makes region_index of region, and keeps regions that it does not know
    (handleInvalid="keep"); a OneHotEncoder makes region_vector of that; a VectorAssembler makes features of the ten
    MEASURES and region_vector; a LogisticRegression with maxIter=20; an IndexToString makes predicted_type of the
    prediction, with the labels ["white", "red"].
    """
    # BEGIN SOLUTION
    stages = [
        StringIndexer(inputCol="region", outputCol="region_index", handleInvalid="keep"),
        OneHotEncoder(inputCol="region_index", outputCol="region_vector"),
        VectorAssembler(inputCols=[*MEASURES, "region_vector"], outputCol="features"),
        LogisticRegression(labelCol="label", maxIter=20),
        IndexToString(inputCol="prediction", outputCol="predicted_type", labels=["white", "red"]),
    ]
    Pipeline(stages=stages).fit(labeled).write().overwrite().save(settings.model("wines"))
    # END SOLUTION


def score(spark: SparkSession, settings: Settings) -> DataFrame:
    """Gap 6. What the saved model says of the wines in l07_wines that have no type.

    Load the model. The columns: id, score (a double: the probability of red), predicted_type. The column probability is
    a vector, one number for each label; vector_to_array makes an array of it.
    """
    # BEGIN SOLUTION
    model = PipelineModel.load(settings.model("wines"))
    scored = model.transform(spark.table("l07_wines").where("type IS NULL"))
    return scored.select("id", vector_to_array("probability")[1].alias("score"), "predicted_type")
    # END SOLUTION


def run(spark: SparkSession, settings: Settings) -> Outcome:
    gaps = Gaps(spark, settings)
    orders = gaps.frame(1, read_orders, spark, settings)
    gaps.action(2, write_day, orders, settings)
    gaps.query(3, stream_orders, spark, settings)
    wines = spark.read.csv(settings.input("wines.csv"), schema=WINE, header=True)
    wines.write.mode("overwrite").option("path", settings.output("wines")).saveAsTable("l07_wines")
    labeled = gaps.frame(4, features, spark)
    trained = gaps.action(5, train, labeled, settings)
    gaps.frame(6, lambda _: score(spark, settings), trained)
    return gaps.outcome()
