"""Passengers into a topic, once; from there as a stream, with class and age band, to another topic and to files."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming import DataStreamWriter

from common.outcome import Outcome
from common.settings import Settings
from common.spark import append_kafka, from_kafka_json, kafka_batch, kafka_sink, kafka_stream
from common.streams import Streams
from titanic.places import CLASSES_FILE, DEMO, ENRICH, ENRICHED, FILES, PASSENGERS_FILE
from titanic.transforms import CLASS, PASSENGER, RAW, as_records, enriched, not_sent, with_event_time, with_prefix


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """Three queries at once, each with its own checkpoint: two of them read the same topic for two sinks."""
    loaded = load(spark, settings)
    print(f"loaded {loaded} passengers into {settings.topic('raw')}", flush=True)
    files = settings.output(ENRICHED)
    streams = Streams(spark, settings)
    streams.start(DEMO, to_topic(with_prefix(read(spark, settings, "messages")), settings, "processed"))
    streams.start(ENRICH, to_topic(as_records(passengers(spark, settings)), settings, "enriched"))
    streams.start(FILES, passengers(spark, settings).writeStream.format("parquet").option("path", files))
    queries = streams.finish()
    written = {query.name: query.input_rows for query in queries}
    return Outcome(
        queries=queries,
        written={
            f"kafka {settings.topic('raw')}": loaded,
            f"kafka {settings.topic('processed')}": written[DEMO],
            f"kafka {settings.topic('enriched')}": written[ENRICH],
            f"hdfs {files}": written[FILES],
        },
    )


def load(spark: SparkSession, settings: Settings) -> int:
    """Send the file's passengers to the raw topic as JSON, those that it does not hold yet; how many."""
    people = spark.read.csv(settings.input(PASSENGERS_FILE), schema=PASSENGER, header=True, mode="FAILFAST")
    there = kafka_batch(spark, settings, settings.topic("raw"))
    missing = not_sent(as_records(with_event_time(people)), there).cache()
    sent = missing.count()
    if sent:
        append_kafka(missing, settings, settings.topic("raw"))
    missing.unpersist()
    return sent


def passengers(spark: SparkSession, settings: Settings) -> DataFrame:
    """The raw topic as a stream of enriched passengers; the classes are a file, read again for each micro-batch."""
    classes = spark.read.csv(settings.input(CLASSES_FILE), schema=CLASS, header=True, mode="FAILFAST")
    return enriched(from_kafka_json(read(spark, settings, "raw"), RAW), classes)


def read(spark: SparkSession, settings: Settings, topic: str) -> DataFrame:
    return kafka_stream(spark, settings, settings.topic(topic), per_batch=int(settings.args["per_batch"]))


def to_topic(records: DataFrame, settings: Settings, topic: str) -> DataStreamWriter:
    return records.writeStream.format("kafka").options(**kafka_sink(settings, settings.topic(topic)))
