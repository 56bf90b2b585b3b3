"""Count the enriched passengers by minute and by age, and keep the counts as JSON and as a picture on HDFS."""

from __future__ import annotations

import json

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from common.hdfs import Hdfs
from common.outcome import Outcome
from common.settings import Settings
from common.streams import Streams
from titanic import data
from titanic.places import AGG, BANDS, CHART, ENRICHED, WINDOW, WINDOWS
from titanic.plot import draw
from titanic.transforms import ENRICHED as ENRICHED_SCHEMA
from titanic.transforms import by_age, by_minute


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """Two queries with a memory sink, whose tables live in this driver alone: what they hold is written down here.

    They read the file sink, not the topic: Spark's Kafka sink may hold a passenger twice after a failure, and a count
    would then count them twice.
    """
    people = spark.readStream.schema(ENRICHED_SCHEMA).parquet(settings.output(ENRICHED))
    streams = Streams(spark, settings, continuous=False)
    minutes = (
        by_minute(people)
        .writeStream.queryName(WINDOW)
        .format("memory")
        .outputMode("complete")
        .option("checkpointLocation", streams.throwaway(WINDOW))
        .trigger(**streams.trigger())
        .start()
    )
    ages = (
        by_age(people)
        .writeStream.queryName(AGG)
        .format("memory")
        .outputMode("complete")
        .option("checkpointLocation", streams.throwaway(AGG))
        .trigger(**streams.trigger())
        .start()
    )
    queries = streams.finish(minutes, ages)
    windows, bands = window_counts(spark.table(WINDOW)), band_counts(spark.table(AGG))
    picture = draw(bands)
    hdfs = Hdfs(settings.info.webhdfs)
    hdfs.write(settings.output(WINDOWS), json.dumps(windows, indent=2) + "\n")
    hdfs.write(settings.output(BANDS), json.dumps(bands, indent=2) + "\n")
    hdfs.write(settings.output(CHART), picture)
    totals = {band: sum(classes.values()) for band, classes in bands.items()}
    print(", ".join(f"{band} {count}" for band, count in totals.items()) + f"; {len(windows)} windows", flush=True)
    return Outcome(
        queries=queries,
        written={f"hdfs {settings.output(CHART)}": 1, f"hdfs {settings.output(WINDOWS)}": len(windows)},
        details={"bands": totals},
    )


def window_counts(table: DataFrame) -> dict[str, int]:
    rows = table.orderBy("start").select(F.date_format("start", "yyyy-MM-dd HH:mm:ss").alias("start"), "count")
    return {row["start"]: row["count"] for row in rows.collect()}


def band_counts(table: DataFrame) -> dict[str, dict[str, int]]:
    """By age band and class, with a 0 where there is nobody: a chart has a place for each."""
    found = {(row["AgeBand"], row["ClassName"]): row["count"] for row in table.collect()}
    return {band: {name: found.get((band, name), 0) for name in data.CLASS_NAMES.values()} for band in data.AGES}
