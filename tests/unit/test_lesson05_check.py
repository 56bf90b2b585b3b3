"""The check of lesson 5 fails in words on an empty cluster, passes on a right one, and names what is off."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from common import shop as data
from common import shop_oracle as oracle
from common.checks import Assertion
from common.errors import Missing
from common.hdfs import Status
from common.settings import LabInfo, Settings
from lesson05.check import JOIN_STORES, QUERIES, check

HOME = "/user/student/lesson05"
INFO = LabInfo(
    "student01", "kafka1:9092", ("cassandra1",), "http://namenode:9870", "hdfs://namenode:8020", "http://rm:8088"
)
TOPICS = ("l05-orders", "l05-items", "l05-window-counts")
JOINS = ("l05-inner", "l05-left")
FILLED_MS = 1_000_000


class World:
    """HDFS, Kafka and YARN as dictionaries; what is not in them is missing, as on a cluster."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.topics: dict[str, list[tuple[str, str]]] = {}
        self.runs: list[Any] = []

    def get(self, kind: str, held: dict[str, Any], name: str) -> Any:
        if name not in held:
            raise Missing(f"no such {kind}: {name}")
        return held[name]

    def list(self, folder: str) -> list[Status]:
        names = {path.removeprefix(f"{folder}/").split("/")[0] for path in self.files if path.startswith(f"{folder}/")}
        if not names:
            raise Missing(f"no such file: {folder}")
        return [Status(f"{folder}/{name}", is_dir=False, length=1) for name in sorted(names)]

    def consume(self, topic: str) -> list[Any]:
        records = self.get("topic", self.topics, topic)
        return [
            SimpleNamespace(key=key, value=value, timestamp_ms=FILLED_MS, partition=0, offset=offset)
            for offset, (key, value) in enumerate(records)
        ]

    def latest(self, name: str) -> Any:
        if not self.runs:
            raise Missing(f"no such application: {name}")
        return self.runs[-1]

    def ran(self, outcome: str, started_ms: int) -> None:
        self.runs.append(SimpleNamespace(outcome=outcome, started_ms=started_ms))

    def lab(self) -> Any:
        return SimpleNamespace(
            info=INFO,
            settings=Settings(info=INFO, lesson="lesson05", topics=TOPICS),
            hdfs=SimpleNamespace(list=self.list, read_text=lambda path: self.get("file", self.files, path)),
            kafka=SimpleNamespace(count=lambda topic: len(self.consume(topic)), consume_all=self.consume),
            yarn=SimpleNamespace(latest=self.latest, applications=lambda name: self.runs),
        )

    def put_sink(self, name: str, rows: list[dict[str, Any]]) -> None:
        """A file sink with one file."""
        folder = f"{HOME}/out/{name}"
        self.files[f"{folder}/part-0.json"] = "".join(f"{json.dumps(row)}\n" for row in rows)
        self.files[f"{folder}/_spark_metadata/0"] = f'v1\n{{"path": "hdfs://namenode:8020{folder}/part-0.json"}}'

    def sink(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.files[f"{HOME}/out/{name}/part-0.json"].splitlines()]

    def put_batches(self, name: str) -> None:
        """A checkpoint as a whole run leaves it, the batch without records at its end where there is one."""
        folder = f"{HOME}/checkpoint/{name}"
        ends = [{"l05-orders": min(335, 50 * n), "l05-items": min(540, 80 * n)} for n in range(1, 8)]
        if name not in ("l05-complete", "l05-static"):
            ends.append(ends[-1])
        head = json.dumps({"batchWatermarkMs": int(oracle.watermark().timestamp() * 1000)})
        for number, end in enumerate(ends):
            topics = [topic for topic in end if topic == "l05-orders" or name in JOINS]
            lines = [json.dumps({topic: {"0": end[topic]}}) for topic in topics]
            self.files[f"{folder}/offsets/{number}"] = "\n".join(["v1", head, *lines])
            self.files[f"{folder}/commits/{number}"] = "v1"


def rows_of(windows: set[str]) -> list[dict[str, Any]]:
    """Windows such as "00:05-00:10 shipped 6" as Spark writes them."""
    rows = []
    for window in sorted(windows):
        times, *status, count = window.split()
        start, end = times.split("-")
        day = "2024-12-31" if start > end else "2025-01-01"
        row = {"start": f"{day}T{start}:00.000Z", "end": f"2025-01-01T{end}:00.000Z", "count": int(count)}
        rows.append(row | ({"status": status[0]} if status else {}))
    return rows


@pytest.fixture
def right() -> World:
    world = World()
    world.ran("SUCCEEDED", FILLED_MS + 1)
    counts = [(row["start"][11:16], json.dumps(row)) for row in rows_of(oracle.updated())]
    earlier = [(key, json.dumps(json.loads(value) | {"count": 1})) for key, value in counts[: oracle.updates() - 10]]
    world.topics = {
        "l05-orders": data.order_records(),
        "l05-items": data.item_records(),
        "l05-window-counts": [*earlier, *counts],
    }
    for name in QUERIES:
        world.put_batches(name)
    world.files[f"{HOME}/checkpoint/l05-dedup/state/0/0/1.delta"] = ""
    world.files |= {f"{HOME}/checkpoint/l05-left/state/0/0/{store}/1.delta": "" for store in JOIN_STORES}
    orders = oracle.unique_orders()
    pairs = [data.as_spark_writes(order, item) for order, item in oracle.pairs()]
    world.put_sink("l05-dedup", [data.as_spark_writes(one) for one in orders.values()])
    world.put_sink("l05-tumbling", rows_of(oracle.tumbling()))
    world.put_sink("l05-sliding", rows_of(oracle.sliding()))
    sent = [data.as_spark_writes(one, city=data.city_of(one.customer_id)) for one in data.sent_orders()]
    world.put_sink("l05-static", sent)
    world.put_sink("l05-inner", pairs)
    alone = [data.as_spark_writes(orders[key]) for key in sorted(oracle.without_items())]
    world.put_sink("l05-left", [*pairs, *alone])
    world.files[f"{HOME}/out/l05-complete/part-0.json"] = "\n".join(map(json.dumps, rows_of(oracle.complete())))
    return world


def failures(world: World) -> dict[str, Any]:
    return {one.name: one.found for one in check(world.lab()) if not one.passed}


def test_everything_passes_on_a_cluster_that_is_as_it_should_be(right: World) -> None:
    assert failures(right) == {}


def test_an_empty_cluster_fails_everywhere_in_plain_words() -> None:
    found = check(World().lab())
    assert all(isinstance(one, Assertion) and not one.passed and one.where for one in found)
    assert all(isinstance(one.found, str) and one.found.startswith("no such ") for one in found)


def test_each_assertion_belongs_to_the_step(right: World) -> None:
    assert {one.name.split(":")[0] for one in check(right.lab())} == {"state"}


def row(order_id: str) -> str:
    """An order's row as a message has it."""
    return json.dumps(data.as_spark_writes(data.order(int(order_id[1:]))), sort_keys=True)


def test_a_duplicate_that_was_let_through_is_found(right: World) -> None:
    right.put_sink("l05-dedup", [*right.sink("l05-dedup"), json.loads(row("o010"))])
    assert failures(right) == {"state: l05-dedup: orders": f"301 rows; 1 not expected, such as {row('o010')}"}


def test_an_order_that_was_lost_is_named(right: World) -> None:
    right.put_sink("l05-dedup", [one for one in right.sink("l05-dedup") if one["order_id"] != "o123"])
    assert failures(right)["state: l05-dedup: orders"] == f"299 rows; 1 missing, such as {row('o123')}"


@pytest.mark.parametrize(
    ("sink", "column", "assertion"),
    [
        ("l05-dedup", "order_time", "state: l05-dedup: orders"),
        ("l05-dedup", "customer_id", "state: l05-dedup: orders"),
        ("l05-static", "status", "state: l05-static: records with their city"),
        ("l05-inner", "product", "state: l05-inner: orders with their items"),
        ("l05-left", "item_time", "state: l05-left: orders with their items"),
    ],
)
def test_each_column_is_looked_at(right: World, sink: str, column: str, assertion: str) -> None:
    rows = right.sink(sink)
    rows[0][column] = "another"
    right.put_sink(sink, rows)
    assert list(failures(right)) == [assertion]


def test_a_city_that_another_customer_has_is_found(right: World) -> None:
    """As many rows of each city as there should be, but two customers have changed places."""
    rows = right.sink("l05-static")
    rows[0]["city"], rows[1]["city"] = rows[1]["city"], rows[0]["city"]
    right.put_sink("l05-static", rows)
    assert list(failures(right)) == ["state: l05-static: records with their city"]


def test_a_window_with_another_count_is_named(right: World) -> None:
    rows = right.sink("l05-tumbling")
    rows[0]["count"] += 1
    right.put_sink("l05-tumbling", rows)
    assert failures(right) == {
        "state: l05-tumbling: closed windows by status": (
            "18; 1 missing: 00:00-00:05 delivered 24; 1 too many: 00:00-00:05 delivered 25"
        )
    }


DUPLICATES = "state: l05-update: duplicates in l05-window-counts, of batches that were cut off and sent again"


def test_a_batch_that_was_sent_twice_is_excused_by_a_kill_alone(right: World) -> None:
    right.topics["l05-window-counts"] += right.topics["l05-window-counts"][-3:]
    assert failures(right) == {DUPLICATES: 3}
    right.runs.insert(0, SimpleNamespace(outcome="KILLED", started_ms=FILLED_MS + 1))
    assert failures(right) == {}


def test_a_kill_before_the_topic_was_filled_excuses_nothing(right: World) -> None:
    right.topics["l05-window-counts"] += right.topics["l05-window-counts"][-3:]
    right.runs.insert(0, SimpleNamespace(outcome="KILLED", started_ms=FILLED_MS - 1))
    assert failures(right) == {DUPLICATES: 3}


def test_a_topic_that_was_written_twice_is_found_even_after_a_kill(right: World) -> None:
    right.topics["l05-window-counts"] *= 2
    right.runs.insert(0, SimpleNamespace(outcome="KILLED", started_ms=FILLED_MS + 1))
    assert failures(right) == {DUPLICATES: 16}


def test_a_record_that_is_no_json_is_an_assertion_that_fails(right: World) -> None:
    right.topics["l05-window-counts"].append(("00:00", "garbage"))
    found = failures(right)["state: l05-update: last count of each window"]
    assert found == "the record at offset 16 of partition 0 is not JSON: 'garbage'"


def test_an_order_given_up_too_early_is_found(right: World) -> None:
    right.put_sink("l05-left", [*right.sink("l05-left"), json.loads(row("o299"))])
    assert failures(right) == {
        "state: l05-left: orders without items": f"29 rows; 1 not expected, such as {row('o299')}"
    }


def test_a_watermark_that_stands_still_is_found(right: World) -> None:
    path = f"{HOME}/checkpoint/l05-dedup/offsets/7"
    right.files[path] = 'v1\n{"batchWatermarkMs":0}\n{"l05-orders":{"0":335}}'
    assert failures(right) == {"state: l05-dedup: last watermark": "1970-01-01T00:00:00Z"}


def test_a_stream_that_was_cut_off_is_found(right: World) -> None:
    for number in (5, 6):
        del right.files[f"{HOME}/checkpoint/l05-static/commits/{number}"]
    assert failures(right) == {"state: l05-static: records of each batch": [50] * 5}
