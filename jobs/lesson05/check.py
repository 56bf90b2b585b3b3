"""What lesson 5 leaves behind, looked at from outside: checkpoints, state, files of the sinks, records of the topic."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from common.checkpoint import Checkpoint
from common.checks import Assertion, Fact, application_succeeded, at_least, equal, json_of, same_members
from common.file_sink import json_rows
from lesson05 import data, places

if TYPE_CHECKING:
    from common.kafka import Record
    from common.lab import Lab

#: What a join of two streams keeps: the rows of each side, and how many there are of each key.
JOIN_STORES = {f"{side}-{store}" for side in ("left", "right") for store in ("keyToNumValues", "keyWithIndexToValue")}

ORDERS = (len(data.sent_orders()), data.ORDERS_PER_BATCH)
ITEMS = (len(data.items()), data.ITEMS_PER_BATCH)


def check(lab: Lab) -> list[Assertion]:
    return [
        application_succeeded(lab, "state"),
        *arrived(lab),
        *batches(lab),
        *remembered(lab),
        *without_copies(lab),
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
    then the watermark has moved, and what it closes or gives up must come out. Two have nothing to bring out: complete
    mode always tells everything, and the static join waits for nobody."""
    joins = {places.INNER, places.LEFT}
    expected = {
        name: data.batch_sizes(ORDERS, ITEMS) if name in joins else data.batch_sizes(ORDERS) for name in QUERIES
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


def remembered(lab: Lab) -> list[Assertion]:
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
            (places.DEDUP, dedup, data.watermark()),
            (places.LEFT, left, data.join_watermark()),
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


def without_copies(lab: Lab) -> list[Assertion]:
    """Each order that came in time, once."""
    dedup = sink(lab, places.DEDUP)
    ids = Fact(lambda: [row["order_id"] for row in dedup.rows()])
    return [
        same_members(f"state: {places.DEDUP}: orders", set(data.unique_orders()), lambda: set(ids()), dedup.where),
        _rows(places.DEDUP, len(data.unique_orders()), dedup),
    ]


def windows(lab: Lab) -> list[Assertion]:
    """The same orders counted by window in three output modes, and by overlapping windows."""
    topic, table = lab.settings.topic("window-counts"), lab.settings.output(places.COMPLETE)
    records = Fact(lambda: lab.kafka.consume_all(topic))
    told = f"kafka-console-consumer.sh --bootstrap-server {lab.info.kafka} --topic {topic} --from-beginning"
    tumbling, sliding = sink(lab, places.TUMBLING), sink(lab, places.SLIDING)
    return [
        same_members(
            f"state: {places.TUMBLING}: closed windows by status",
            data.tumbling(),
            lambda: _windows(tumbling.rows()),
            tumbling.where,
        ),
        _rows(places.TUMBLING, len(data.tumbling()), tumbling),
        same_members(
            f"state: {places.UPDATE}: last count of each window", data.updated(), lambda: latest(records()), told
        ),
        # More are no mistake: Spark's Kafka sink repeats a batch that was killed before its commit.
        at_least(f"state: {places.UPDATE}: records in {topic}", data.updates(), lambda: len(records()), told),
        same_members(
            f"state: {places.COMPLETE}: windows, late orders included",
            data.complete(),
            lambda: _windows(_written(lab, table)),
            f"hdfs dfs -cat {table}/part-*",
        ),
        same_members(
            f"state: {places.SLIDING}: closed windows that overlap",
            data.sliding(),
            lambda: _windows(sliding.rows()),
            sliding.where,
        ),
        _rows(places.SLIDING, len(data.sliding()), sliding),
    ]


def joins(lab: Lab) -> list[Assertion]:
    """Joined with a table that stands still, and with another stream."""
    static, inner, left = (sink(lab, name) for name in (places.STATIC, places.INNER, places.LEFT))
    pairs, alone = data.pairs(), data.without_items()
    return [
        _rows(places.STATIC, ORDERS[0], static),
        equal(f"state: {places.STATIC}: rows by city", _cities(), lambda: _by(static.rows(), "city"), static.where),
        *(
            same_members(
                f"state: {name}: orders with their items",
                pairs,
                partial(_pairs, joined),
                joined.where,
            )
            for name, joined in ((places.INNER, inner), (places.LEFT, left))
        ),
        _rows(places.INNER, len(pairs), inner),
        same_members(
            f"state: {places.LEFT}: orders without items",
            alone,
            lambda: {row["order_id"] for row in left.rows() if "item_id" not in row},
            left.where,
        ),
        _rows(places.LEFT, len(pairs) + len(alone), left),
    ]


def _pairs(joined: Sink) -> set[str]:
    return {f"{row['order_id']} {row['item_id']}" for row in joined.rows() if "item_id" in row}


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
            data.Window(
                datetime.fromisoformat(row["start"]),
                datetime.fromisoformat(row["end"]),
                row["count"],
                row.get("status", ""),
            )
        )
        for row in rows
    }


def _by(rows: Iterable[dict[str, Any]], column: str) -> dict[str, int]:
    return dict(sorted(Counter(row[column] for row in rows).items()))


def _cities() -> dict[str, int]:
    """Records by their customer's city: copies and late ones too, since this join remembers nothing."""
    numbers = (int(one.customer_id[1:]) for one in data.sent_orders())
    return dict(sorted(Counter(data.CITIES[number % len(data.CITIES)] for number in numbers).items()))


def _offsets(lab: Lab, topic: str) -> str:
    return f"kafka-get-offsets.sh --bootstrap-server {lab.info.kafka} --topic {topic}"
