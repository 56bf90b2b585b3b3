"""Members of a consumer group, as plain kafka-python: what each owns, reads and commits."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from kafka import KafkaConsumer
from kafka.structs import OffsetAndMetadata

from common.errors import JobError
from common.settings import Settings

#: Long enough for a busy machine to hand out partitions; only then is something wrong.
PATIENCE_S = 60.0
#: Longer than a member takes to join, which waits for the others' next heartbeat: where a poll ends while it joins,
#: kafka-python 3.0 may join a second time, and a member was seen to fall silent then.
POLL_MS = 3_000


@contextmanager
def member(settings: Settings, group: str, name: str) -> Iterator[KafkaConsumer]:
    """A member of `group` that commits only when told to. It leaves without a commit, as one that is killed does."""
    consumer = KafkaConsumer(
        bootstrap_servers=settings.info.kafka.split(","),
        group_id=group,
        client_id=name,
        auto_offset_reset="earliest",  # counts where the group has not committed anything yet
        enable_auto_commit=False,
        session_timeout_ms=10_000,
        heartbeat_interval_ms=1_000,
    )
    try:
        yield consumer
    finally:
        consumer.close(autocommit=False)


@dataclass
class Share:
    """What one of several members was given, and what it read: (partition, offset)."""

    name: str
    partitions: set[int] = field(default_factory=set)
    read: list[tuple[int, int]] = field(default_factory=list)


def shared(settings: Settings, group: str, topic: str, names: Sequence[str], *, partitions: int) -> list[Share]:
    """Let members called `names` read `topic` together to its end, once Kafka has divided it between them."""
    shares = [Share(name) for name in names]
    divided, all_done = threading.Event(), threading.Barrier(len(names))

    def live(share: Share) -> None:
        with member(settings, group, share.name) as consumer:
            consumer.subscribe([topic])
            deadline = _deadline()
            while not divided.is_set():
                consumer.poll(timeout_ms=POLL_MS)
                share.partitions = {place.partition for place in consumer.assignment()}
                _in_time(deadline, f"group {group} was not divided between its members")
            # What the first to come read while it was alone does not count: nothing of it was committed. (With a
            # rebalance listener that calls pause() instead, a member was once seen to hang, without a heartbeat.)
            consumer.seek_to_beginning(*consumer.assignment())
            while records := chunk(consumer, 100):
                share.read += [(record.partition, record.offset) for record in records]
            # With its name as a note, which Kafka keeps: who has read what can be seen from outside.
            ends = {place: OffsetAndMetadata(consumer.position(place), share.name, -1) for place in owned(consumer)}
            consumer.commit(ends)
            all_done.wait(PATIENCE_S)  # one that left earlier would hand its partitions to the other

    with ThreadPoolExecutor(len(names)) as pool:
        lives = [pool.submit(live, share) for share in shares]
        while not (is_divided(shares, partitions) or any(life.done() for life in lives)):
            time.sleep(0.1)
        divided.set()
        for life in lives:
            life.result()
    return shares


def is_divided(shares: Sequence[Share], partitions: int) -> bool:
    """Every partition has one owner, and every member has a partition."""
    given = [partition for share in shares for partition in share.partitions]
    return sorted(given) == list(range(partitions)) and all(share.partitions for share in shares)


def chunk(consumer: KafkaConsumer, size: int) -> list[Any]:
    """The next `size` records of what the consumer owns; fewer at the end, none after it."""
    records: list[Any] = []
    deadline = _deadline()
    while len(records) < size and not _at_end(consumer):
        for batch in consumer.poll(timeout_ms=POLL_MS, max_records=size - len(records)).values():
            records += batch
        _in_time(deadline, "no more records came")
    return records


def owned(consumer: KafkaConsumer) -> list[Any]:
    """The partitions that its group has given to a consumer."""
    return list(consumer.assignment())


def _at_end(consumer: KafkaConsumer) -> bool:
    """A member that owns nothing yet is not at the end of anything."""
    places = owned(consumer)
    return bool(places) and all(consumer.position(place) >= end for place, end in consumer.end_offsets(places).items())


def _deadline() -> float:
    return time.monotonic() + PATIENCE_S


def _in_time(deadline: float, what: str) -> None:
    if time.monotonic() > deadline:
        raise JobError(f"{what} in {PATIENCE_S:.0f} s")
