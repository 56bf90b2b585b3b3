"""A mistake to look at: foreachBatch that appends. A batch that is run again after its write is there twice."""

from __future__ import annotations

from collections.abc import Callable

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming import StreamingQueryException

from common.hdfs import Hdfs
from common.outcome import Outcome
from common.settings import Settings
from lesson04.places import batch_folder
from lesson04.transforms import orders

NAME = "append"
PER_BATCH = 250
#: The batch in which the power goes off, once.
FAILS_IN = 1


class PowerCut(Exception):
    """Stands for whatever ends a job between a write and the commit of its batch: a kill, a full disk, a lost node."""


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """The same stream, the same failure, two ways to write; what is there after the restart."""
    Hdfs(settings.info.webhdfs).delete(settings.broken(NAME))  # so that it shows the same thing each time
    counts: dict[str, int] = {}
    for way in ("append", "overwrite"):
        counts |= shown(spark, settings, way)
    return Outcome(
        written={f"hdfs {settings.broken(NAME, way)}": counts[way] for way in ("append", "overwrite")}, details=counts
    )


def shown(spark: SparkSession, settings: Settings, way: str) -> dict[str, int]:
    """Run until the power cut, run again from the same checkpoint, and count."""
    place = settings.broken(NAME, way)
    repeated: list[int] = []

    def append(batch: DataFrame, _: int) -> None:
        batch.write.mode("append").parquet(place)

    def overwrite(batch: DataFrame, batch_id: int) -> None:
        batch.write.mode("overwrite").parquet(f"{place}/{batch_folder(batch_id)}")

    write = append if way == "append" else overwrite

    def write_then_fail(batch: DataFrame, batch_id: int) -> None:
        write(batch, batch_id)
        if batch_id == FAILS_IN:
            repeated.append(batch.count())
            raise PowerCut(f"batch {batch_id} is written and not committed")

    try:
        run_to_end(spark, settings, way, write_then_fail)
    except StreamingQueryException:
        print(f"{way}: the power went off after batch {FAILS_IN} ({repeated[0]} rows) was written", flush=True)
    run_to_end(spark, settings, way, write)
    rows = spark.read.parquet(place)
    counts = {way: rows.count(), f"{way} different": rows.select("order_id").distinct().count()}
    print(f"{way}: after the restart {counts[way]} rows, {counts[f'{way} different']} different orders", flush=True)
    return {**counts, f"{way} repeated": repeated[0]}


def run_to_end(spark: SparkSession, settings: Settings, way: str, write: Callable[[DataFrame, int], None]) -> None:
    records = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", settings.info.kafka)
        .option("subscribe", settings.topic("orders"))
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", PER_BATCH)
        .load()
    )
    query = (
        orders(records)
        .writeStream.queryName(f"l04-{way}")
        .foreachBatch(write)
        .option("checkpointLocation", settings.broken(NAME, f"checkpoint-{way}"))
        .trigger(availableNow=True)
        .start()
    )
    query.awaitTermination()
