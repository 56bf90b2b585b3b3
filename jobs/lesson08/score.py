"""Score the stream of jobs with the saved pipeline: predictions to Cassandra and Kafka, the rest to dead letters."""

from __future__ import annotations

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, SparkSession

from common.errors import Missing
from common.hdfs import Hdfs
from common.outcome import Outcome, Tally
from common.settings import Settings
from common.streams import Streams
from lesson08.algos import algo_of
from lesson08.places import MODEL, QUERY, keyspace_of
from lesson08.transforms import as_records, dead_letters, jobs, predictions, with_person


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """Score what the topic holds, from where the checkpoint left off."""
    streams, tally, keyspace = Streams(spark, settings), Tally(), keyspace_of(settings)
    model = load_model(settings)
    algo = algo_of(model.stages[-1].uid)

    people = spark.read.format("org.apache.spark.sql.cassandra").options(keyspace=keyspace, table="people").load()
    records = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", settings.info.kafka)
        .option("subscribe", settings.topic("jobs"))
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", settings.args["per_batch"])
        .load()
    )

    # Spark calls write(batch, batch_id), with two values and no more. The model and all else come from around it: in a
    # parameter with a default, `def write(batch, model=model)`, the number of the batch would take the model's place.
    def write(batch: DataFrame, batch_id: int) -> None:
        joined = with_person(batch, people).persist()  # read by each of the writes below
        try:
            scored, dead = predictions(joined, model, algo=algo, batch_id=batch_id), dead_letters(joined)
            # Nothing is caught: a failed write must fail the batch, so that its offsets are not committed and it is
            # run again. The tables take the repeat as the same rows; the topic takes it as new records, so whoever
            # reads the topic keeps the last one of each key.
            (
                scored.write.format("org.apache.spark.sql.cassandra")
                .options(keyspace=keyspace, table="salary_prediction")
                .mode("append")
                .save()
            )
            (
                as_records(scored)
                .write.format("kafka")
                .option("kafka.bootstrap.servers", settings.info.kafka)
                .option("topic", settings.topic("predictions"))
                .save()
            )
            (
                dead.write.format("org.apache.spark.sql.cassandra")
                .options(keyspace=keyspace, table="unmatched_job")
                .mode("append")
                .save()
            )
            rows, letters = scored.count(), dead.count()
        finally:
            joined.unpersist()
        tally.add(f"cassandra {settings.table('salary_prediction')}", rows)
        tally.add(f"kafka {settings.topic('predictions')}", rows)
        tally.add(f"cassandra {settings.table('unmatched_job')}", letters)

    query = (
        jobs(records)
        .writeStream.queryName(QUERY)
        .foreachBatch(write)
        .option("checkpointLocation", settings.checkpoint(QUERY))
        .trigger(**streams.trigger())
        .start()
    )
    return Outcome(queries=streams.finish(query), written=tally.counts, details={"algo": algo})


def load_model(settings: Settings) -> PipelineModel:
    """The pipeline that `train` saved; loaded once, so a stream keeps its model until it is started again."""
    path = settings.model(MODEL)
    if not Hdfs(settings.info.webhdfs).exists(f"{path}/metadata/_SUCCESS"):
        raise Missing(f"there is no model at {path}", fix=f"invoke submit --job {settings.lesson}/train")
    return PipelineModel.load(path)
