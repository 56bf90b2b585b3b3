"""Two sources to test with: files that arrive one by one, and numbers that Spark makes itself."""

from __future__ import annotations

import json
from datetime import UTC
from typing import Any

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming import StreamingQuery

from common.hdfs import Hdfs
from common.outcome import Outcome, QueryReport
from common.settings import Settings
from common.streams import Streams
from lesson01.data import ADVANCE_MS, BATCHES, PER_BATCH, START
from lesson01.places import CONSOLE, EVEN, FILES, FILES_IN, FILES_OUT, RATE, RATE_OUT
from lesson01.transforms import MEASUREMENT, evens, marked, with_file

#: Rows of a batch that the console shows.
SHOWN = 4
#: Longer than a batch takes on a busy machine: a query is stopped while it rests.
EVERY = "2 seconds"


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """The files that are there, then seven batches of numbers. Continuous: both without an end, to the console."""
    streams = Streams(spark, settings)
    rows = measurements(spark, settings)

    # Two queries over one source: each reads every file, and notes in its own checkpoint what it has read.
    files = (
        rows.writeStream.queryName(FILES)
        .format("parquet")
        .option("path", settings.output(FILES_OUT))
        .option("checkpointLocation", settings.checkpoint(FILES))
        .trigger(**streams.trigger())
        .start()
    )
    on_console = (
        rows.writeStream.queryName(CONSOLE)
        .format("console")
        .option("numRows", SHOWN)
        .option("truncate", False)
        .option("checkpointLocation", settings.checkpoint(CONSOLE))
        .trigger(**streams.trigger())
        .start()
    )

    if settings.continuous:
        rate = spark.readStream.format("rate").option("rowsPerSecond", PER_BATCH).load()
        even = (
            evens(marked(rate))
            .writeStream.queryName(EVEN)
            .format("console")
            .option("numRows", SHOWN)
            .option("truncate", False)
            .option("checkpointLocation", settings.checkpoint(EVEN))
            .trigger(**streams.trigger())
            .start()
        )
        queries = streams.finish(files, on_console, even)
        return Outcome(queries=queries, details={"even": read_and_shown(even)})

    of_files = streams.finish(files, on_console)
    of_rate, kept, shown = numbers(spark, settings)
    written = {f"hdfs {settings.output(FILES_OUT)}": of_files[0].input_rows} if of_files[0].input_rows else {}
    # Replaced as a whole by each run: a memory sink begins anew, so nothing of it adds up.
    Hdfs(settings.info.webhdfs).write(settings.output(RATE_OUT), "".join(json.dumps(row) + "\n" for row in kept))
    written[f"hdfs {settings.output(RATE_OUT)}"] = len(kept)
    return Outcome(queries=(*of_files, *of_rate), written=written, details={"even": shown})


def measurements(spark: SparkSession, settings: Settings) -> DataFrame:
    """The folder as a stream, one file a batch."""
    lines = (
        spark.readStream.schema(MEASUREMENT)
        .option("header", True)
        .option("maxFilesPerTrigger", 1)
        .csv(settings.input(FILES_IN))
    )
    return with_file(lines)


def numbers(
    spark: SparkSession, settings: Settings
) -> tuple[tuple[QueryReport, ...], list[dict[str, Any]], dict[str, int]]:
    """Run the generated stream for seven batches.

    The source has no end, so "what is there now" (availableNow) is exactly one batch of it. It is therefore triggered
    by the clock and stopped after the seventh batch; what came before the stop took hold is cut off.

    Returns:
        What the queries did, what the memory table holds of those batches, and what the console was given.
    """
    rate = marked(generated(spark))
    look_at(rate)
    streams = Streams(spark, settings, continuous=True, stop_asked=lambda: len(ends(memory)) >= BATCHES)

    # A memory sink cannot resume, so its checkpoint is deleted when the step ends.
    memory = (
        rate.writeStream.queryName(RATE)
        .format("memory")
        .option("checkpointLocation", streams.throwaway(RATE))
        .trigger(processingTime=EVERY)
        .start()
    )
    on_console = (
        evens(rate)
        .writeStream.queryName(EVEN)
        .format("console")
        .option("numRows", SHOWN)
        .option("truncate", False)
        .option("checkpointLocation", streams.throwaway(EVEN))
        .trigger(processingTime=EVERY)
        .start()
    )

    reports = streams.finish(memory, on_console)
    spark.sql(f"SELECT even, count(*) AS numbers, max(value) AS largest FROM {RATE} GROUP BY even").show()
    return reports, in_batches(spark.table(RATE), ends(memory)), read_and_shown(on_console)


def generated(spark: SparkSession) -> DataFrame:
    """Ten numbers a batch, the same in every run, whatever the clock says (as it does for the source `rate`)."""
    return (
        spark.readStream.format("rate-micro-batch")
        .option("rowsPerBatch", PER_BATCH)
        .option("startTimestamp", int(START.timestamp() * 1000))
        .option("advanceMillisPerBatch", ADVANCE_MS)
        .option("numPartitions", 1)
        .load()
    )


def look_at(stream: DataFrame) -> None:
    """What tells a stream from a batch, before any query is started."""
    stream.printSchema()
    print(f"isStreaming: {stream.isStreaming}", flush=True)
    try:
        stream.show()
    except AnalysisException as error:
        print(f"show() on a stream: {str(error).splitlines()[0]}", flush=True)


def ends(query: StreamingQuery) -> list[int]:
    """For each batch of the query so far, the number at which it ended, as its progress says."""
    return [progress["sources"][0]["endOffset"]["offset"] for progress in query.recentProgress]


def read_and_shown(query: StreamingQuery) -> dict[str, int]:
    """How many rows a query has read and how many its sink was given, as Spark counted them."""
    batches = query.recentProgress
    return {
        "read": sum(progress["numInputRows"] for progress in batches),
        "shown": sum(progress["sink"]["numOutputRows"] for progress in batches),
    }


def in_batches(table: DataFrame, batch_ends: list[int]) -> list[dict[str, Any]]:
    """The rows of the first seven batches in order, each with the batch that had it."""
    rows = table.where(table.value < batch_ends[BATCHES - 1]).orderBy("value").collect()
    return [
        {
            "batch": next(batch for batch, end in enumerate(batch_ends) if row.value < end),
            "timestamp": row.timestamp.astimezone(UTC).isoformat(),
            "value": row.value,
            "even": row.even,
            "note": row.note,
        }
        for row in rows
    ]
