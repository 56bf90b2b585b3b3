"""lesson09 on a real stack: Flink's answers beside the oracle of lesson 5, repeated, killed, saved, broken."""

from __future__ import annotations

import json
import re

import pytest

from handouts import HANDOUTS, follow
from lab_runner import LabRunner, until

AT = "--bootstrap-server kafka1:9092"
CHECKPOINT = "/user/student/lesson09/checkpoint/stream"


@pytest.fixture(scope="module", autouse=True)
def first(lab: LabRunner) -> str:
    """What `submit` printed when it ran the lesson from its start."""
    lab("reset", "--yes", "--job", "lesson09")
    return lab("submit", "--job", "lesson09")


def passes(lab: LabRunner, assertions: int) -> None:
    found = lab.check("lesson09")
    assert found["passed"], [one for one in found["assertions"] if not one["passed"]]
    assert len(found["assertions"]) == assertions


def live(lab: LabRunner) -> list[str]:
    """The starts of the windows that the stream has committed, in order."""
    lines = lab.inside(
        f"timeout 60 kafka-console-consumer.sh {AT} --topic l09-live-counts --from-beginning --timeout-ms 8000 "
        "--isolation-level read_committed 2>/dev/null || true"
    ).splitlines()
    return [json.loads(line)["window_start"][11:16] for line in lines if line.startswith("{")]


def test_both_engines_give_one_answer_however_often_it_is_asked(lab: LabRunner, first: str) -> None:
    assert "script /user/student/lesson09/sql/windows.sql: from the beginning" in first
    passes(lab, 8)
    again = lab("submit", "--job", "lesson09")
    assert "topic l09-tumbling: made anew" in again
    passes(lab, 8)


def test_a_window_that_is_sent_twice_and_answers_that_are_gone_are_found(lab: LabRunner) -> None:
    row = {"window_start": "2025-01-01T00:00:00", "window_end": "2025-01-01T00:05:00", "orders": 66}
    lab.inside(f"echo '{json.dumps(row)}' | kafka-console-producer.sh {AT} --topic l09-sliding")
    lab.inside(f"kafka-topics.sh {AT} --delete --topic l09-late")
    wrong = lab.wrong("lesson09")
    assert {name: one["found"].partition(",")[0] for name, one in wrong.items()} == {
        "windows: l09-sliding: windows that overlap": "12 rows; 1 not expected",
        "windows: l09-late: orders that came too late": "no such topic: l09-late",
    }
    lab("submit", "--job", "lesson09")
    passes(lab, 8)


def test_a_stream_goes_on_from_a_checkpoint_after_a_kill_and_from_a_savepoint_after_a_stop(lab: LabRunner) -> None:
    begun = lab("submit", "--job", "lesson09/stream", "--detach", "--set", "orders=150")
    assert "stream.sql: from the beginning" in begun
    app_id = re.search(r"application_\d+_\d+", begun)[0]
    until(lambda: len(live(lab)) == 4, "the windows that 150 orders close are committed")
    lab.inside(f"yarn application -kill {app_id}")
    until(lambda: f"{app_id} KILLED" in states(lab), "YARN has killed it", seconds=60)
    wrong = lab.wrong("lesson09")
    assert wrong["stream: records in l09-live"]["found"] == 150

    assert f"stream.sql: goes on from {CHECKPOINT}/" in lab("submit", "--job", "lesson09/stream", "--detach")
    until(lambda: len(live(lab)) >= 9, "the other windows are committed")
    stopped = lab("stop", "--job", "lesson09/stream")
    savepoint = re.search(r"stopped with a savepoint, hdfs://namenode:8020(\S+)", stopped)[1]
    passes(lab, 11)

    assert f"goes on from {savepoint}" in lab("submit", "--job", "lesson09/stream", "--detach")
    until(lambda: "_metadata" in lab.inside(f"hdfs dfs -ls -R {CHECKPOINT}"), "a checkpoint is made")
    assert "stopped with a savepoint" in lab("stop", "--job", "lesson09/stream")
    passes(lab, 11)


def states(lab: LabRunner) -> str:
    """Each application that YARN remembers, with its state: ``application_1_2 KILLED``."""
    apps = json.loads(lab.inside("curl -sf http://resourcemanager:8088/ws/v1/cluster/apps"))["apps"]["app"]
    return "\n".join(f"{app['id']} {app['state']}" for app in apps)


def test_counts_that_change_are_refused(lab: LabRunner) -> None:
    ran = lab.run("submit", "--job", "lesson09/broken-group-by")
    assert ran.code == 1
    assert "counts' doesn't support consuming update changes which is produced by node GroupAggregate" in ran.err
    assert "at INSERT INTO counts SELECT status, COUNT(*) FROM orders GROUP BY status" in ran.err


def test_windows_by_the_clock_have_not_ended_when_the_input_has(lab: LabRunner) -> None:
    lab("submit", "--job", "lesson09/broken-processing-time")
    assert lab.inside("hdfs dfs -ls -R /user/student/lesson09/broken 2>/dev/null || true").strip() == ""
    assert lab.check("lesson09")["passed"]


def test_the_handout_works_as_it_is_written(lab: LabRunner) -> None:
    follow(lab, next(handout for handout in HANDOUTS if handout.parent.name == "lesson09"))
