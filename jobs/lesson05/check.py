"""What lesson 5 leaves behind, looked at from outside: checkpoints, state, files of the sinks, records of the topic."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from common import shop as data
from common import shop_oracle as oracle
from common.checkpoint import Checkpoint
from common.checks import (
    Assertion,
    Fact,
    application_succeeded,
    at_least,
    at_most,
    equal,
    json_of,
    same_members,
    same_rows,
)
from common.file_sink import json_rows
from common.settings import application_name
from lesson05 import places

if TYPE_CHECKING:
    from common.lab import Lab
    from common.records import Record

#: What a join of two streams keeps: the rows of each side, and how many there are of each key.
JOIN_STORES = {f"{side}-{store}" for side in ("left", "right") for store in ("keyToNumValues", "keyWithIndexToValue")}

ORDERS = (len(data.sent_orders()), data.ORDERS_PER_BATCH)
ITEMS = (len(data.items()), data.ITEMS_PER_BATCH)


def check(lab: Lab) -> list[Assertion]:
    return [
        application_succeeded(lab, "state"),
        *arrived(lab),
        *batches(lab),
        *state_kept(lab),
        *without_duplicates(lab),
        *windows(lab),
        *joins(lab),
    ]


def arrived(lab: Lab) -> list[Assertion]:
    """What there was to read."""

    def there(topic: str, records: int) -> Assertion:
        return equal(f"state: records in {topic}", records, lambda: lab.kafka.count(topic), _offsets(lab, topic))

    return [there(lab.settings.topic("orders"), ORDERS[0]), there(lab.settings.topic("items"), ITEMS[0])]


def batches(lab: Lab) -> list[Assertion]:
    """What each query read in which batch. A query that waits for event time has one batch more, without records: by
    then the watermark has moved, and what it closes or gives up must be emitted. Two need none: complete mode always
    emits everything, and the static join waits for nothing."""
    joins = {places.INNER, places.LEFT}
    expected = {
        name: oracle.batch_sizes(ORDERS, ITEMS) if name in joins else oracle.batch_sizes(ORDERS) for name in QUERIES
    }
    last = {name: [] if name in (places.COMPLETE, places.STATIC) else [0] for name in QUERIES}

    def read(name: str) -> list[int]:
        return Checkpoint(lab.hdfs, lab.settings.checkpoint(name)).batch_sizes()

    return [
        equal(
            f"state: {name}: records of each batch",
            expected[name] + last[name],
            partial(read, name),
            f"hdfs dfs -cat {lab.settings.checkpoint(name)}/offsets/0",
        )
        for name in QUERIES
    ]


QUERIES = (
    places.DEDUP, places.TUMBLING, places.UPDATE, places.COMPLETE,
    places.SLIDING, places.STATIC, places.INNER, places.LEFT,
)  # fmt: skip


def state_kept(lab: Lab) -> list[Assertion]:
    """How far event time has come, and the state that lies on HDFS."""
    dedup, left = (Checkpoint(lab.hdfs, lab.settings.checkpoint(name)) for name in (places.DEDUP, places.LEFT))
    state, stores = f"{dedup.path}/state/0/0", f"{left.path}/state/0/0"
    return [
        equal(
            f"state: {name}: last watermark",
            data.iso(wanted),
            partial(_watermark, query),
            f"hdfs dfs -cat {query.path}/offsets/7",
        )
        for name, query, wanted in (
            (places.DEDUP, dedup, oracle.watermark()),
            (places.LEFT, left, oracle.join_watermark()),
        )
    ] + [
        at_least(
            f"state: {places.DEDUP}: files of its state",
            1,
            lambda: sum(file.name.endswith((".delta", ".snapshot")) for file in lab.hdfs.list(state)),
            f"hdfs dfs -ls {state}",
        ),
        same_members(
            f"state: {places.LEFT}: stores of its state",
            JOIN_STORES,
            lambda: {entry.name for entry in lab.hdfs.list(stores) if not entry.name.startswith("_")},
            f"hdfs dfs -ls {stores}",
        ),
    ]


def _watermark(query: Checkpoint) -> str:
    return data.iso(datetime.fromtimestamp(query.watermark_ms() / 1000, data.START.tzinfo))


def without_duplicates(lab: Lab) -> list[Assertion]:
    """Each order that came in time, once, with all its columns."""
    dedup = sink(lab, places.DEDUP)
    orders = [data.as_spark_writes(one) for one in oracle.unique_orders().values()]
    return [same_rows(f"state: {places.DEDUP}: orders", orders, dedup.rows, dedup.where)]


def windows(lab: Lab) -> list[Assertion]:
    """The same orders counted by window in three output modes, and by overlapping windows."""
    topic, table = lab.settings.topic("window-counts"), lab.settings.output(places.COMPLETE)
    records = Fact(lambda: lab.kafka.consume_all(topic))
    told = f"kafka-console-consumer.sh --bootstrap-server {lab.info.kafka} --topic {topic} --from-beginning"
    tumbling, sliding = sink(lab, places.TUMBLING), sink(lab, places.SLIDING)
    return [
        same_members(
            f"state: {places.TUMBLING}: closed windows by status",
            oracle.tumbling(),
            lambda: _windows(tumbling.rows()),
            tumbling.where,
        ),
        _rows(places.TUMBLING, len(oracle.tumbling()), tumbling),
        same_members(
            f"state: {places.UPDATE}: last count of each window", oracle.updated(), lambda: latest(records()), told
        ),
        at_least(f"state: {places.UPDATE}: records in {topic}", oracle.updates(), lambda: len(records()), told),
        at_most(
            f"state: {places.UPDATE}: duplicates in {topic}, of batches that were cut off and sent again",
            duplicates_allowed(lab),
            lambda: max(0, len(records()) - oracle.updates()),
            told,
        ),
        same_members(
            f"state: {places.COMPLETE}: windows, late orders included",
            oracle.complete(),
            lambda: _windows(_written(lab, table)),
            f"hdfs dfs -cat {table}/part-*",
        ),
        same_members(
            f"state: {places.SLIDING}: closed windows that overlap",
            oracle.sliding(),
            lambda: _windows(sliding.rows()),
            sliding.where,
        ),
        _rows(places.SLIDING, len(oracle.sliding()), sliding),
    ]


def duplicates_allowed(lab: Lab) -> int:
    """How many records the update query may have sent twice: those of its largest batch for each run that was cut off.

    Counted are the runs since the lesson's topic was filled, so that an earlier kill excuses nothing after a reset.
    """
    try:
        began = min(record.timestamp_ms for record in lab.kafka.consume_all(lab.settings.topic("orders")))
        runs = lab.yarn.applications(application_name(lab.info.student, lab.settings.lesson, "state"))
        cut_off = [run for run in runs if run.started_ms >= began and run.outcome in ("KILLED", "FAILED")]
        return len(cut_off) * oracle.most_updates()
    except Exception:  # what is wrong is reported by the assertions about it; nothing is excused
        return 0


def joins(lab: Lab) -> list[Assertion]:
    """Joined with a table, and with another stream: whole rows, each as often as it should be there."""
    static, inner, left = (sink(lab, name) for name in (places.STATIC, places.INNER, places.LEFT))
    with_city = [data.as_spark_writes(one, city=data.city_of(one.customer_id)) for one in data.sent_orders()]
    with_items = [data.as_spark_writes(order, item) for order, item in oracle.pairs()]
    orders = oracle.unique_orders()
    alone = [data.as_spark_writes(orders[key]) for key in oracle.without_items()]
    return [
        same_rows(f"state: {places.STATIC}: records with their city", with_city, static.rows, static.where),
        same_rows(f"state: {places.INNER}: orders with their items", with_items, inner.rows, inner.where),
        same_rows(
            f"state: {places.LEFT}: orders with their items",
            with_items,
            lambda: [row for row in left.rows() if "item_id" in row],
            left.where,
        ),
        same_rows(
            f"state: {places.LEFT}: orders without items",
            alone,
            lambda: [row for row in left.rows() if "item_id" not in row],
            left.where,
        ),
    ]


def latest(records: Iterable[Record]) -> set[str]:
    """What the last record of each key says."""
    return _windows(json_of(record) for record in {record.key: record for record in records}.values())


@dataclass(frozen=True)
class Sink:
    """A query's file sink: the rows that it has committed, read once, and how a student sees them."""

    rows: Callable[[], list[dict[str, Any]]]
    where: str


def sink(lab: Lab, name: str) -> Sink:
    folder = lab.settings.output(name)
    return Sink(Fact(lambda: json_rows(lab.hdfs, folder)), f"hdfs dfs -cat {folder}/part-*")


def _rows(name: str, expected: int, found: Sink) -> Assertion:
    """As many rows as there should be: a set does not show what is there twice."""
    return equal(f"state: {name}: rows", expected, lambda: len(found.rows()), found.where)


def _written(lab: Lab, folder: str) -> list[dict[str, Any]]:
    """The rows of a folder that a batch wrote, which has no log of its files."""
    files = [file for file in lab.hdfs.list(folder) if file.name.startswith("part-")]
    return [json.loads(line) for file in files for line in lab.hdfs.read_text(file.path).splitlines()]


def _windows(rows: Iterable[dict[str, Any]]) -> set[str]:
    return {
        str(
            oracle.Window(
                datetime.fromisoformat(row["start"]),
                datetime.fromisoformat(row["end"]),
                row["count"],
                row.get("status", ""),
            )
        )
        for row in rows
    }


def _offsets(lab: Lab, topic: str) -> str:
    return f"kafka-get-offsets.sh --bootstrap-server {lab.info.kafka} --topic {topic}"
