"""Read a slice of a topic as a batch, by offsets, and write it to another topic: once, however often this runs."""

from __future__ import annotations

from pyspark.sql import SparkSession

from common.outcome import Outcome
from common.settings import Settings
from lesson02 import data
from lesson02.transforms import as_text, not_yet_there, slice_records


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """Offsets 2, 3 and 4 of each partition: the end of a slice is exclusive."""
    kafka, topic, target = settings.info.kafka, settings.topic("events"), settings.topic("slice")

    # A batch: spark.read, not readStream. Offsets are named by topic and partition, in JSON.
    events = (
        spark.read.format("kafka")
        .option("kafka.bootstrap.servers", kafka)
        .option("subscribe", topic)
        .option("startingOffsets", data.offsets(topic, data.FIRST))
        .option("endingOffsets", data.offsets(topic, data.END))
        .load()
    )
    print(f"a topic as Spark reads it: {', '.join(f'{name} {kind}' for name, kind in events.dtypes)}", flush=True)

    # A batch write only appends. What is in the target already is asked for first, so that a second run adds nothing.
    there = spark.read.format("kafka").option("kafka.bootstrap.servers", kafka).option("subscribe", target).load()
    missing = not_yet_there(slice_records(events), as_text(there)).persist()
    missing.orderBy("value").show(truncate=False)
    count = missing.count()
    (
        missing.select("key", "value")
        .write.format("kafka")
        .option("kafka.bootstrap.servers", kafka)
        .option("topic", target)
        .save()
    )
    return Outcome(written={f"kafka {target}": count} if count else {})
