"""lesson05 on a real stack: eight stateful queries, read from outside, repeated, broken; its mistakes as described."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lab_runner import LabRunner

HOME = "/user/student/lesson05"


@pytest.fixture(scope="module")
def first(lab: LabRunner) -> str:
    """What `submit` printed when it ran the lesson from its start."""
    lab("reset", "--yes", "--job", "lesson05")
    return lab("submit", "--job", "lesson05")


def batches(printed: str, query: str) -> list[int]:
    return [int(rows) for rows in re.findall(rf"{query}: batch \d+, (\d+) rows", printed)]


def report(lab: LabRunner, step: str) -> dict:
    return json.loads(lab.inside(f"hdfs dfs -cat {HOME}/reports/{step}.json"))


@contextmanager
def set_aside(lab: LabRunner, path: str) -> Iterator[None]:
    """The file is gone, and back again afterwards."""
    lab.inside(f"hdfs dfs -mv '{path}' {HOME}/aside")
    try:
        yield
    finally:
        lab.inside(f"hdfs dfs -mv {HOME}/aside '{path}'")


def test_the_eight_queries_end_as_the_oracle_says(lab: LabRunner, first: str) -> None:
    assert batches(first, "l05-dedup") == [50] * 6 + [35, 0]
    assert "568 to hdfs /user/student/lesson05/out/l05-left" in first
    found = lab.check("lesson05")
    assert found["passed"], [one for one in found["assertions"] if not one["passed"]]
    assert len(found["assertions"]) == 28


def test_late_rows_are_counted_where_they_are_dropped(lab: LabRunner, first: str) -> None:
    dropped = {query["name"]: query["dropped_by_watermark"] for query in report(lab, "state")["queries"]}
    assert dropped == {
        "l05-dedup": 5, "l05-tumbling": 5, "l05-update": 1, "l05-complete": 0,
        "l05-sliding": 2, "l05-static": 0, "l05-inner": 5, "l05-left": 5,
    }  # fmt: skip


def test_a_second_run_adds_nothing(lab: LabRunner, first: str) -> None:
    printed = lab("submit", "--job", "lesson05")
    assert printed.count(": nothing new") == 8
    assert "it wrote nothing" in printed
    assert lab.wrong("lesson05") == {}


def test_a_lost_file_of_a_sink_is_found(lab: LabRunner, first: str) -> None:
    log = lab.inside(f"hdfs dfs -cat {HOME}/out/l05-left/_spark_metadata/7").splitlines()[1]
    part = json.loads(log)["path"].removeprefix("hdfs://namenode:8020")
    with set_aside(lab, part):
        wrong = lab.wrong("lesson05")
        assert lab.run("check", "--job", "lesson05").code == 1
    assert wrong["state: l05-left: orders without items"]["found"] == f"no such file: {part}"
    assert all("l05-left" in name for name in wrong)


def test_a_watermark_on_the_window_never_lets_anything_out(lab: LabRunner, first: str) -> None:
    printed = lab("submit", "--job", "lesson05/broken-window-watermark")
    assert re.search(r"l05-on-the-window: watermark 1970-01-01T\S+, 0 windows written, 10 still in the state", printed)
    assert re.search(r"l05-on-the-time: watermark 2025-01-01T00:47:50.000Z, 9 windows written, 1 still", printed)
    assert lab.check("lesson05")["passed"]  # it all happened below the lesson's folder `broken`


def test_the_time_of_arrival_lets_copies_and_late_orders_through(lab: LabRunner, first: str) -> None:
    printed = lab("submit", "--job", "lesson05/broken-wall-clock")
    assert "308 rows: 3 orders are there twice, and 5 late ones were taken for new" in printed


def test_a_left_join_in_update_mode_is_refused(lab: LabRunner, first: str) -> None:
    ran = lab.run("submit", "--job", "lesson05/broken-update-left-join")
    assert ran.code == 1
    assert "AnalysisException: Join between two streaming DataFrames/Datasets is not supported in Update" in ran.err


def test_a_count_that_is_sent_again_and_wrong_is_found(lab: LabRunner, first: str) -> None:
    """Kafka keeps what it was sent; nothing was killed, so one record too many is found too. The lesson starts over."""
    sent = '00:10={"start":"2025-01-01T00:10:00.000Z","end":"2025-01-01T00:15:00.000Z","count":34}'
    produce = (
        "kafka-console-producer.sh --bootstrap-server kafka1:9092 --topic l05-window-counts"
        " --reader-property parse.key=true --reader-property key.separator=="
    )
    lab.inside(f"echo '{sent}' | {produce}")
    wrong = lab.wrong("lesson05")
    assert {name: one["found"] for name, one in wrong.items()} == {
        "state: l05-update: last count of each window": "10; 1 missing: 00:10-00:15 33; 1 too many: 00:10-00:15 34",
        "state: l05-update: duplicates in l05-window-counts, of batches that were cut off and sent again": 1,
    }
    lab("reset", "--yes", "--job", "lesson05")
