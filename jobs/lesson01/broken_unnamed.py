"""A mistake to look at: one checkpoint folder for the session, and a query without a name."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming import DataStreamWriter

from common.hdfs import Hdfs
from common.outcome import Outcome
from common.settings import Settings
from lesson01.stream import measurements

SESSION_FOLDER = "spark.sql.streaming.checkpointLocation"
NAME = "l01-named"


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """Start a named and an unnamed query twice each, as a script that is run again does; compare what they read."""
    home = settings.broken("unnamed")
    hdfs = Hdfs(settings.info.webhdfs)
    hdfs.delete(home)
    found = {}
    for kind in ("named", "unnamed"):
        spark.conf.set(SESSION_FOLDER, f"{home}/{kind}")
        writer = measurements(spark, settings).writeStream.trigger(availableNow=True)
        read = [rows_read(writer.queryName(NAME) if kind == "named" else writer) for _ in range(2)]
        folders = [entry.name for entry in hdfs.list(f"{home}/{kind}")]
        found[kind] = {"read": read, "checkpoints": folders}
        print(f"{kind}: first start {read[0]} rows, second start {read[1]} rows", flush=True)
        print(f"  checkpoints: {', '.join(folders)}", flush=True)
    spark.conf.unset(SESSION_FOLDER)
    return Outcome(details=found)


def rows_read(writer: DataStreamWriter) -> int:
    """Run the query to its end; how many rows its sink was given."""
    counts: list[int] = []

    def count(batch: DataFrame, _: int) -> None:
        counts.append(batch.count())

    writer.foreachBatch(count).start().awaitTermination()
    return sum(counts)
