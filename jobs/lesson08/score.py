"""Score the stream of jobs with the saved pipeline: predictions to Cassandra and Kafka, the rest to dead letters."""

from __future__ import annotations

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, SparkSession

from common.errors import Missing
from common.hdfs import Hdfs
from common.outcome import Outcome, Tally
from common.settings import Settings
from common.spark import append_kafka, append_table, from_kafka_json, kafka_stream, read_table
from common.streams import Streams
from lesson08.algos import algo_of
from lesson08.places import MODEL, QUERY
from lesson08.transforms import JOB, as_records, dead_letters, predictions, with_person


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """Score what the topic holds, from where the checkpoint left off."""
    model = load_model(settings)
    people = read_table(spark, settings.table("people"))
    records = kafka_stream(spark, settings, settings.topic("jobs"), per_batch=int(settings.args["per_batch"]))
    tally = Tally()

    def write(batch: DataFrame, batch_id: int) -> None:
        joined = with_person(batch, people).persist()  # read by each of the writes below
        try:
            write_batch(joined, model, settings, batch_id=batch_id, tally=tally)
        finally:
            joined.unpersist()

    streams = Streams(spark, settings)
    streams.start(QUERY, from_kafka_json(records, JOB).writeStream.foreachBatch(write))
    return Outcome(queries=streams.finish(), written=tally.counts, details={"algo": algo_of(model.stages[-1].uid)})


def write_batch(joined: DataFrame, model: PipelineModel, settings: Settings, *, batch_id: int, tally: Tally) -> None:
    """Write one batch to its three targets. Nothing is caught: a failed write must fail the batch, so that its
    offsets are not committed and it is run again. The tables take the repeat as the same rows; the topic takes it as
    new records, so whoever reads the topic keeps the last one of each key."""
    scored = predictions(joined, model, algo=algo_of(model.stages[-1].uid), batch_id=batch_id)
    dead = dead_letters(joined)
    append_table(scored, settings.table("salary_prediction"))
    append_kafka(as_records(scored), settings, settings.topic("predictions"))
    append_table(dead, settings.table("unmatched_job"))
    rows, letters = scored.count(), dead.count()
    tally.add(f"cassandra {settings.table('salary_prediction')}", rows)
    tally.add(f"kafka {settings.topic('predictions')}", rows)
    tally.add(f"cassandra {settings.table('unmatched_job')}", letters)


def load_model(settings: Settings) -> PipelineModel:
    """The pipeline that `train` saved; loaded once, so a stream keeps its model until it is started again."""
    path = settings.model(MODEL)
    if not Hdfs(settings.info.webhdfs).exists(f"{path}/metadata/_SUCCESS"):
        raise Missing(f"there is no model at {path}", fix=f"invoke submit --job {settings.lesson}/train")
    return PipelineModel.load(path)
