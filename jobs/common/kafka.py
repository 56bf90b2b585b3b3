"""Kafka from Python: topics, offsets, and records produced and read back. For Spark's side see `spark`."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    KafkaError,
    NotCoordinatorError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    UnsupportedCodecError,
)

from common.errors import JobError, Missing, Unreachable
from common.records import Record, encoded, record_of, unreadable

#: A lesson's records stay until the topic is deleted, however old they are: with Kafka's default of seven days a
#: student who comes back after a week would find half a lesson. How much a partition keeps is the broker's to say.
TOPIC_CONFIG = {"retention.ms": "-1"}

PAUSE_S = 0.2
#: The first question about any group makes Kafka create the topic that holds the answer, and load it.
NOT_YET = (CoordinatorNotAvailableError, CoordinatorLoadInProgressError, NotCoordinatorError)


T = TypeVar("T")


@dataclass(frozen=True)
class Topic:
    """A topic that is there. Its id is Kafka's own, and another one each time that a topic of this name is made."""

    id: str
    partitions: int


class Kafka:
    """A client of one cluster. Every call ends within about `timeout` seconds, with an answer or an error."""

    def __init__(self, bootstrap: str, *, replication: int = 1, timeout: float = 20.0) -> None:
        self.bootstrap = bootstrap
        self.replication = replication
        self.timeout = timeout
        self._refused: Unreachable | None = None

    @cached_property
    def _admin(self) -> KafkaAdminClient:
        if self._refused:  # twenty assertions on a dead broker wait once, not twenty times
            raise self._refused
        try:
            return KafkaAdminClient(**self._connection())
        except KafkaError as error:
            self._refused = Unreachable(
                "Kafka gives no answer",
                evidence=[f"asked: {self.bootstrap}", f"{type(error).__name__}: {error}"],
            )
            raise self._refused from error

    def close(self) -> None:
        if "_admin" in self.__dict__:
            self._admin.close()
            del self._admin

    def topics(self, names: Iterable[str]) -> dict[str, Topic]:
        """Those of the topics `names` that are there, by name."""
        # Asked by name through the admin client, which alone never makes the topic it asks about.
        with self._errors(", ".join(names := sorted(names))):
            described = self._admin.describe_topics(names) if names else []
        return {
            one["name"]: _topic(one) for one in described if one["error_code"] != UnknownTopicOrPartitionError.errno
        }

    def partitions(self, topic: str) -> int:
        """How many partitions `topic` has; Missing when there is no such topic."""
        found = self.topics([topic])
        if topic not in found:
            raise Missing(f"no such topic: {topic}")
        return found[topic].partitions

    def ensure_topic(
        self,
        topic: str,
        *,
        partitions: int,
        config: Mapping[str, str] = TOPIC_CONFIG,
        brokers: Sequence[int] = (),
        start_over: str = "",
    ) -> bool:
        """Make `topic` unless it is there; True when made. One with another number of partitions is an error.

        Args:
            brokers: one for each partition, which alone holds it, where Kafka is not to choose.
            start_over: the command that takes away the topic with all that knows of it, which the error names.
        """
        try:
            found = self.partitions(topic)
        except Missing:
            return self._create(topic, partitions=partitions, config=config, brokers=brokers)
        if found != partitions:
            # Never the topic alone: the checkpoints of streams that have read it would be of another topic.
            start_over = start_over or "delete it, and the checkpoint of each stream that has read it"
            raise JobError(
                f"topic {topic} has {found} partitions, not {partitions}",
                evidence="partitions decide which records stay in order, so a topic is never changed in place",
                fix=f"{start_over}; then run this again",
            )
        return False

    def _create(self, topic: str, *, partitions: int, config: Mapping[str, str], brokers: Sequence[int]) -> bool:
        wanted: dict[str, Any] = {"configs": dict(config)}
        if brokers:
            wanted["assignments"] = {partition: [broker] for partition, broker in enumerate(brokers)}
        else:
            wanted |= {"num_partitions": partitions, "replication_factor": self.replication}
        with self._errors(topic):
            try:
                self._admin.create_topics({topic: wanted}, timeout_ms=int(self.timeout * 1000))
            except TopicAlreadyExistsError:  # someone made it between our question and our request
                return False
            self._admin.wait_for_topics([topic], timeout_ms=int(self.timeout * 1000))
        return True

    def delete_topic(self, topic: str) -> bool:
        """Delete `topic` with all its records, and wait until it is gone. False when it was not there."""
        with self._errors(topic):
            try:
                self._admin.delete_topics([topic], timeout_ms=int(self.timeout * 1000))
            except UnknownTopicOrPartitionError:
                return False
        deadline = time.monotonic() + self.timeout
        while self.topics([topic]):  # else a topic made again right away is taken for the old one
            if time.monotonic() > deadline:
                raise Unreachable(f"topic {topic} was not gone {self.timeout:.0f} s after it was deleted")
            time.sleep(PAUSE_S)
        return True

    def delete_group(self, group: str) -> bool:
        """Delete a consumer group with its committed offsets. False when it was not there."""
        said = self._of_group(group, lambda: self._deleted(group))
        if said not in ("OK", "GroupIdNotFoundError"):
            raise JobError(f"Kafka does not delete the consumer group {group}", evidence=said)
        return said == "OK"

    def _deleted(self, group: str) -> str:
        """What Kafka says of the deletion: this answer comes as a name, not as an exception.

        Raises:
            KafkaError: the group's coordinator does not answer for it yet.
        """
        said: str = self._admin.delete_groups([group])[group]
        for error in NOT_YET:
            if said == error.__name__:
                raise error(group)
        return said

    def end_offsets(self, topic: str) -> dict[int, int]:
        """Per partition, the offset that the next record will get."""
        return self._offsets(topic, OffsetSpec.LATEST)

    def names(self) -> list[str]:
        """The names of all topics that are there, but for Kafka's own."""
        with self._errors("the list of topics"):
            return sorted(name for name in self._admin.list_topics() if not name.startswith("__"))

    def offsets(self, topic: str) -> dict[int, tuple[int, int]]:
        """Per partition, the offsets of the first record that is still there and of the next one."""
        first = self._offsets(topic, OffsetSpec.EARLIEST)
        return {part: (first[part], end) for part, end in self.end_offsets(topic).items()}

    def _offsets(self, topic: str, which: OffsetSpec) -> dict[int, int]:
        wanted = dict.fromkeys(self._places(topic), which)
        # Through the admin client, which is connected already: a consumer takes a tenth of a second for the same.
        with self._errors(topic):
            return {
                place.partition: found.offset for place, found in self._admin.list_partition_offsets(wanted).items()
            }

    def count(self, topic: str) -> int:
        """How many records `topic` ever took: the sum of its end offsets.

        True as a count of records while nothing is deleted or compacted and no transactions are used.
        """
        return sum(self.end_offsets(topic).values())

    def produce(self, topic: str, records: Iterable[tuple[str | None, str]], *, partition: int | None = None) -> int:
        """Send (key, value) pairs in order and wait until all replicas have them all; how many were sent."""
        self.partitions(topic)  # a producer would make a missing topic, with the broker's number of partitions
        with self._errors(topic):
            # Records leave in the order given and each is stored once even when a request is repeated.
            producer = KafkaProducer(
                **self._connection(),
                acks="all",
                enable_idempotence=True,
                max_block_ms=int(self.timeout * 1000),
                delivery_timeout_ms=int(self.timeout * 2000),
            )
            try:
                sent = [
                    producer.send(topic, key=encoded(key), value=encoded(value), partition=partition)
                    for key, value in records
                ]
                producer.flush(timeout=self.timeout)
                for future in sent:
                    future.get(timeout=self.timeout)  # flush() does not raise what a single record met
            finally:
                producer.close(timeout=self.timeout)
        return len(sent)

    def produce_missing(self, topic: str, records: Sequence[tuple[str | None, str]]) -> int:
        """Send those (key, value) pairs that the topic does not hold yet, counting repeats; how many were sent.

        A run that was cut off is completed, not repeated: what is stored of each partition is the beginning of what
        belongs there, so completing it gives the same order as one whole run.
        """
        there = Counter((record.key, record.value) for record in self.consume_all(topic))
        missing = []
        for record in records:
            if there[record] > 0:
                there[record] -= 1
            else:
                missing.append(record)
        return self.produce(topic, missing) if missing else 0

    def consume_all(self, topic: str) -> list[Record]:
        """Every record that `topic` holds now, by partition and offset; stops at the end offsets of the start.

        Of transactions, what they have committed. One that is open hides all that comes after its first record.
        """
        places = self._places(topic)
        deadline = time.monotonic() + self.timeout
        records: list[Record] = []
        with self._consumer() as consumer, self._errors(topic):
            ends = consumer.end_offsets(places)
            consumer.assign(places)
            consumer.seek_to_beginning(*places)
            # The position moves past markers and gaps too, so it is what tells that a partition is done.
            while any(consumer.position(place) < ends[place] for place in places):
                if time.monotonic() > deadline:
                    raise Unreachable(f"topic {topic} was not read to its end in {self.timeout:.0f} s")
                for batch in consumer.poll(timeout_ms=500).values():
                    records.extend(record_of(raw) for raw in batch)
        kept = (r for r in records if r.offset < ends[TopicPartition(topic, r.partition)])
        return sorted(kept, key=lambda r: (r.partition, r.offset))

    def committed(self, group: str) -> dict[tuple[str, int], int]:
        """The offsets that a consumer group has committed, by (topic, partition); empty when it has none."""
        offsets = self._of_group(group, lambda: self._admin.list_group_offsets({group: None})[group])
        return {(place.topic, place.partition): stored.offset for place, stored in offsets.items()}

    def notes(self, group: str) -> dict[tuple[str, int], str]:
        """The note that a consumer group has committed beside each offset (its metadata), by (topic, partition)."""
        offsets = self._of_group(group, lambda: self._admin.list_group_offsets({group: None})[group])
        return {(place.topic, place.partition): stored.metadata or "" for place, stored in offsets.items()}

    def _of_group(self, group: str, ask: Callable[[], T]) -> T:
        """Ask something about a consumer group, again while a cluster that has had none yet prepares to answer."""
        deadline = time.monotonic() + self.timeout
        with self._errors(f"group {group}"):
            while True:
                try:
                    return ask()
                except NOT_YET:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(PAUSE_S)

    def _places(self, topic: str) -> list[TopicPartition]:
        return [TopicPartition(topic, number) for number in range(self.partitions(topic))]

    def _connection(self) -> dict[str, object]:
        # The client's own defaults wait 30 s for a broker that is not there, on every connection.
        return {
            "bootstrap_servers": self.bootstrap.split(","),
            "bootstrap_timeout_ms": int(self.timeout * 1000),
            "request_timeout_ms": int(self.timeout * 1000),
            # A broker that has just come up is found at once; the pauses between tries would else double up to 30 s.
            "reconnect_backoff_max_ms": 300,
        }

    @contextmanager
    def _consumer(self) -> Iterator[KafkaConsumer]:
        """A consumer without a group: it reads what it is told to and commits nothing."""
        with self._errors("a consumer"):
            # What a transaction has not committed is not there yet, and what it has aborted never was.
            consumer = KafkaConsumer(
                **self._connection(),
                group_id=None,
                allow_auto_create_topics=False,
                isolation_level="read_committed",
            )
        try:
            yield consumer
        finally:
            consumer.close(autocommit=False)

    @contextmanager
    def _errors(self, about: str) -> Iterator[None]:
        try:
            yield
        except UnsupportedCodecError as error:
            raise unreadable(about, str(error)) from error
        except KafkaError as error:
            raise JobError(f"Kafka failed for {about}", evidence=f"{type(error).__name__}: {error}") from error


def _topic(described: Mapping[str, Any]) -> Topic:
    if described["error_code"]:
        name, code = described["name"], described["error_code"]
        raise JobError(f"Kafka cannot describe topic {name}", evidence=f"error code {code}")
    return Topic(id=described["topic_id"], partitions=len(described["partitions"]))
