"""Flink on YARN, as a student types it: an application of its own, savepoints, a session, and Kafka exactly once."""

from __future__ import annotations

import json
import re
import time
from collections import Counter

import pytest

from lab_runner import LabRunner

AT = "--bootstrap-server kafka1:9092"
APPLICATION = "-Dexecution.target=yarn-application"
#: Ten orders, a minute apart, and one that is late when the last of them has come.
ORDERS = [*((n, f"2025-01-01T00:{n:02d}:00Z") for n in range(10)), (99, "2025-01-01T00:00:30Z")]
#: The order that moves the watermark past the second five minutes.
NEXT = {"id": 10, "order_time": "2025-01-01T00:12:00Z"}

#: Orders by five minutes of event time. A watermark is sent with each record, so that it is the same in each run.
WINDOWS = """
CREATE TABLE orders (
  id INT, order_time TIMESTAMP_LTZ(3), WATERMARK FOR order_time AS order_time - INTERVAL '1' MINUTE
) WITH (
  'connector' = 'kafka', 'topic' = 'fl-orders', 'properties.bootstrap.servers' = 'kafka1:9092',
  'format' = 'json', 'json.timestamp-format.standard' = 'ISO-8601', 'scan.watermark.emit.strategy' = 'on-event',
  'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = '{bounded}'
);
CREATE TABLE counts (window_start TIMESTAMP(3), orders BIGINT) WITH (
  'connector' = 'kafka', 'topic' = 'fl-counts', 'properties.bootstrap.servers' = 'kafka1:9092', 'format' = 'json',
  'sink.delivery-guarantee' = 'exactly-once', 'sink.transactional-id-prefix' = 'fl-{bounded}',
  'properties.transaction.timeout.ms' = '600000'
);
INSERT INTO counts SELECT window_start, COUNT(*)
FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(order_time), INTERVAL '5' MINUTES)) GROUP BY window_start, window_end;
"""


@pytest.fixture(scope="module", autouse=True)
def _orders(lab: LabRunner) -> None:
    records = "\\n".join(json.dumps({"id": number, "order_time": time_}) for number, time_ in ORDERS)
    for topic in ("fl-orders", "fl-counts"):
        lab.inside(f"kafka-topics.sh {AT} --delete --if-exists --topic {topic}")
        lab.inside(f"kafka-topics.sh {AT} --create --topic {topic} --partitions 1")
    lab.inside(f"printf '%b\\n' '{records}' | kafka-console-producer.sh {AT} --topic fl-orders")


def script(lab: LabRunner, name: str, text: str) -> str:
    path = f"/home/student/{name}.sql"
    lab.inside(f"cat >{path} <<'END'\n{text}\nEND")
    return path


def application(said: str) -> str:
    return re.search(r"application_\d+_\d+", said)[0]


def state(lab: LabRunner, app_id: str) -> tuple[str, str]:
    said = lab.inside(f"curl -sf http://resourcemanager:8088/ws/v1/cluster/apps/{app_id}")
    app = json.loads(said)["app"]
    return app["state"], app["finalStatus"]


def await_state(lab: LabRunner, app_id: str, wanted: str, seconds: int = 120) -> str:
    """The final status of an application that has come to a state."""
    ends = time.monotonic() + seconds
    while (found := state(lab, app_id))[0] != wanted:
        assert time.monotonic() < ends, found
        assert found[0] not in ("FINISHED", "FAILED", "KILLED"), lab.inside(
            f"yarn logs -applicationId {app_id} | tail -50"
        )
        time.sleep(1)
    return found[1]


def counted(lab: LabRunner) -> Counter[tuple[str, int]]:
    """What a reader of committed records finds in the topic: how often each window, with its count."""
    lines = lab.inside(
        f"timeout 60 kafka-console-consumer.sh {AT} --topic fl-counts --from-beginning --timeout-ms 8000 "
        "--isolation-level read_committed 2>/dev/null || true"
    ).splitlines()
    rows = [json.loads(line) for line in lines if line.startswith("{")]
    return Counter((row["window_start"], row["orders"]) for row in rows)


def test_flink_proves_itself(lab: LabRunner) -> None:
    assert re.search(r"flink +proved: counted 1000 rows on YARN \(", lab("prove", "--service", "flink"))
    assert "with flink" in lab("status")


def test_a_stack_that_is_as_it_should_be_is_left_alone(lab: LabRunner) -> None:
    assert f"{lab.student}: provisioned and answering, 0 changed" in lab("provision")


def test_a_script_is_an_application_of_its_own_and_counts_what_came_in_time(lab: LabRunner) -> None:
    """Where the topic is read to its end, the last window closes too."""
    path = script(lab, "bounded", WINDOWS.format(bounded="latest-offset"))
    before = counted(lab)
    app_id = application(lab.inside(f"sql-client.sh -f {path} {APPLICATION}"))
    assert await_state(lab, app_id, "FINISHED") == "SUCCEEDED"
    assert counted(lab) - before == {("2025-01-01 00:00:00", 5): 1, ("2025-01-01 00:05:00", 5): 1}


def test_a_stream_stops_with_a_savepoint_and_goes_on_from_it(lab: LabRunner) -> None:
    path = script(lab, "stream", WINDOWS.format(bounded="unbounded"))
    before = counted(lab)
    app_id = application(lab.inside(f"sql-client.sh -f {path} {APPLICATION}"))
    await_state(lab, app_id, "RUNNING")
    of_app = f"-t yarn-application -Dyarn.application.id={app_id}"
    ends = time.monotonic() + 90
    while not (running := re.findall(r"\b([0-9a-f]{32}) : \S+ \(RUNNING\)", lab.inside(f"flink list {of_app}"))):
        assert time.monotonic() < ends, "the job does not run"
    while not counted(lab) - before:  # a checkpoint commits what was written
        assert time.monotonic() < ends, "nothing is committed"
    said = lab.inside(f"flink stop {of_app} {running[0]}")
    savepoint = re.search(r"Savepoint completed. Path: (hdfs://\S+)", said)[1]
    assert await_state(lab, app_id, "FINISHED") == "SUCCEEDED"
    # The watermark has passed the first window alone.
    assert counted(lab) - before == {("2025-01-01 00:00:00", 5): 1}
    lab.inside(f"echo '{json.dumps(NEXT)}' | kafka-console-producer.sh {AT} --topic fl-orders")
    again = application(
        lab.inside(f"sql-client.sh -f {path} {APPLICATION} -Dexecution.state-recovery.path={savepoint}")
    )
    await_state(lab, again, "RUNNING")
    ends = time.monotonic() + 90
    while ("2025-01-01 00:05:00", 5) not in counted(lab) - before:
        assert time.monotonic() < ends, counted(lab) - before
    lab.inside(f"yarn application -kill {again}")
    assert counted(lab) - before == {("2025-01-01 00:00:00", 5): 1, ("2025-01-01 00:05:00", 5): 1}


def test_statements_run_one_by_one_in_a_session(lab: LabRunner) -> None:
    said = lab.inside("yarn-session.sh -d -nm session 2>&1")
    app_id = application(said)
    path = script(
        lab,
        "ask",
        "SET 'sql-client.execution.result-mode' = 'tableau';\nSELECT SUM(n) FROM (VALUES (40), (2)) AS t(n);",
    )
    try:
        shown = lab.inside(f"sql-client.sh -f {path}")  # it finds the session by itself
        assert re.search(r"\| +42 \|", shown)
        page = lab.inside(f"curl -sfL http://resourcemanager:8088/proxy/{app_id}/jobs/overview")
        assert [job["state"] for job in json.loads(page)["jobs"]] == ["FINISHED"]
    finally:
        lab.inside(f"yarn application -kill {app_id}")


def test_a_script_with_a_mistake_says_what_it_is(lab: LabRunner) -> None:
    path = script(lab, "mistake", "SELECT * FROM nothing;")
    said = lab.run("shell", "--command", f"sql-client.sh -f {path} -Dexecution.target=local 2>&1")
    assert "Object 'nothing' not found" in said.out


def test_a_stack_loses_the_service_and_gets_it_again_and_keeps_its_data(lab: LabRunner, without: LabRunner) -> None:
    lab.inside("echo kept | hdfs dfs -put -f - /user/student/kept")
    try:
        without("provision")
        assert "flink" not in without("prove") + without("status")
        lacking = without.run("shell", "--command", "flink --version")
        assert (lacking.code, "then invoke provision" in lacking.err) == (127, True), lacking
        refused = without.run("prove", "--service", "flink")
        assert (refused.code, "services: [flink]" in refused.err) == (2, True)
    finally:
        lab("provision")
    assert "Version: 2.2.1" in lab.inside("flink --version")
    assert lab.inside("hdfs dfs -cat /user/student/kept") == "kept\n"
