"""Drills that are records in a topic: what is sent there, and whether a student's program has coped with it.

``python3 -m edge.drill_records DRILL JOB`` sends. `JOB` is a copy of the lesson on which the drill is made, with topics
and folders of its own, so that nothing of the lesson's is touched. What a program has left is judged by what the topic
holds now, whatever the drill: an order of the topic must be there once, as it was sent.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from common import file_sink
from common.channel import emit
from common.errors import Missing
from common.lab import Lab
from common.orders import as_records, orders
from common.records import Record
from common.settings import LabInfo, Settings, load_info

#: (key, value) of a record.
Message = tuple[str, str]
#: What is not as it should be, by a code that `texts.yml` of the drills puts into words, and how often.
Wrong = tuple[str, int]

#: Orders that a drill sends after the lesson's own, and the seeds of those that are no others' in the lab.
MORE, POISONED_SEED, RENAMED_SEED = 40, 6101, 6102
#: Which of them is poisoned. Its time is what Go and .NET write for one that was never set: valid JSON, and a timestamp
#: for Spark, which refuses to write one before 1900 to parquet.
POISONED, UNSET_TIME = 20, "0001-01-01T00:00:00Z"
#: No order is older than the shop.
FIRST_YEAR = 2000
#: What the field `order_id` is called by the producer of the drill.
OLD_NAME, NEW_NAME = "order_id", "id"

#: Of the drill of the clock: orders, one every so often until now; from the 31st on the phone of one customer sends
#: its local time as UTC, three hours ahead.
SHOP_ORDERS, EVERY, CUSTOMERS, AHEAD_FROM = 300, timedelta(seconds=10), 25, 30
AHEAD_CUSTOMER, AHEAD = "c07", timedelta(hours=3)
#: How far the time of an event may be ahead of Kafka's time of arrival: clocks differ a little.
TOLERANCE = timedelta(minutes=10)
#: Orders of lesson 5 that come too late for its watermark. Whether they are kept depends on where a batch ends.
LATE = "late"


def poisoned() -> list[Message]:
    """Orders, of which one has a time that was never set."""
    sent = [asdict(one) for one in orders(MORE, seed=POISONED_SEED)]
    sent[POISONED] |= {"status": "created", "purchased_at": UNSET_TIME} | dict.fromkeys(
        ("approved_at", "shipped_at", "delivered_at")
    )
    return [(one[OLD_NAME], json.dumps(one)) for one in sent]


def renamed() -> list[Message]:
    """Orders of a producer that calls one field otherwise."""
    old = as_records(orders(MORE, seed=RENAMED_SEED))
    return [(key, json.dumps({NEW_NAME if k == OLD_NAME else k: v for k, v in json.loads(text).items()}))
            for key, text in old]  # fmt: skip


def ahead(now: datetime | None = None) -> list[Message]:
    """Orders until `now`; the clock of one customer's phone jumps ahead on the way."""
    now = now or datetime.now(UTC)
    made = []
    for number in range(SHOP_ORDERS):
        customer = f"c{number % CUSTOMERS:02d}"
        time = now - (SHOP_ORDERS - number) * EVERY
        if customer == AHEAD_CUSTOMER and number >= AHEAD_FROM:
            time += AHEAD
        order = {"order_id": f"p{number:03d}", "order_time": f"{time:%Y-%m-%dT%H:%M:%SZ}", "customer_id": customer}
        made.append((order["order_id"], json.dumps(order | {"status": "delivered"})))
    return made


SENDS: Mapping[str, Callable[[], list[Message]]] = {
    "record-poisoned": poisoned, "schema-changed": renamed, "clock-ahead": ahead,
}  # fmt: skip
#: The jobs on which drills are made: copies of lesson 3 and lesson 5.
ORDERS_JOB, SHOP_JOB = JOBS = ("drill03", "drill05")


def send(drill: str, job: str, info: LabInfo) -> int:
    """Send a drill's records into the orders' topic of its job, which is there; how many they are."""
    with Lab(Settings(info, job)) as lab:
        return lab.kafka.produce(topic_of(job), SENDS[drill]())


def topic_of(job: str) -> str:
    return f"{job}-orders"


def wrong_in(job: str, info: LabInfo) -> list[Wrong]:
    """What is not as it should be in what the program of a drill's job has left; nothing once it is repaired."""
    with Lab(settings := Settings(info, job)) as lab:
        try:
            records = lab.kafka.consume_all(topic_of(job))
        except Missing:
            return [("gone", 1)]
        if not complete(records, job):
            return [("gone", 1)]
        try:
            if job == ORDERS_JOB:
                return wrong_orders(records, _sorted_out(lab, settings.output("orders")))
            return wrong_times(records, file_sink.json_rows(lab.hdfs, settings.output(f"{job}-dedup")))
        except Missing:
            return [("nothing", 1)]


def complete(records: Iterable[Record], job: str) -> bool:
    """Whether a topic still holds all that one of the job's drills has sent: a reset takes it away."""
    there = {record.key for record in records}
    sent = [poisoned(), renamed()] if job == ORDERS_JOB else [ahead()]
    return any(there.issuperset(key for key, _ in messages) for messages in sent)


def _sorted_out(lab: Lab, folder: str) -> list[dict[str, Any]]:
    """The rows of lesson 3's sink, with the kind that their folder has."""
    rows = []
    for path in file_sink.committed_files(lab.hdfs, folder):
        kind = next((part.partition("=")[2] for part in path.split("/") if part.startswith("kind=")), "")
        found = file_sink.parquet_rows(lab.hdfs, [path], ["partition", "offset", "order_id", "status"])
        rows += [row | {"kind": kind} for row in found]
    return rows


def wrong_orders(records: Sequence[Record], rows: Sequence[Mapping[str, Any]]) -> list[Wrong]:
    """Lesson 3: each order of the topic once among the orders, and each record that is none once beside them."""
    expected = {(record.partition, record.offset): order_in(record.value) for record in records}
    places = [(row.get("partition"), row.get("offset")) for row in rows]
    kept = {
        place: (row.get("order_id"), row.get("status"))
        for place, row in zip(places, rows, strict=True)
        if row["kind"] == "order"
    }
    none = [place for place, order in expected.items() if order is None]
    return _counted(
        missing=sum(kept.get(place) != order for place, order in expected.items() if order is not None),
        taken=sum(place in kept for place in none),
        lost=sum(place not in places for place in none),
        twice=sum(count > 1 for count in Counter(places).values()),
    )


def order_in(value: str | None) -> tuple[str, str] | None:
    """Id and status of an order by either name of its id; None for what is no order."""
    try:
        found = json.loads(value or "")
        if datetime.fromisoformat(found["purchased_at"]).year < FIRST_YEAR:
            return None
        return found.get(OLD_NAME) or found[NEW_NAME], found["status"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def wrong_times(records: Sequence[Record], rows: Sequence[Mapping[str, Any]]) -> list[Wrong]:
    """Lesson 5: each order whose time can be right once and with that time, and none with a time that cannot."""
    limits = {record.key: _arrival(record) + TOLERANCE for record in records}
    made = {record.key: time for record in records if (time := _time_in(record.value))}
    right = {key: time for key, time in made.items() if time <= limits[key] and not str(key).startswith(LATE)}
    kept = {row.get("order_id"): _time(row.get("order_time")) for row in rows}
    return _counted(
        missing=sum(kept.get(key) != time for key, time in right.items()),
        ahead=sum(time is not None and key in limits and time > limits[key] for key, time in kept.items()),
        twice=sum(count > 1 for count in Counter(row.get("order_id") for row in rows).values()),
    )


def _arrival(record: Record) -> datetime:
    return datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)


def _time_in(value: str | None) -> datetime | None:
    try:
        return _time(json.loads(value or "")["order_time"])
    except (ValueError, KeyError, TypeError):
        return None


def _time(text: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _counted(**counts: int) -> list[Wrong]:
    return [(code, count) for code, count in counts.items() if count]


if __name__ == "__main__":
    emit(answer=send(sys.argv[1], sys.argv[2], load_info()))
