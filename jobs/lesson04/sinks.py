"""Copy one topic to five sinks: five named queries, each with its own checkpoint, in one application."""

from __future__ import annotations

import json
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from common.hdfs import Hdfs
from common.outcome import Outcome, QueryReport, Tally
from common.settings import Settings
from common.spark import kafka_sink, kafka_stream
from common.streams import Streams
from lesson04.places import (
    DELIVERED,
    FOREACH,
    FOREACH_QUERY,
    FORMATS,
    JSON_QUERY,
    MEMORY_QUERY,
    OTHER,
    ROW_QUERY,
    SUMMARY,
    batch_folder,
    file_query,
    known_format,
)
from lesson04.transforms import as_json, as_rows, delivered, not_delivered, orders, summary


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """Start all five, wait for all; each goes on from where its own checkpoint left off."""
    source = kafka_stream(spark, settings, settings.topic("orders"), per_batch=int(settings.args["per_batch"]))
    parsed = orders(source)
    streams, tally = Streams(spark, settings), Tally()
    start_memory(streams, parsed)
    start_files(streams, parsed, settings)
    start_kafka(streams, parsed, settings)
    streams.start(FOREACH_QUERY, parsed.writeStream.foreachBatch(split_writer(settings, tally)))
    queries = streams.finish()
    in_memory = look_into_memory(spark)
    print(f"{MEMORY_QUERY}: {in_memory}", flush=True)
    return Outcome(
        queries=queries, written={**written(queries, settings), **tally.counts}, details={"memory": in_memory}
    )


def start_memory(streams: Streams, parsed: DataFrame) -> None:
    """A table in the driver, gone with it: to look at while one tries things, and for tests."""
    streams.start(MEMORY_QUERY, parsed.writeStream.format("memory").outputMode("append"), throwaway=True)


def look_into_memory(spark: SparkSession) -> dict[str, int]:
    """The memory sink's table by SQL, under the query's name: orders by status."""
    rows = spark.sql(f"SELECT status, count(*) AS orders FROM {MEMORY_QUERY} GROUP BY status ORDER BY status")
    return {row.status: row.orders for row in rows.collect()}


def start_files(streams: Streams, parsed: DataFrame, settings: Settings) -> None:
    """Files whose names go into _spark_metadata once their batch is done: exactly once, for readers that look there."""
    file_format = known_format(settings.args["format"])
    writer = parsed.writeStream.format(file_format).options(**FORMATS[file_format])
    streams.start(file_query(file_format), writer.option("path", settings.output(file_format)))


def start_kafka(streams: Streams, parsed: DataFrame, settings: Settings) -> None:
    """Two topics, two spellings, two checkpoints. At least once: a batch that is run again is sent again."""
    for query, records, topic in ((ROW_QUERY, as_rows(parsed), "row"), (JSON_QUERY, as_json(parsed), "json")):
        streams.start(query, records.writeStream.format("kafka").options(**kafka_sink(settings, settings.topic(topic))))


def split_writer(settings: Settings, tally: Tally) -> Any:
    """The function that foreachBatch calls: two folders and a summary, each under the batch's number.

    Overwriting what bears the batch's own number makes a repeat harmless; appending would double it.
    """
    hdfs = Hdfs(settings.info.webhdfs)

    def write(batch: DataFrame, batch_id: int) -> None:
        batch.persist()  # read three times below; else Kafka would be asked three times
        try:
            for name, part in ((DELIVERED, delivered(batch)), (OTHER, not_delivered(batch))):
                part.write.mode("overwrite").parquet(settings.output(FOREACH, name, batch_folder(batch_id)))
                tally.add(f"hdfs {settings.output(FOREACH, name)}", part.count())
            found = json.dumps({"batch_id": batch_id, **summary(batch)})
            hdfs.write(settings.output(FOREACH, SUMMARY, f"{batch_folder(batch_id)}.json"), found + "\n")
        finally:
            batch.unpersist()

    return write


def written(queries: tuple[QueryReport, ...], settings: Settings) -> dict[str, int]:
    """Rows by target of the sinks that take each row as it is."""
    file_format = known_format(settings.args["format"])
    targets = {
        MEMORY_QUERY: f"memory {MEMORY_QUERY}",
        file_query(file_format): f"hdfs {settings.output(file_format)}",
        ROW_QUERY: f"kafka {settings.topic('row')}",
        JSON_QUERY: f"kafka {settings.topic('json')}",
    }
    return {targets[query.name]: query.input_rows for query in queries if query.name in targets}
