"""What happens to jobs on their way from Kafka to Cassandra: joined with people, sorted out, scored, made records."""

from __future__ import annotations

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import IntegerType, StringType, StructField, StructType

from lesson08.features import INPUTS, LABEL

#: The value of a record of the stream.
JOB = StructType(
    [
        StructField("id", StringType()),
        StructField("education", StringType()),
        StructField("job", StringType()),
        StructField("years", IntegerType()),
    ]
)

#: The same, and a column for the text of a value that is no job. Without it such a value would be a row of nulls.
JOB_OR_TEXT = StructType([*JOB.fields, StructField("malformed", StringType())])

#: A line of the training file.
TRAINING = StructType(
    [
        StructField("id", StringType(), nullable=False),
        StructField("age", IntegerType(), nullable=False),
        StructField("gender", StringType(), nullable=False),
        StructField("education", StringType(), nullable=False),
        StructField("job", StringType(), nullable=False),
        StructField("years", IntegerType(), nullable=False),
        StructField(LABEL, IntegerType(), nullable=False),
    ]
)

#: Why a job has no prediction.
UNREADABLE = "unreadable"
NO_PERSON = "no person"
INCOMPLETE = "incomplete"

#: Stands for an id that is not there; no person has it.
NOBODY = "-"


def split(people: DataFrame) -> tuple[DataFrame, DataFrame]:
    """Four fifths to train with, one fifth to test. An id's checksum decides, so the parts never change.

    `randomSplit` depends on how rows are spread over partitions: with more executors it gives other parts.
    """
    is_test = F.crc32(F.col("id").cast("binary")) % 5 == 0
    return people.where(~is_test), people.where(is_test)


def jobs(records: DataFrame) -> DataFrame:
    """Each record's place in Kafka, its value as text, and the columns of the job that it holds."""
    text = F.col("value").cast("string")
    job = F.from_json(text, JOB_OR_TEXT, {"columnNameOfCorruptRecord": "malformed"})
    return records.select("partition", "offset", text.alias("value"), job.alias("job")).select(
        "partition", "offset", "value", "job.*"
    )


def with_person(parsed: DataFrame, people: DataFrame) -> DataFrame:
    """Each job with its person, and in `reason` why it cannot be scored (null when it can). No job is lost.

    `parsed` as `jobs` gives them; `people` with id, age and gender.
    """
    known = people.select(F.col("id").alias("person_id"), "age", "gender")
    # The connector turns this join into one question for each job, and Cassandra refuses a null or empty key.
    asked = parsed.withColumn("asked_id", F.when(F.col("id") > "", F.col("id")).otherwise(NOBODY))
    joined = asked.join(known, F.col("asked_id") == F.col("person_id"), "left").drop("asked_id")
    lacks_input = F.greatest(*[F.col(name).isNull() for name in INPUTS])
    reason = (
        F.when(F.col("malformed").isNotNull() | ~(F.coalesce("id", F.lit("")) > ""), UNREADABLE)
        .when(F.col("person_id").isNull(), NO_PERSON)
        .when(lacks_input, INCOMPLETE)
    )
    return joined.withColumn("reason", reason)


def predictions(joined: DataFrame, model: PipelineModel, *, algo: str, batch_id: int) -> DataFrame:
    """One row for each job that can be scored, in the columns of the predictions' table."""
    usable = joined.where(F.col("reason").isNull())
    scored = model.transform(usable).withColumns({"algo": F.lit(algo), "batch_id": F.lit(batch_id).cast("long")})
    return scored.select("id", *INPUTS, "prediction", "algo", "batch_id")


def dead_letters(joined: DataFrame) -> DataFrame:
    """One row for each job that cannot be scored, in the columns of the dead letters' table."""
    return joined.where(F.col("reason").isNotNull()).select(
        F.col("partition").alias("kafka_partition"), F.col("offset").alias("kafka_offset"), "id", "reason", "value"
    )


def as_records(scored: DataFrame) -> DataFrame:
    """Predictions as Kafka records: the id as key, id, prediction and batch as JSON."""
    value = F.to_json(F.struct("id", "prediction", "batch_id"))
    return scored.select(F.col("id").alias("key"), value.alias("value"))
