"""Exercise of lesson 8: learn salaries from a table, score a stream with the saved model, keep the predictions.

Fill in the gaps from the top down. `run` at the end calls them in this order; you need not change it. Your keyspace
is called lesson08, and two tables are in it:

    CREATE TABLE lesson08.people (id text PRIMARY KEY, age int, gender text)
    CREATE TABLE lesson08.salary_prediction (id text PRIMARY KEY, prediction double, features list<double>,
                                             batch_id bigint)
"""

from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.feature import OneHotEncoder, StringIndexer, VectorAssembler
from pyspark.ml.functions import vector_to_array
from pyspark.ml.regression import LinearRegression
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming import StreamingQuery

from common.gaps import Gaps
from common.outcome import Outcome
from common.settings import Settings

PERSON = "id string, age int, gender string, education string, job string, years int, salary int"
JOB = "id string, education string, job string, years int"


def people_to_learn_from(spark: SparkSession, settings: Settings) -> DataFrame:
    """Gap 1. The people whose salary is known, by SQL: the columns id, education, job, years, salary.

    Read the CSV file settings.input("people.csv"), which has a header line, with the schema PERSON; make it the
    temporary view people; return what spark.sql("SELECT …") gives. For some people the salary is null.
    """
    # BEGIN SOLUTION
    spark.read.csv(settings.input("people.csv"), schema=PERSON, header=True).createOrReplaceTempView("people")
    return spark.sql("SELECT id, education, job, years, salary FROM people WHERE salary IS NOT NULL")
    # END SOLUTION


def train(people: DataFrame, settings: Settings) -> None:
    """Gap 2. Fit a pipeline on the people, and save the whole fitted pipeline as settings.model("salary").

    Its stages: one StringIndexer for both education and job that keeps what it has not seen (handleInvalid="keep"); one
    OneHotEncoder for both indexes; a VectorAssembler that puts years, the encoded education and the encoded job, in
    this order, into the column features; a LinearRegression that learns salary. A model that is there is overwritten.
    """
    # BEGIN SOLUTION
    indexes, vectors = ["education_index", "job_index"], ["education_vector", "job_vector"]
    stages = [
        StringIndexer(inputCols=["education", "job"], outputCols=indexes, handleInvalid="keep"),
        OneHotEncoder(inputCols=indexes, outputCols=vectors),
        VectorAssembler(inputCols=["years", *vectors], outputCol="features"),
        LinearRegression(labelCol="salary"),
    ]
    model = Pipeline(stages=stages).fit(people)
    model.write().overwrite().save(settings.model("salary"))
    # END SOLUTION


def known_jobs(spark: SparkSession, records: DataFrame) -> DataFrame:
    """Gap 3. The jobs of the stream whose person is in the table lesson08.people.

    The columns, in any order: id, age, gender, education, job, years.

    A record's value is JSON with the columns of JOB. One record is cut off and becomes a row of nulls: it has no
    person, so it must not be among the rows that you return.
    """
    # BEGIN SOLUTION
    job = F.from_json(F.col("value").cast("string"), JOB)
    jobs = records.select(job.alias("data")).select("data.*").where(F.col("id").isNotNull())
    people = spark.read.format("org.apache.spark.sql.cassandra").options(keyspace="lesson08", table="people").load()
    return jobs.join(people, "id").select("id", "age", "gender", "education", "job", "years")
    # END SOLUTION


def score(jobs: DataFrame, settings: Settings) -> DataFrame:
    """Gap 4. Each job's id, years and prediction, and its features as an array of double, by the saved model.

    Load the pipeline of gap 2 and let it transform the jobs. Cassandra does not know Spark's vectors: vector_to_array.
    """
    # BEGIN SOLUTION
    model = PipelineModel.load(settings.model("salary"))
    scored = model.transform(jobs)
    return scored.select("id", "years", "prediction", vector_to_array("features").alias("features"))
    # END SOLUTION


def save(scored: DataFrame, settings: Settings) -> StreamingQuery:
    """Gap 5. With foreachBatch, each batch to a table and to a topic.

    To the table lesson08.salary_prediction: id, prediction, features, and as batch_id the number of the batch. To the
    topic l08-predictions: the id as key, and as value JSON with id, prediction and batch_id. The query is called
    l08-score, with the checkpoint settings.checkpoint("l08-score"). It reads what is there and ends:
    trigger(availableNow=True). Start it, and return what start() gives.
    """
    # BEGIN SOLUTION
    kafka = settings.info.kafka

    def write(batch: DataFrame, batch_id: int) -> None:
        rows = batch.withColumn("batch_id", F.lit(batch_id).cast("long"))
        (
            rows.select("id", "prediction", "features", "batch_id")
            .write.format("org.apache.spark.sql.cassandra")
            .options(keyspace="lesson08", table="salary_prediction")
            .mode("append")
            .save()
        )
        value = F.to_json(F.struct("id", "prediction", "batch_id"))
        (
            rows.select(F.col("id").alias("key"), value.alias("value"))
            .write.format("kafka")
            .option("kafka.bootstrap.servers", kafka)
            .option("topic", "l08-predictions")
            .save()
        )

    return (
        scored.writeStream.queryName("l08-score")
        .foreachBatch(write)
        .option("checkpointLocation", settings.checkpoint("l08-score"))
        .trigger(availableNow=True)
        .start()
    )
    # END SOLUTION


def run(spark: SparkSession, settings: Settings) -> Outcome:
    gaps = Gaps(spark, settings)
    records = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", settings.info.kafka)
        .option("subscribe", "l08-jobs")
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", 120)
        .load()
    )
    people = gaps.frame(1, people_to_learn_from, spark, settings)
    trained = gaps.action(2, train, people, settings)
    jobs = gaps.frame(3, known_jobs, spark, records)
    scored = gaps.frame(4, score, jobs if trained else None, settings)
    gaps.query(5, save, scored, settings)
    return gaps.outcome()
