"""Copy one topic to five sinks: five named queries, each with its own checkpoint, in one application."""

from __future__ import annotations

import json

from pyspark.sql import DataFrame, SparkSession

from common.hdfs import Hdfs
from common.outcome import Outcome, QueryReport, Tally
from common.settings import Settings
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
    streams, tally, hdfs = Streams(spark, settings), Tally(), Hdfs(settings.info.webhdfs)
    kafka, file_format = settings.info.kafka, known_format(settings.args["format"])

    records = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", kafka)
        .option("subscribe", settings.topic("orders"))
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", settings.args["per_batch"])
        .load()
    )
    parsed = orders(records)

    # A table in the driver, gone with it: to look at while one tries things, and for tests. It cannot resume.
    memory = (
        parsed.writeStream.queryName(MEMORY_QUERY)
        .format("memory")
        .outputMode("append")
        .option("checkpointLocation", streams.throwaway(MEMORY_QUERY))
        .trigger(**streams.trigger())
        .start()
    )

    # Files whose names go into _spark_metadata once their batch is done: exactly once, for readers that look there.
    files = (
        parsed.writeStream.queryName(file_query(file_format))
        .format(file_format)
        .options(**FORMATS[file_format])
        .option("path", settings.output(file_format))
        .option("checkpointLocation", settings.checkpoint(file_query(file_format)))
        .trigger(**streams.trigger())
        .start()
    )

    # Two topics, two spellings, two checkpoints. At least once: a batch that is run again is sent again.
    as_text = (
        as_rows(parsed)
        .writeStream.queryName(ROW_QUERY)
        .format("kafka")
        .option("kafka.bootstrap.servers", kafka)
        .option("topic", settings.topic("row"))
        .option("checkpointLocation", settings.checkpoint(ROW_QUERY))
        .trigger(**streams.trigger())
        .start()
    )
    as_documents = (
        as_json(parsed)
        .writeStream.queryName(JSON_QUERY)
        .format("kafka")
        .option("kafka.bootstrap.servers", kafka)
        .option("topic", settings.topic("json"))
        .option("checkpointLocation", settings.checkpoint(JSON_QUERY))
        .trigger(**streams.trigger())
        .start()
    )

    # Two folders and a summary, each under the batch's number: to overwrite these makes a repeat harmless, to append
    # would double it.
    def split(batch: DataFrame, batch_id: int) -> None:
        batch.persist()  # read three times below; else Kafka would be asked three times
        try:
            for name, part in ((DELIVERED, delivered(batch)), (OTHER, not_delivered(batch))):
                part.write.mode("overwrite").parquet(settings.output(FOREACH, name, batch_folder(batch_id)))
                tally.add(f"hdfs {settings.output(FOREACH, name)}", part.count())
            found = json.dumps({"batch_id": batch_id, **summary(batch)})
            hdfs.write(settings.output(FOREACH, SUMMARY, f"{batch_folder(batch_id)}.json"), found + "\n")
        finally:
            batch.unpersist()

    in_parts = (
        parsed.writeStream.queryName(FOREACH_QUERY)
        .foreachBatch(split)
        .option("checkpointLocation", settings.checkpoint(FOREACH_QUERY))
        .trigger(**streams.trigger())
        .start()
    )

    queries = streams.finish(memory, files, as_text, as_documents, in_parts)
    in_memory = look_into_memory(spark)
    print(f"{MEMORY_QUERY}: {in_memory}", flush=True)
    return Outcome(
        queries=queries, written={**written(queries, settings), **tally.counts}, details={"memory": in_memory}
    )


def look_into_memory(spark: SparkSession) -> dict[str, int]:
    """The memory sink's table by SQL, under the query's name: orders by status."""
    rows = spark.sql(f"SELECT status, count(*) AS orders FROM {MEMORY_QUERY} GROUP BY status ORDER BY status")
    return {row.status: row.orders for row in rows.collect()}


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
