"""Whether the topics that a lesson's checkpoints have read are still there, and are the same.

A checkpoint knows a topic by its name, and a stream goes on at the offsets that are noted there. Of a topic that was
deleted and made again it would skip what stands before them and say nothing, once the new topic has outgrown the old
one; until then Spark fails, with advice that does the same. Kafka gives each topic that is made an id of its own; those
that a lesson's checkpoints have read are kept beside them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from common.checkpoint import Checkpoint
from common.errors import Missing, WrongRequest
from common.lab import Lab
from common.request import Job

if TYPE_CHECKING:  # its client is imported when a lesson reads Kafka
    from common.kafka import Topic

#: Query -> topic -> partition -> the offset up to which its checkpoint has read, or was about to.
Read = Mapping[str, Mapping[str, Mapping[int, int]]]


@dataclass(frozen=True)
class Ids:
    """Ids of topics by name: of those that were there at the last submit, and of those that each query has read."""

    topics: Mapping[str, str] = field(default_factory=dict)
    queries: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def read_by(self, query: str, topic: str) -> str | None:
        """The id of the topic that a query has read. One that began since the last submit has read what was there."""
        return self.queries.get(query, {}).get(topic) or self.topics.get(topic)


def ids_file(lab: Lab) -> str:
    return f"{lab.settings.home}/topics.json"


def load_ids(lab: Lab) -> Ids:
    try:
        return Ids(**json.loads(lab.hdfs.read_text(ids_file(lab))))
    except (Missing, ValueError, TypeError):
        return Ids()


def what_was_read(lab: Lab) -> dict[str, dict[str, dict[int, int]]]:
    """What each of the lesson's checkpoints has read of Kafka. Those that have read nothing agree with any topic."""
    found = {}
    for query in _folders(lab, lab.settings.checkpoints):
        checkpoint = Checkpoint(lab.hdfs, f"{lab.settings.checkpoints}/{query}")
        with suppress(Missing, ValueError):  # no batch was begun, or the file was cut off: Spark itself says so
            ends = checkpoint.end_offsets(checkpoint.planned[-1]) if checkpoint.planned else {}
            found[query] = {topic: parts for topic, parts in ends.items() if any(parts.values())}
    return found


def require_same(job: Job, lab: Lab) -> tuple[Read, Ids]:
    """What the lesson's checkpoints have read, and of which topics, where these are the ones that are there now.

    Raises:
        WrongRequest: a topic is gone or is another one. Nothing was made or changed.
    """
    read, ids = what_was_read(lab), load_ids(lab)
    names = {topic for topics in read.values() for topic in topics}
    now = lab.kafka.topics(names) if names else {}
    ends = {name: lab.kafka.end_offsets(name) for name in now}
    wrong = {
        (query, topic): why
        for query, topics in read.items()
        for topic, parts in topics.items()
        if (why := difference(topic, parts, now.get(topic), ends.get(topic, {}), ids.read_by(query, topic)))
    }
    others = _of_other_steps(job, lab) if wrong else set()
    wrong = {place: why for place, why in wrong.items() if place[0] not in others}
    if wrong:
        raise _refusal(lab, wrong)
    return read, ids


def difference(
    topic: str, read: Mapping[int, int], now: Topic | None, ends: Mapping[int, int], known_id: str | None
) -> str:
    """How the topic that is there now differs from the one that a checkpoint has read; empty where it does not."""
    if now is None:
        return f"topic {topic} is gone"
    if known_id and known_id != now.id:
        return f"topic {topic} was deleted and made again: its id was {known_id}, and is {now.id}"
    for partition, end in sorted(read.items()):
        if partition not in ends:
            return f"topic {topic} has {now.partitions} partitions, and partition {partition} has been read to {end}"
        if ends[partition] < end:
            return f"partition {partition} of topic {topic} ends at {ends[partition]}, and has been read to {end}"
    return ""


def remember(job: Job, lab: Lab, read: Read, before: Ids) -> None:
    """Keep the ids of the topics that the lesson's streams have read, and of those that they may read next."""
    names = {*job.topics, *(topic for topics in read.values() for topic in topics)}
    if not names:
        return
    now = {name: topic.id for name, topic in lab.kafka.topics(names).items()}
    queries = {
        query: {topic: known for topic in topics if (known := before.read_by(query, topic) or now.get(topic))}
        for query, topics in read.items()
    }
    if (after := Ids(now, queries)) != before:
        lab.hdfs.write(ids_file(lab), json.dumps(asdict(after), indent=2, sort_keys=True) + "\n")


def _refusal(lab: Lab, wrong: Mapping[tuple[str, str], str]) -> WrongRequest:
    queries = sorted({query for query, _ in wrong})
    topics = ", ".join(sorted({topic for _, topic in wrong}))
    return WrongRequest(
        f"the checkpoint of {', '.join(queries)} belongs to another topic {topics}, not to the current one",
        evidence=[
            *dict.fromkeys(wrong.values()),
            "continuing from it would skip records silently, or fail; nothing was started or changed",
            *(f"checkpoint: {lab.settings.checkpoints}/{query}" for query in queries),
            "if you remove it by hand, remove what the stream has written as well: a file sink skips batches that it"
            " has written before",
        ],
        fix=f"{lab.settings.start_over} (its topics, its tables and {lab.settings.home} are created again)",
    )


def _of_other_steps(job: Job, lab: Lab) -> set[str]:
    """The queries that only other steps of the lesson start, as far as their last reports say."""
    queries = {step: set(_reported(lab, step)) for step in job.steps}
    own = queries.pop(lab.settings.step, set())
    return {query for others in queries.values() for query in others} - own


def _reported(lab: Lab, step: str) -> Iterator[str]:
    with suppress(Missing, ValueError):
        yield from (query["name"] for query in json.loads(lab.hdfs.read_text(lab.settings.report_of(step)))["queries"])


def _folders(lab: Lab, path: str) -> list[str]:
    try:
        return [one.name for one in lab.hdfs.list(path) if one.is_dir]
    except Missing:
        return []
