"""Consumer groups: two members share a topic; then a member dies, with its commit after the work, and before it.

No Spark in here: a consumer is an ordinary program. It runs in the driver, so that it stands in YARN's list too.
"""

from __future__ import annotations

import json
from typing import Any

from pyspark.sql import SparkSession

from common.hdfs import Hdfs
from common.kafka import Kafka
from common.outcome import Outcome
from common.settings import Settings
from lesson02.data import CHUNK, DIES_AFTER, EVENTS, PARTITIONS
from lesson02.members import chunk, member, shared
from lesson02.places import AT_LEAST_ONCE, AT_MOST_ONCE, GROUPS, MEMBERS, MEMBERS_OUT, SHARED, effects


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """Each demonstration from its start, so the groups of an earlier run are deleted first."""
    kafka, hdfs = Kafka(settings.info.kafka), Hdfs(settings.info.webhdfs)
    for group in GROUPS:
        kafka.delete_group(group)
    try:
        found = together(kafka, settings)
    finally:
        kafka.close()
    hdfs.write(settings.output(MEMBERS_OUT), json.dumps(found, indent=2) + "\n")
    written = {}
    for group, commit_first in ((AT_LEAST_ONCE, False), (AT_MOST_ONCE, True)):
        handled = relay(settings, group, commit_first=commit_first)
        print(told(group, handled), flush=True)
        place = settings.output(effects(group))
        hdfs.write(place, "".join(json.dumps(one) + "\n" for one in handled))
        written[f"hdfs {place}"] = len(handled)
    return Outcome(written=written, details=found)


def together(kafka: Kafka, settings: Settings) -> dict[str, Any]:
    """Two members of one group: who owned what, how many each read, and the group's lag before and after."""
    topic = settings.topic("events")
    before = lag(kafka, SHARED, topic)
    shares = shared(settings, SHARED, topic, MEMBERS, partitions=PARTITIONS)
    for share in shares:
        print(f"{share.name}: partitions {sorted(share.partitions)}, {len(share.read)} records", flush=True)
    after = lag(kafka, SHARED, topic)
    print(f"lag of {SHARED}: {before} -> {after}", flush=True)
    members = {one.name: {"partitions": sorted(one.partitions), "read": sorted(one.read)} for one in shares}
    return {"lag_before": before, "lag_after": after, "members": members}


def lag(kafka: Kafka, group: str, topic: str) -> int:
    """How many records the group has still before it: the distance from its commits to the ends of the partitions."""
    done = kafka.committed(group)
    return sum(end - done.get((topic, partition), 0) for partition, end in kafka.end_offsets(topic).items())


def relay(settings: Settings, group: str, *, commit_first: bool) -> list[dict[str, Any]]:
    """A first member dies in the middle of its third chunk, a second takes over; each record that was handled."""
    handled: list[dict[str, Any]] = []
    for name, dies_after in (("first", DIES_AFTER), ("second", None)):
        with member(settings, group, f"{group}-{name}") as consumer:
            consumer.subscribe([settings.topic("events")])
            while (records := chunk(consumer, CHUNK)) and len(handled) != dies_after:
                if commit_first:
                    consumer.commit()
                for record in records:
                    if len(handled) == dies_after:
                        break
                    handled.append({"member": name, "partition": record.partition, "offset": record.offset})
                else:
                    if not commit_first:
                        consumer.commit()
    return handled


def told(group: str, handled: list[dict[str, Any]]) -> str:
    distinct = len({(one["partition"], one["offset"]) for one in handled})
    return (
        f"{group}: {EVENTS} records in the topic, {len(handled)} handled: "
        f"{len(handled) - distinct} twice, {EVENTS - distinct} never"
    )
