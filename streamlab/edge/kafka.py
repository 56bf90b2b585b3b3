"""What the lab asks a student's Kafka beyond what lessons need: who holds which partition, and moving them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from kafka import TopicPartition

from common import kafka
from common.errors import JobError, Unreachable

#: Seconds that all moves together may take.
MOVE_SECONDS = 300


class Brokers(kafka.Kafka):
    """The student's Kafka."""

    def registered(self) -> set[int]:
        """The brokers that the controller knows of, running or not."""
        with self._errors("its brokers"):
            return {broker["broker_id"] for broker in self._admin.describe_cluster()["brokers"]}

    def held(self) -> dict[TopicPartition, list[int]]:
        """Every partition, those of internal topics too, and the brokers that hold it, the preferred leader first."""
        with self._errors("its topics"):
            return {
                TopicPartition(topic["name"], partition["partition_index"]): list(partition["replica_nodes"])
                for topic in self._admin.describe_topics()
                for partition in topic["partitions"]
            }

    def reassign(self, wanted: Mapping[TopicPartition, Sequence[int]]) -> None:
        """Have each partition held by these brokers, and wait until they have all of it.

        Raises:
            JobError: Kafka refuses a move, or the moves take too long.
        """
        if not wanted:
            return
        with self._errors("moving partitions"):
            answers = self._admin.alter_partition_reassignments(wanted)
            refused = [f"{one.topic}-{one.partition}: {error.__name__}" for one, error in answers.items() if error]
            if refused:
                raise JobError("Kafka does not move partitions", evidence=refused)
            ends = time.monotonic() + MOVE_SECONDS
            while left := self._admin.list_partition_reassignments():
                if time.monotonic() > ends:
                    raise Unreachable(f"{len(left)} partitions were not moved in {MOVE_SECONDS} s")
                time.sleep(kafka.PAUSE_S)
