"""What the exercise of lesson 5 starts from, and what each of its gaps should leave behind."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from common import shop as data
from common import shop_oracle as oracle
from common.checkpoint import Checkpoint
from common.checks import Assertion, Fact, at_least, equal, json_of, same_rows
from common.exercise import Exercise

if TYPE_CHECKING:
    from common.lab import Lab

#: maxOffsetsPerTrigger that the exercise asks for: both topics are read in three batches.
PER_BATCH = data.EXERCISE_PER_BATCH
ORDER_TYPES = {"order_id": "string", "order_time": "timestamp", "customer_id": "string", "status": "string"}
WINDOW_TYPES = {"start": "timestamp", "end": "timestamp", "status": "string", "orders": "bigint"}
JOINED = ("order_id", "order_time", "status", "item_id", "product")


def prepare(lab: Lab) -> list[str]:
    settings, seed = lab.settings, lab.settings.seed
    return [
        lab.ensure_records(settings.topic("orders"), data.order_records(seed)),
        lab.ensure_records(settings.topic("items"), data.item_records(seed)),
    ]


def check(lab: Lab) -> list[Assertion]:
    work, seed = Exercise(lab), lab.settings.seed
    return [
        *work.gap(1, lambda: reads(lab, work)),
        *work.gap(2, lambda: unique(work, seed)),
        *work.gap(3, lambda: windows(work, seed)),
        *work.gap(4, lambda: topic(lab), needs=[1]),
        *work.gap(5, lambda: joined(work, seed), needs=[1, 2]),
    ]


def reads(lab: Lab, work: Exercise) -> list[Assertion]:
    seed = lab.settings.seed
    checkpoint = Checkpoint(lab.hdfs, work.checkpoint(1))
    rows = [data.as_spark_writes(one) for one in data.sent_orders(seed)]
    offsets = f"hdfs dfs -cat '{checkpoint.path}/offsets/*'"
    # A batch is planned with the watermark of the one before it: the last one does not know its own orders yet.
    earlier = [one for batch in oracle.order_batches(seed, PER_BATCH)[:-1] for one in batch]
    watermark = data.iso(max(one.order_time for one in earlier) - oracle.WATERMARK)
    return [
        equal("columns and types", ORDER_TYPES, lambda: work.columns(1), work.where(1)),
        same_rows("orders, from the topic's beginning", rows, lambda: work.rows(1), work.where(1)),
        equal(
            f"records of each batch, by maxOffsetsPerTrigger {PER_BATCH}",
            oracle.batch_sizes((len(rows), PER_BATCH)),
            checkpoint.batch_sizes,
            offsets,
        ),
        equal("watermark of the last batch", watermark, lambda: watermark_of(checkpoint), offsets),
    ]


def watermark_of(checkpoint: Checkpoint) -> str:
    return data.iso(datetime.fromtimestamp(checkpoint.watermark_ms() / 1000, data.START.tzinfo))


def unique(work: Exercise, seed: int) -> list[Assertion]:
    rows = [data.as_spark_writes(one) for one in oracle.unique_orders(seed).values()]
    return [
        equal("columns and types", ORDER_TYPES, lambda: work.columns(2), work.where(2)),
        same_rows("orders that came in time, each once", rows, lambda: work.rows(2), work.where(2)),
        # Without a limit the rows are the same, and a stream that goes on fills the executor's memory by and by.
        at_least(
            "ids that the state does not keep any more",
            1,
            lambda: work.rows_removed(2),
            "the query's progress: numRowsRemoved of its stateOperators",
        ),
    ]


def windows(work: Exercise, seed: int) -> list[Assertion]:
    rows = [
        {"start": iso_ms(one.start), "end": iso_ms(one.end), "status": one.status, "orders": one.count}
        for one in oracle.closed_windows(seed)
    ]
    return [
        equal("columns and types", WINDOW_TYPES, lambda: work.columns(3), work.where(3)),
        same_rows("windows that the watermark has passed", rows, lambda: work.rows(3), work.where(3)),
    ]


def iso_ms(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S.000Z}"


def topic(lab: Lab) -> list[Assertion]:
    name, seed = lab.settings.topic("window-counts"), lab.settings.seed
    checkpoint = Checkpoint(lab.hdfs, lab.settings.checkpoint(f"{lab.settings.lesson}-counts"))
    where = f"kafka-console-consumer.sh --bootstrap-server {lab.info.kafka} --topic {name} --from-beginning"
    records = Fact(lambda: lab.kafka.consume_all(name))
    counts = oracle.touched_windows(seed)
    last = [{"key": f"{start:%H:%M}", "value": {"orders": count}} for start, count in counts.items()]

    def found() -> list[dict[str, Any]]:
        return [{"key": one.key, "value": json_of(one)} for one in {one.key: one for one in records()}.values()]

    return [
        equal(
            "records done by its checkpoint",
            len(data.sent_orders(seed)),
            checkpoint.records_done,
            f"hdfs dfs -ls {checkpoint.path}",
        ),
        same_rows("the last record of each key", last, found, where),
        equal(
            "records: each batch emits the windows that it has changed",
            oracle.updates(seed, PER_BATCH),
            lambda: len(records()),
            where,
        ),
    ]


def joined(work: Exercise, seed: int) -> list[Assertion]:
    orders = oracle.unique_orders(seed)
    pairs = [data.as_spark_writes(order, item) for order, item in oracle.pairs(seed)]
    alone = [data.as_spark_writes(orders[key]) for key in oracle.without_items(seed)]
    rows = [{name: row.get(name) for name in JOINED} for row in (*pairs, *alone)]
    return [
        equal("columns", list(JOINED), lambda: list(work.columns(5)), work.where(5)),
        same_rows("orders with their items, or without any", rows, lambda: work.rows(5), work.where(5)),
    ]
