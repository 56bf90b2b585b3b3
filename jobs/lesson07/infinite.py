"""An infinite stream: it waits for further files until `invoke stop` asks it to end."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession

from common.outcome import Outcome, Tally
from common.settings import Settings
from common.streams import Streams
from lesson07.places import INFINITE, ORDERS
from lesson07.transforms import ORDER, with_total


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """Each micro-batch goes to a folder that its number names. Submit it with --detach: it does not end by itself."""
    tally = Tally()
    streams = Streams(spark, settings, continuous=True)

    def write(batch: DataFrame, batch_id: int) -> None:
        # A batch that is run again after a failure has the same number and replaces its own half-written folder.
        # Named after the time, it would leave that folder and write a second one.
        batch.persist()
        try:
            batch.write.mode("overwrite").parquet(settings.output("infinite", f"batch={batch_id}"))
            tally.add(f"hdfs {settings.output('infinite')}", batch.count())
        finally:
            batch.unpersist()

    orders = (
        spark.readStream.schema(ORDER)
        .option("header", True)
        .option("mode", "FAILFAST")
        .option("maxFilesPerTrigger", 1)
        .csv(settings.input(ORDERS))
    )
    query = (
        with_total(orders)
        .writeStream.queryName(INFINITE)
        .foreachBatch(write)
        .option("checkpointLocation", settings.checkpoint(INFINITE))
        .trigger(**streams.trigger("2 seconds"))
        .start()
    )
    return Outcome(queries=streams.finish(query), written=tally.counts)
