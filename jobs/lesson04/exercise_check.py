"""What the exercise of lesson 4 starts from, and what each of its gaps should leave behind."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from common import file_sink, orders
from common.checkpoint import Checkpoint
from common.checks import Assertion, Fact, equal, json_of, same_rows
from common.exercise import Exercise, as_spark_writes

if TYPE_CHECKING:
    from common.lab import Lab

#: maxOffsetsPerTrigger that the exercise asks for; Spark shares it out over three partitions, rounded down.
PER_BATCH = 300
TIMES = [name for name in orders.COLUMNS if name.endswith("_at")]


def own_orders(lab: Lab) -> list[dict[str, Any]]:
    """The student's own thousand orders, as their records' JSON has them."""
    return [json.loads(orders.as_json(one)) for one in orders.own_orders(lab.settings.seed)]


def prepare(lab: Lab) -> list[str]:
    records = orders.as_records(orders.own_orders(lab.settings.seed))
    return [lab.ensure_records(lab.settings.topic("orders"), records)]


def check(lab: Lab) -> list[Assertion]:
    work = Exercise(lab)
    return [
        *work.gap(1, lambda: reads(lab, work)),
        *work.gap(2, lambda: parses(lab, work)),
        *work.gap(3, lambda: files(lab), needs=[1, 2]),
        *work.gap(4, lambda: topic(lab), needs=[1, 2]),
        *work.gap(5, lambda: counts(lab), needs=[1, 2]),
    ]


def reads(lab: Lab, work: Exercise) -> list[Assertion]:
    checkpoint = Checkpoint(lab.hdfs, work.checkpoint(1))
    commits = f"hdfs dfs -cat '{checkpoint.path}/offsets/*'"
    return [
        equal("the columns of Spark's Kafka source", True, lambda: "offset" in work.columns(1), work.where(1)),
        equal("records from the topic's beginning", 1000, lambda: len(work.rows(1)), work.where(1)),
        equal("batches of at most 300", True, lambda: max(checkpoint.batch_sizes()) <= PER_BATCH, commits),
        equal("batches", 4, lambda: len(checkpoint.batch_sizes()), commits),
    ]


def parses(lab: Lab, work: Exercise) -> list[Assertion]:
    types = {name: "timestamp" if name in TIMES else "string" for name in orders.COLUMNS}
    rows = [as_spark_writes(order, TIMES) for order in own_orders(lab)]
    return [
        equal("columns and types", types, lambda: work.columns(2), work.where(2)),
        same_rows("orders, all columns", rows, lambda: work.rows(2), work.where(2)),
    ]


def files(lab: Lab) -> list[Assertion]:
    folder, checkpoint = lab.settings.output("parquet"), lab.settings.checkpoint(f"{lab.settings.lesson}-parquet")
    where = f"hdfs dfs -ls {folder}"
    paths = Fact(lambda: file_sink.committed_files(lab.hdfs, folder))
    wanted = [{name: order[name] for name in ("order_id", "status")} for order in own_orders(lab)]
    return [
        equal("records done by its checkpoint", 1000, Checkpoint(lab.hdfs, checkpoint).records_done, where),
        same_rows(
            "orders in the files that _spark_metadata names",
            wanted,
            lambda: file_sink.parquet_rows(lab.hdfs, paths(), ["order_id", "status"]),
            where,
        ),
    ]


def topic(lab: Lab) -> list[Assertion]:
    name = lab.settings.topic("json")
    checkpoint = lab.settings.checkpoint(f"{lab.settings.lesson}-json")
    where = f"kafka-console-consumer.sh --bootstrap-server {lab.info.kafka} --topic {name} --from-beginning"
    delivered = [order for order in own_orders(lab) if order["status"] == orders.DELIVERED]
    wanted = [
        {"key": order["order_id"], "value": {"order_id": order["order_id"], "status": order["status"]}}
        for order in delivered
    ]

    def found() -> list[dict[str, Any]]:
        return [{"key": one.key, "value": json_of(one)} for one in lab.kafka.consume_all(name)]

    return [
        equal("records done by its checkpoint", 1000, Checkpoint(lab.hdfs, checkpoint).records_done, where),
        same_rows("keys and values of the delivered orders", wanted, found, where),
    ]


def counts(lab: Lab) -> list[Assertion]:
    folder, checkpoint = lab.settings.output("counts"), lab.settings.checkpoint(f"{lab.settings.lesson}-counts")
    where = f"hdfs dfs -ls -R {folder}"
    batches = Checkpoint(lab.hdfs, checkpoint)
    wanted = Counter(order["status"] for order in own_orders(lab))

    def added_up() -> dict[str, int]:
        paths = [one.path for one in lab.hdfs.walk(folder) if one.path.endswith(".parquet")]
        total: Counter[str] = Counter()
        for row in file_sink.parquet_rows(lab.hdfs, paths, ["status", "orders"]):
            total[row["status"]] += row["orders"]
        return dict(sorted(total.items()))

    return [
        equal(
            "a folder for each batch",
            True,
            lambda: {one.name for one in lab.hdfs.list(folder)} == {f"batch_id={n}" for n in batches.commits},
            where,
        ),
        equal("orders by status, added up over the batches", dict(sorted(wanted.items())), added_up, where),
    ]
