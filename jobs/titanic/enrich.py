"""Passengers into a topic, once; from there as a stream, with class and age band, to another topic and to files."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession

from common.outcome import Outcome
from common.settings import Settings
from common.streams import Streams
from titanic.places import CLASSES_FILE, DEMO, ENRICH, ENRICHED, FILES, PASSENGERS_FILE
from titanic.transforms import (
    CLASS,
    PASSENGER,
    as_records,
    enriched,
    not_sent,
    passengers,
    with_event_time,
    with_prefix,
)


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """Three queries at once, each with its own checkpoint: two of them write the same passengers to two sinks."""
    loaded = load(spark, settings)
    print(f"loaded {loaded} passengers into {settings.topic('raw')}", flush=True)
    streams, kafka = Streams(spark, settings), settings.info.kafka

    # The smallest stream there is: from a topic, with a prefix, to a topic.
    demo = (
        with_prefix(read(spark, settings, "messages"))
        .writeStream.queryName(DEMO)
        .format("kafka")
        .option("kafka.bootstrap.servers", kafka)
        .option("topic", settings.topic("processed"))
        .option("checkpointLocation", settings.checkpoint(DEMO))
        .trigger(**streams.trigger())
        .start()
    )

    # Each passenger with class and age band. The classes are a file, read again for each batch.
    classes = spark.read.csv(settings.input(CLASSES_FILE), schema=CLASS, header=True, mode="FAILFAST")
    people = enriched(passengers(read(spark, settings, "raw")), classes)

    # Into a topic: at least once.
    to_topic = (
        as_records(people)
        .writeStream.queryName(ENRICH)
        .format("kafka")
        .option("kafka.bootstrap.servers", kafka)
        .option("topic", settings.topic("enriched"))
        .option("checkpointLocation", settings.checkpoint(ENRICH))
        .trigger(**streams.trigger())
        .start()
    )

    # Into files: exactly once.
    to_files = (
        people.writeStream.queryName(FILES)
        .format("parquet")
        .option("path", settings.output(ENRICHED))
        .option("checkpointLocation", settings.checkpoint(FILES))
        .trigger(**streams.trigger())
        .start()
    )

    queries = streams.finish(demo, to_topic, to_files)
    written = {query.name: query.input_rows for query in queries}
    return Outcome(
        queries=queries,
        written={
            f"kafka {settings.topic('raw')}": loaded,
            f"kafka {settings.topic('processed')}": written[DEMO],
            f"kafka {settings.topic('enriched')}": written[ENRICH],
            f"hdfs {settings.output(ENRICHED)}": written[FILES],
        },
    )


def load(spark: SparkSession, settings: Settings) -> int:
    """Send the file's passengers to the raw topic as JSON, those that it does not hold yet; how many."""
    people = spark.read.csv(settings.input(PASSENGERS_FILE), schema=PASSENGER, header=True, mode="FAILFAST")
    there = (
        spark.read.format("kafka")
        .option("kafka.bootstrap.servers", settings.info.kafka)
        .option("subscribe", settings.topic("raw"))
        .load()
    )
    missing = not_sent(as_records(with_event_time(people)), there).cache()
    sent = missing.count()
    if sent:
        missing.write.format("kafka").option("kafka.bootstrap.servers", settings.info.kafka).option(
            "topic", settings.topic("raw")
        ).save()
    missing.unpersist()
    return sent


def read(spark: SparkSession, settings: Settings, topic: str) -> DataFrame:
    return (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", settings.info.kafka)
        .option("subscribe", settings.topic(topic))
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", settings.args["per_batch"])
        .load()
    )
