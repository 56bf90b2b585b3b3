"""A mistake to look at: a stream is started and nobody waits for it. Nothing is written, and YARN says SUCCEEDED."""

from __future__ import annotations

import time

from pyspark.sql import SparkSession

from common.hdfs import Hdfs
from common.outcome import Outcome
from common.settings import Settings
from lesson07.places import ORDERS
from lesson07.transforms import ORDER, with_total

NAME = "await"
SEEN_S = 10.0


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """Start the stream of the step `finite` by hand, and end. What is missing is `query.awaitTermination()`."""
    place, checkpoint = settings.broken(NAME, "out"), settings.broken(NAME, "checkpoint")
    hdfs = Hdfs(settings.info.webhdfs)
    hdfs.delete(settings.broken(NAME))  # as new, so that each run shows the same
    orders = (
        spark.readStream.schema(ORDER)
        .option("header", True)
        .option("mode", "FAILFAST")
        .option("maxFilesPerTrigger", 1)
        .csv(settings.input(ORDERS))
    )
    started = (
        with_total(orders)
        .writeStream.queryName("l07-broken-await")
        .format("parquet")
        .option("path", place)
        .option("checkpointLocation", checkpoint)
        .trigger(availableNow=True)
        .start()
    )
    ends = time.monotonic() + SEEN_S  # its first sign of life, which comes before any row
    while not hdfs.exists(f"{place}/_spark_metadata") and time.monotonic() < ends:
        time.sleep(0.02)
    print(f"query {started.name} is active: {started.isActive}", flush=True)
    print("the program ends here, and the driver ends the query with it: exit status 0, no error", flush=True)
    print(f"expected {place}: 1000 rows; look what is there: hdfs dfs -ls {place}", flush=True)
    return Outcome(details={"active": started.isActive})
