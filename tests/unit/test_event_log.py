"""What is read out of Spark's event log, and the numbers of a stream."""

from __future__ import annotations

import json
from typing import Any

import pytest

from common.errors import Missing
from common.hdfs import Status
from streamlab.edge import event_log
from streamlab.edge.event_log import STREAMING, Unreadable, events, find, queries
from streamlab.edge.streams import lag, numbers, read_to, total
from streamlab.edge.why import _failures, _job_errors, plans, uneven

STARTED, PROGRESS, IDLE, TERMINATED = STREAMING
APP = {"id": "application_1_0002", "name": "ada-job-step", "startedTime": 1_767_225_600_000}
NOW = 1_767_225_660.0  # 2026-01-01T00:01:00Z


class FakeHdfs:
    """Files by path, read as a DataNode gives them."""

    def __init__(self, **files: bytes) -> None:
        self.files = {f"/events/{name}": data for name, data in files.items()}

    def list(self, folder: str) -> list[Status]:
        if not self.files:
            raise Missing(folder)
        return [Status(path, False, len(data)) for path, data in sorted(self.files.items())]

    def written(self, path: str) -> int:
        return len(self.files[path])

    def part(self, path: str, start: int, size: int) -> bytes:
        return self.files[path][start : start + size]


def started(run: str = "r1", name: str | None = "orders") -> dict[str, Any]:
    return {"Event": STARTED, "id": "i1", "runId": run, "name": name, "timestamp": "2026-01-01T00:00:10.000Z"}


def source(**given: Any) -> dict[str, Any]:
    return {
        "description": "KafkaV2[Subscribe[orders]]", "startOffset": None, "endOffset": '{"orders":{"0":10,"1":5}}',
        "numInputRows": 15, "inputRowsPerSecond": 3.0, "processedRowsPerSecond": "NaN",
    } | given  # fmt: skip


def progress(batch: int, **given: Any) -> dict[str, Any]:
    said = {
        "id": "i1", "runId": "r1", "name": "orders", "batchId": batch, "timestamp": "2026-01-01T00:00:20.000Z",
        "batchDuration": 2000, "eventTime": {}, "stateOperators": [], "sources": [source()], "sink": {},
    }  # fmt: skip
    return {"Event": PROGRESS, "progress": said | given}


def log(*said: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(one, separators=(",", ":")).encode() + b"\n" for one in said)


def test_the_log_of_the_last_attempt_is_read() -> None:
    hdfs: Any = FakeHdfs(
        application_1_0002_1=b"", **{"application_1_0002_2.inprogress": b"", "application_1_0003": b""}
    )
    assert find(hdfs, "/events", "application_1_0002") == "/events/application_1_0002_2.inprogress"


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({}, "no event log"),
        ({"application_1_0003": b""}, "no event log"),
        ({"application_1_0002.zstd": b""}, "compressed"),
    ],
)
def test_a_log_that_cannot_be_read_is_said(files: dict[str, bytes], why: str) -> None:
    hdfs: Any = FakeHdfs(**files)
    with pytest.raises(Unreadable, match=why):
        find(hdfs, "/events", "application_1_0002")


def test_only_events_that_are_asked_for_are_read_and_half_a_line_is_left_out() -> None:
    text = log(started(), {"Event": "SparkListenerTaskEnd"}, progress(0)) + b'{"Event":"' + IDLE.encode() + b'","id"'
    hdfs: Any = FakeHdfs(a=text)
    assert [one["Event"] for one in events(hdfs, "/events/a", STREAMING)] == [STARTED, PROGRESS]


def test_of_a_long_log_the_beginning_and_the_end_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    text = log(started(), *(progress(number) for number in range(100)))
    monkeypatch.setattr(event_log, "HEAD", 600)
    monkeypatch.setattr(event_log, "TAIL", 1200)
    hdfs: Any = FakeHdfs(a=text)
    (query,) = queries(events(hdfs, "/events/a", STREAMING))
    assert query.started
    assert query.batches[-1]["batchId"] == 99
    assert len(query.batches) < 10


def test_a_query_is_known_from_its_start_to_its_end() -> None:
    idle = {"Event": IDLE, "id": "i1", "runId": "r1", "timestamp": "2026-01-01T00:00:40.000Z"}
    end = {"Event": TERMINATED, "id": "i1", "runId": "r1", "exception": "it broke\nat line 2"}
    (query,) = queries([started(), progress(0), idle])
    assert (query.label, query.idle, query.ended) == ("orders", "2026-01-01T00:00:40.000Z", False)
    (query,) = queries([started(), idle, progress(1), end])
    assert (query.idle, query.ended, query.error) == ("", True, "it broke\nat line 2")


def test_a_query_without_a_name_goes_by_its_id() -> None:
    assert queries([started(name=None)])[0].label == "i1"


def test_the_lag_is_what_stands_behind_what_was_read() -> None:
    read = read_to(progress(0)["progress"])
    assert read == {"orders": {0: 10, 1: 5}}
    assert lag(read, {"orders": {0: 12, 1: 5}}) == 2
    assert lag(read, {"orders": {0: 12, 1: 5, 2: 7}}) == 9  # a partition that was added
    assert lag(read, {}) is None
    assert lag({}, {"orders": {0: 12}}) is None


def test_of_a_batch_the_sources_are_added_up() -> None:
    two = progress(0, sources=[source(), source(inputRowsPerSecond=1.5), source(inputRowsPerSecond="Infinity")])[
        "progress"
    ]
    assert total(two, "inputRowsPerSecond") == 4.5
    assert total(two, "processedRowsPerSecond") == 0.0
    assert total(two, "numInputRows") == 45


def test_the_numbers_of_a_query() -> None:
    state = [{"numRowsTotal": 4, "memoryUsedBytes": 1000}, {"numRowsTotal": 1, "memoryUsedBytes": 24}]
    said = progress(7, eventTime={"watermark": "2026-01-01T00:00:00.000Z"}, stateOperators=state)
    found = numbers(APP, queries([said])[0], {"orders": {0: 11, 1: 5}}, NOW)
    assert (found["batch"], found["age_s"], found["batch_s"], found["lag"]) == (7, 38.0, 2.0, 1)
    assert (found["watermark_age_s"], found["state_rows"], found["state_bytes"]) == (60.0, 5, 1024)


def test_before_its_first_batch_a_query_has_its_age_alone() -> None:
    found = numbers(APP, queries([started()])[0], {}, NOW)
    assert (found["batch"], found["age_s"], found["lag"]) == (None, 50.0, None)


def task(seconds: float, rows: int = 0, status: str = "SUCCESS") -> dict[str, Any]:
    metrics = {"inputMetrics": {"recordsRead": 0}, "shuffleReadMetrics": {"recordsRead": rows}}
    return {"duration": seconds * 1000, "status": status, "taskMetrics": metrics}


def test_a_stage_is_uneven_by_its_longest_task_even_while_that_one_runs() -> None:
    stage = {"stageId": 2, "attemptId": 0, "name": "/data/0123.zip/job/step.py:12"}
    found = uneven(stage, [task(1.0, 10), task(1.5, 12), task(30.0, 999, "RUNNING"), task(0.5, 4)])
    assert (found["stage"], found["name"], found["tasks"]) == (2, "job/step.py:12", 4)
    assert (found["longest_s"], found["median_s"]) == (30.0, 1.0)
    assert found["median_rows"] == 10
    assert uneven(stage, [])["tasks"] == 0


def node(name: str, rows: int | None, *children: dict[str, Any], text: str = "") -> dict[str, Any]:
    metrics = [] if rows is None else [{"name": "number of output rows", "accumulatorId": rows}]
    return {"nodeName": name, "simpleString": text or name, "metrics": metrics, "children": list(children)}


def test_a_filter_that_lets_no_row_pass_is_found_in_the_plan() -> None:
    (kind,) = ("org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart",)
    tree = node(
        "Project", None, node("Filter", 1, node("Project", None, node("MicroBatchScan", 2)), text="Filter (id < 0)")
    )
    said = {"Event": kind, "description": "orders\nid = i1\nrunId = r1\nbatch = 3", "sparkPlanInfo": tree}

    def counted(**updates: str) -> dict[str, Any]:
        found = [{"ID": int(name[1:]), "Update": value, "Metadata": "sql"} for name, value in updates.items()]
        return {"Event": "SparkListenerTaskEnd", "Task Info": {"Accumulables": found}}

    assert plans([said, counted(a2="20"), counted(a2="5")]) == {"r1": [{"step": "Filter (id < 0)", "given": 25}]}
    assert plans([said, counted(a2="20", a1="1")]) == {}
    assert plans([said]) == {}


def test_what_failed_is_told_once_and_jobs_apart_from_tasks() -> None:
    ended = {"Event": "SparkListenerTaskEnd", "Task End Reason": {"Reason": "Success"}}
    failed = ended | {"Task End Reason": {"Reason": "ExceptionFailure", "Full Stack Trace": "ValueError: no"}}
    lost = ended | {"Task End Reason": {"Reason": "ExecutorLostFailure", "Loss Reason": "Container killed by YARN"}}
    job = {"Event": "SparkListenerJobEnd", "Job Result": {"Result": "JobFailed", "Exception": {"Message": "aborted"}}}
    good = {"Event": "SparkListenerJobEnd", "Job Result": {"Result": "JobSucceeded"}}
    log = [ended, failed, failed, lost, job, good]
    assert _failures(log) == ["ValueError: no", "Container killed by YARN"]
    assert _job_errors(log) == ["aborted"]
