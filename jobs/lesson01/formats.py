"""The same measurements as four streams of files: only the reader's format differs."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession

from common.outcome import Outcome
from common.settings import Settings
from common.streams import Streams
from lesson01.places import FILES_IN, FORMATS, query_of
from lesson01.transforms import MEASUREMENT


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """Write the lesson's files in each format once, then read each folder as a stream into parquet."""
    streams = Streams(spark, settings)
    queries = [
        stream_of(spark, settings, name)
        .writeStream.queryName(query_of(name))
        .format("parquet")
        .option("path", settings.output(query_of(name)))
        .option("checkpointLocation", settings.checkpoint(query_of(name)))
        .trigger(**streams.trigger())
        .start()
        for name in FORMATS
    ]
    reports = streams.finish(*queries)
    return Outcome(
        queries=reports,
        written={f"hdfs {settings.output(one.name)}": one.input_rows for one in reports if one.input_rows},
    )


def stream_of(spark: SparkSession, settings: Settings, name: str) -> DataFrame:
    """`.csv(path)` and `.format("csv").load(path)` are two spellings of one thing; the second takes a variable."""
    folder = settings.input("formats", name)
    original = spark.read.csv(settings.input(FILES_IN, "measurements-0[1-5].csv"), schema=MEASUREMENT, header=True)
    # "ignore" writes only where there is nothing yet: files that were replaced would be new ones to the stream.
    original.coalesce(1).write.format(name).mode("ignore").option("header", True).save(folder)
    return spark.readStream.format(name).schema(MEASUREMENT).option("header", True).load(folder)
