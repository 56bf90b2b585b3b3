"""How large each batch of lesson 3's orders had to be, by what its checkpoint and its last run's report say."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

from common.checkpoint import Checkpoint
from common.checks import Fact
from lesson03 import data
from lesson03.places import ORDERS_QUERY, PARTITIONS

if TYPE_CHECKING:
    from common.lab import Lab
    from common.records import Record

PER_BATCH = 300

#: The offsets by partition at which a batch began and ended.
Batch = tuple[dict[int, int], dict[int, int]]


def kept_batches(checkpoint: Checkpoint, topic: str) -> list[Batch]:
    """Where each finished batch began and ended, by partition.

    Spark keeps the last hundred. Where the first of them began is not known then, and it is left out.
    """
    numbers = checkpoint.commits
    ends = [checkpoint.end_offsets(number).get(topic, {}) for number in numbers]
    return [*([({}, ends[0])] if numbers[:1] == [0] else []), *pairwise(ends)]


def size(batch: Batch) -> int:
    start, end = batch
    return sum(offset - start.get(partition, 0) for partition, offset in end.items())


def last_run(lab: Lab, sizes: list[int]) -> tuple[int, int]:
    """The limit that the last run was given, and how many of the batches were its own: for others it says nothing.

    A run that found nothing new has none, and a run that was killed has left no report.
    """
    try:
        found = json.loads(lab.hdfs.read_text(lab.settings.report_of("read")))
        rows = next(query["rows"] for query in found["queries"] if query["name"] == ORDERS_QUERY)
        own = len(rows) if rows and sizes[-len(rows) :] == rows[-len(sizes) :] else 0
        return int(found["args"]["per_batch"]), own
    except Exception:  # no report, or none that can be read: the application's own assertion is about that
        return PER_BATCH, 0


def plan(lab: Lab, records: Fact[list[Record]], batches: Fact[list[Batch]]) -> list[int]:
    """How large each batch had to be, by where it began, how Kafka spread the keys over partitions, and the limit.

    The second delivery comes by itself, or before the first is read. Of a batch whose limit is not known it is asked
    that there is a limit for it.
    """
    try:
        first = {key for key, _ in data.messages()}
        arrived = Counter(one.partition for one in records() if one.key in first)
        whole = Counter(one.partition for one in records())
        limit, own = last_run(lab, [size(batch) for batch in batches()])
        known = len(batches()) - own
    except Exception:  # reported by the assertions about the topic; whatever is expected then, nothing is found
        return []
    wanted = []
    for place, batch in enumerate(batches()):
        found = size(batch)
        limits = [limit] if place >= known else range(max(1, found - PARTITIONS), found + PARTITIONS + 1)
        left = [rest for rest in (left_of(arrived, batch), left_of(whole, batch)) if rest] or [{0: 1}]
        fits = found in {data.batch_plan(rest, one)[0] for rest in left for one in limits}
        wanted.append(found if fits else data.batch_plan(left[0], limit)[0])
    return wanted


def left_of(sizes: Mapping[int, int], batch: Batch) -> dict[int, int]:
    """What was still to be read of each partition when the batch began."""
    start = batch[0]
    return {part: count - start.get(part, 0) for part, count in sizes.items() if count > start.get(part, 0)}
