"""A copy of lesson09 with edited scripts: killed in the middle, and gone on with where another script has ended."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_lesson09 import states

from lab_runner import LabRunner, until
from streamlab.lessons import scaffold

#: SIGKILL for an application's TaskManager, a second after all of its job's tasks have begun to work.
KILL_WORKER = """
for i in $(seq 600); do
  curl -sf http://resourcemanager:8088/proxy/{app_id}/jobs/overview |
    python3 -c 'import json, sys
(tasks,) = (job["tasks"] for job in json.load(sys.stdin)["jobs"])
sys.exit(not 0 < tasks["total"] <= tasks["running"] + tasks["finished"])' 2>/dev/null && break
  sleep 0.2
done
sleep 1
kill -KILL $(grep -l '[Y]arnTaskExecutorRunner' /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3)
"""
UNIQUE = """
CREATE VIEW unique_orders AS
SELECT order_id, order_time, customer_id, status
FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY order_id ORDER BY order_time) AS place FROM orders)
WHERE place = 1;

"""


@pytest.fixture
def mine(lab: LabRunner, tmp_path: Path) -> Iterator[Path]:
    """A copy of the lesson, to be edited."""
    yield scaffold.make_like("mine", "lesson09", str(tmp_path))
    lab("reset", "--yes", "--job", str(tmp_path / "mine"))


def edited(script: Path, old: str, new: str) -> None:
    text = script.read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    script.write_text(text.replace(old, new), encoding="utf-8")


def test_a_worker_that_is_killed_in_the_middle_leaves_each_window_once(lab: LabRunner, mine: Path) -> None:
    """No checkpoint is made before the kill: the middle is then long enough to be met, and all rows are uncommitted."""
    late = "SET 'execution.checkpointing.interval' = '20 s';\nSET 'execution.checkpointing.min-pause' = '15 s';"
    edited(mine / "windows.sql", "SET 'execution.checkpointing.interval' = '5 s';", late)
    begun = lab("submit", "--job", f"{mine}/windows", "--detach")
    app_id = re.search(r"application_\d+_\d+", begun)[0]
    lab.inside(KILL_WORKER.format(app_id=app_id), node="nodemanager1", seconds=240)
    until(lambda: f"{app_id} FINISHED" in states(lab), "it came to its end")
    logged = lab.inside(f"yarn logs -applicationId {app_id} -log_files jobmanager.log 2>/dev/null | grep 'Job insert'")
    assert "from state RUNNING to RESTARTING" in logged
    found = lab.check(str(mine))
    assert found["passed"], [one for one in found["assertions"] if not one["passed"]]


def test_a_checkpoint_of_another_script_is_said_to_be_that(lab: LabRunner, mine: Path) -> None:
    begun = lab("submit", "--job", f"{mine}/stream", "--detach", "--set", "orders=150")
    app_id = re.search(r"application_\d+_\d+", begun)[0]
    checkpoints = "/user/student/mine/checkpoint/stream"
    until(lambda: "_metadata" in lab.inside(f"hdfs dfs -ls -R {checkpoints} || true"), "a checkpoint is made")
    lab.inside(f"yarn application -kill {app_id}")
    until(lambda: f"{app_id} KILLED" in states(lab), "YARN has killed it", seconds=60)
    edited(mine / "stream.sql", "FROM TABLE(TUMBLE(TABLE orders,", "FROM TABLE(TUMBLE(TABLE unique_orders,")
    edited(mine / "stream.sql", "INSERT INTO", UNIQUE + "INSERT INTO")

    ran = lab.run("submit", "--job", f"{mine}/stream", "--set", "orders=150")
    assert ran.code == 1
    assert "the script was changed since it left the checkpoint or savepoint from which it was to go on" in ran.err
    assert "allowNonRestoredState" not in ran.err
    assert f"fix: invoke reset --job {mine} lets it begin anew" in ran.err
    lab("reset", "--yes", "--job", str(mine))
    assert "stream.sql: from the beginning" in lab("submit", "--job", f"{mine}/stream", "--detach")
    lab("stop", "--job", f"{mine}/stream")
