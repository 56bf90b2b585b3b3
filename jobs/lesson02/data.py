"""Sixty invented events of six sensors, and what the lesson should make of them (the oracle)."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, dataclass
from functools import cache
from random import Random

SEED = 2
PARTITIONS = 3
PER_SENSOR = 10

#: The partition that Kafka's clients choose for a key is its murmur2 checksum modulo the number of partitions. These
#: names were picked so that each partition of three has two; a test computes the checksums again.
SENSORS = {"cellar": 0, "garage": 0, "garden": 1, "kitchen": 1, "porch": 2, "roof": 2}
EVENTS = PER_SENSOR * len(SENSORS)

#: What the Spark step reads of each partition: from the first offset up to, and without, the second.
FIRST, END = 2, 5

#: The delivery demonstrations: records are handled ten at a time, and the first member dies after its 24th.
CHUNK = 10
DIES_AFTER = 24
_HANDLED_OF_CHUNK = DIES_AFTER % CHUNK

#: Committed after the work: the four handled since the last commit are handled again by whoever takes over.
AT_LEAST_ONCE = EVENTS + _HANDLED_OF_CHUNK
#: Committed before the work: the six of the chunk that were still to come are handled by no one.
AT_MOST_ONCE = EVENTS - (CHUNK - _HANDLED_OF_CHUNK)


@cache
def events(seed: int = SEED) -> tuple[tuple[str, str], ...]:
    """(key, value) in the order in which they are sent: each sensor's first event, then each sensor's second, …"""
    random = Random(seed)
    return tuple(
        (sensor, json.dumps({"sensor": sensor, "seq": seq, "value": round(random.uniform(-10, 35), 1)}))
        for seq in range(PER_SENSOR)
        for sensor in SENSORS
    )


def partition(number: int) -> list[tuple[str, str]]:
    """The events of one partition by offset: Kafka keeps the order of sending within a partition."""
    return [(key, value) for key, value in events() if SENSORS[key] == number]


def offsets(topic: str, offset: int) -> str:
    """The same offset for each partition, as startingOffsets and endingOffsets take it: {"topic": {"0": 2, …}}."""
    return json.dumps({topic: {str(number): offset for number in range(PARTITIONS)}})


def sliced() -> list[tuple[str, dict[str, object]]]:
    """What the slice topic holds in the end, besides its count: key, and value read from its JSON."""
    return [
        (key, {"partition": number, "offset": offset, **json.loads(value)})
        for number in range(PARTITIONS)
        for offset, (key, value) in enumerate(partition(number))
        if FIRST <= offset < END
    ]


@dataclass(frozen=True)
class Reading:
    """A line of the file of readings; `value` is None where the sensor gave none, an empty field in the file."""

    sensor: str
    seq: int
    value: float | None


#: Each sensor has from the first to the second number of readings; each partition then has enough for the slice.
READINGS = (8, 14)
#: One reading in so many has no value.
WITHOUT_VALUE = 6


@cache
def readings(seed: int = SEED) -> tuple[Reading, ...]:
    """The readings in the file's order: by turns, as the sensors send them, each until it has no more."""
    random = Random(seed)
    left = {sensor: random.randint(*READINGS) for sensor in SENSORS}
    found = []
    for seq in range(max(left.values())):
        for sensor in (one for one, count in left.items() if seq < count):
            value = round(random.uniform(-10, 35), 1)
            found.append(Reading(sensor, seq, None if random.randrange(WITHOUT_VALUE) == 0 else value))
    return tuple(found)


def readings_csv(seed: int = SEED) -> str:
    """The file of readings, with a header line."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=("sensor", "seq", "value"), lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(one) for one in readings(seed))
    return text.getvalue()


def readings_of_partition(number: int, seed: int = SEED) -> list[Reading]:
    """The readings of one partition by offset, where the sensor is the record's key."""
    return [one for one in readings(seed) if SENSORS[one.sensor] == number]


def highest(seed: int = SEED) -> dict[str, float]:
    """Each sensor's highest value."""
    return {
        sensor: max(one.value for one in readings(seed) if one.sensor == sensor and one.value is not None)
        for sensor in SENSORS
    }
