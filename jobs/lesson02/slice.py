"""Read a slice of a topic as a batch, by offsets, and write it to another topic: once, however often this runs."""

from __future__ import annotations

from pyspark.sql import SparkSession

from common.outcome import Outcome
from common.settings import Settings
from common.spark import append_kafka, kafka_batch
from lesson02 import data
from lesson02.transforms import as_text, not_yet_there, slice_records


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """Offsets 2, 3 and 4 of each partition: the end of a slice is exclusive."""
    topic, target = settings.topic("events"), settings.topic("slice")
    events = kafka_batch(
        spark, settings, topic, startingOffsets=of(topic, data.FIRST), endingOffsets=of(topic, data.END)
    )
    print(f"a topic as Spark reads it: {', '.join(f'{name} {kind}' for name, kind in events.dtypes)}", flush=True)
    wanted = slice_records(events)
    missing = not_yet_there(wanted, as_text(kafka_batch(spark, settings, target))).persist()
    missing.orderBy("value").show(truncate=False)
    count = missing.count()
    append_kafka(missing, settings, target)
    return Outcome(written={f"kafka {target}": count} if count else {})


def of(topic: str, offset: int) -> str:
    """Offsets name their topic: one that `subscribe` does not name ends the query."""
    return f'{{"{topic}": {data.offsets(offset)}}}'
