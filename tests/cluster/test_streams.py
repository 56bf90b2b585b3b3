"""`invoke streams` and `invoke why` beside the truth: what Kafka's own tool and the queries' checkpoints say."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from lab_runner import LabRunner

QUERIES = {"l04_memory", "l04-parquet", "l04-kafka-row", "l04-kafka-json", "l04-foreach"}
#: Seconds by which what is shown may be behind the truth.
BEHIND = 10.0


def streams(lab: LabRunner) -> dict[str, dict[str, Any]]:
    (student,) = json.loads(lab("streams", "--json"))["students"]
    return {one["query"]: one for one in student["streams"]}


def wait(
    lab: LabRunner, until: Callable[[dict[str, dict[str, Any]]], bool], seconds: float
) -> dict[str, dict[str, Any]]:
    ends = time.monotonic() + seconds
    while not until(found := streams(lab)) and time.monotonic() < ends:
        time.sleep(1)
    assert until(found), found
    return found


def topic_end(lab: LabRunner) -> int:
    said = lab.inside("kafka-get-offsets.sh --bootstrap-server kafka1:9092 --topic l04-orders")
    return sum(int(line.rpartition(":")[2]) for line in said.split())


def read_by(lab: LabRunner, query: str) -> int:
    """How far a query's checkpoint says that its last finished batch has read."""
    at = f"/user/student/lesson04/checkpoint/{query}"
    last = f"$(hdfs dfs -ls {at}/commits | grep -o '[0-9]*$' | sort -n | tail -1)"
    said = lab.inside(f"hdfs dfs -cat {at}/offsets/{last}")
    return sum(json.loads(said.splitlines()[-1])["l04-orders"].values())


def test_running_streams_are_shown_as_kafka_and_their_checkpoints_have_them(lab: LabRunner) -> None:
    lab("reset", "--yes", "--job", "lesson04")
    assert "no streaming query runs" in lab("streams")
    lab("submit", "--job", "lesson04", "--continuous", "--detach")
    try:
        all_read = lambda found: set(found) == QUERIES and all(one["lag"] == 0 for one in found.values())  # noqa: E731
        before = wait(lab, all_read, 180)
        assert read_by(lab, "l04-parquet") == topic_end(lab)

        lines = "\\n".join(["{}"] * 30)
        produce = "kafka-console-producer.sh --bootstrap-server kafka1:9092 --topic l04-orders"
        lab.inside(f"printf '{lines}\\n' | {produce}")
        # A query of lesson04 begins a batch every five seconds.
        after = wait(lab, lambda found: all_read(found) and _moved(before, found), 5 + 15 + BEHIND)
        assert read_by(lab, "l04-parquet") == topic_end(lab)
        assert all(one["at"] > before[name]["at"] and not one["error"] for name, one in after.items())

        table = lab("streams")
        assert table.splitlines()[0].split()[:3] == ["query", "job", "batch"]
        assert "l04-foreach" in lab.inside("invoke streams")
        assert "no new data" in lab("why", "--job", "lesson04")
    finally:
        lab("stop", "--job", "lesson04")
    assert "no streaming query runs" in lab("streams")
    assert "SUCCEEDED: succeeded" in lab("why", "--job", "lesson04")
    lab("reset", "--yes", "--job", "lesson04")


def _moved(before: dict[str, dict[str, Any]], now: dict[str, dict[str, Any]]) -> bool:
    return all(now[name]["batch"] > one["batch"] for name, one in before.items())
