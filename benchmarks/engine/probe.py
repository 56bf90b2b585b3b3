"""Send orders at a steady rate, read their copies, and print as JSON how many milliseconds each was under way.

``python3 probe.py RATE WARM_SECONDS SECONDS`` on the edge node, while a step copies one topic to the other. An order is
under way from the moment when it was due to be sent until a reader of committed records has its copy, both by the clock
of this process. Those of the first WARM_SECONDS after the first copy do not count.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

LAB_JSON = Path("/etc/streamlab/lab.json")
SOURCE, TARGET, PARTITIONS = "engine-live", "engine-copies", 2
#: Orders that are due within so many seconds leave together.
TICK_S = 0.01
#: Seconds within which the first copy must come, and the last one after the last order.
FIRST_S, LAST_S = 120.0, 60.0


class Sender(threading.Thread):
    """Sends orders until it is stopped; `due` has the time of each, by its id."""

    def __init__(self, bootstrap: str, rate: int) -> None:
        super().__init__(daemon=True)
        self.due: list[float] = []
        self._producer = KafkaProducer(bootstrap_servers=bootstrap)
        self._per_tick = max(1, round(rate * TICK_S))
        self._pause = self._per_tick / rate
        self._stopped = threading.Event()

    def run(self) -> None:
        due = time.monotonic()
        while not self._stopped.wait(max(0.0, due - time.monotonic())):
            for _ in range(self._per_tick):
                number = len(self.due)
                self.due.append(due)
                self._producer.send(SOURCE, value=order(number), partition=number % PARTITIONS)
            due += self._pause
        self._producer.close()

    def stop(self) -> None:
        self._stopped.set()
        self.join()


def order(number: int) -> bytes:
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"id": number, "order_time": at, "status": "paid", "amount": number % 1000 / 7}).encode()


def copies(consumer: KafkaConsumer) -> Iterator[tuple[int, float]]:
    """The id of each copy that has come, and when it came."""
    polled = consumer.poll(timeout_ms=100)
    now = time.monotonic()
    return ((json.loads(record.value)["id"], now) for batch in polled.values() for record in batch)


def measured(consumer: KafkaConsumer, sender: Sender, *, warm: float, seconds: float) -> dict[int, float]:
    """Milliseconds of each order by its id, of those that were due in the time that counts."""
    came: dict[int, float] = {}
    ends, begin = time.monotonic() + FIRST_S, None
    while begin is None or time.monotonic() < begin + seconds:
        came.update((number, at) for number, at in copies(consumer) if number not in came)
        if came and begin is None:
            begin = time.monotonic() + warm
        elif not came and time.monotonic() > ends:
            sys.exit(f"no copy came within {FIRST_S:.0f} s")
    sender.stop()
    wanted = {number for number, due in enumerate(sender.due) if begin <= due < begin + seconds}
    ends = time.monotonic() + LAST_S
    while missing := wanted - came.keys():
        if time.monotonic() > ends:
            sys.exit(f"{len(missing)} of {len(wanted)} orders were not copied within {LAST_S:.0f} s")
        came.update((number, at) for number, at in copies(consumer) if number not in came)
    return {number: (came[number] - sender.due[number]) * 1000 for number in sorted(wanted)}


def main(rate: str, warm: str, seconds: str) -> None:
    bootstrap = json.loads(LAB_JSON.read_text(encoding="utf-8"))["kafka"]
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, group_id=None, isolation_level="read_committed")
    places = [TopicPartition(TARGET, number) for number in range(PARTITIONS)]
    consumer.assign(places)
    consumer.seek_to_end(*places)
    for place in places:
        consumer.position(place)  # what is the end is asked only now
    sender = Sender(bootstrap, int(rate))
    sender.start()
    found = measured(consumer, sender, warm=float(warm), seconds=float(seconds))
    milliseconds = [round(value, 1) for value in found.values()]
    print(json.dumps({"rate": round(len(found) / float(seconds)), "milliseconds": milliseconds}))


if __name__ == "__main__":
    main(*sys.argv[1:])
