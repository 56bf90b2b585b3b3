"""A job that is ended from outside in the middle, and submitted again: nothing lost, doubled only where a sink may.

lesson04 is the one for this: five sinks, whose promises differ. Small batches make its middle long enough to be met.
"""

from __future__ import annotations

import re

from lab_runner import LabRunner, until
from streamlab.engines import engine, labelled
from streamlab.students import inventory

PER_BATCH = 50
#: Batches that the slowest sink has committed when the job is ended; with fifty records each there are twenty-odd.
SEEN = 3
COMMITS = "/user/student/lesson04/checkpoint/l04-foreach/commits"
COPIES = "sinks: copies in {}, of batches that were cut off and sent again"
DONE = "sinks: records that the checkpoint of l04-foreach says are done"


def begun(lab: LabRunner) -> str:
    """The application's id, once the lesson, started anew, is in its middle."""
    lab("reset", "--yes", "--job", "lesson04")
    printed = lab("submit", "--job", "lesson04/sinks", "--detach", "--set", f"per_batch={PER_BATCH}")
    app_id = re.search(r"application_\d+_\d+", printed)[0]

    def in_the_middle() -> bool:
        return len(lab.inside(f"hdfs dfs -ls -C {COMMITS} 2>/dev/null || true").split()) >= SEEN

    until(in_the_middle, f"{SEEN} batches committed", seconds=300)
    return app_id


def ended_with(lab: LabRunner, app_id: str, outcome: str) -> bool:
    return re.search(rf"{app_id}.*{outcome}", lab.inside("yarn application -list -appStates ALL")) is not None


def finish_and_compare(lab: LabRunner, outcome: str) -> None:
    """The check knows that the job ended too early; submitted again, every sink has what the oracle says."""
    wrong = lab.wrong("lesson04")
    (application,) = [one for name, one in wrong.items() if "YARN application" in name]
    assert application["found"] == outcome
    done = wrong[DONE]["found"]
    assert 0 < done < 1000, wrong

    lab("submit", "--job", "lesson04", "--set", f"per_batch={PER_BATCH}")
    found = lab.check("lesson04")
    assert found["passed"], [one for one in found["assertions"] if not one["passed"]]
    by_name = {one["name"]: one["found"] for one in found["assertions"]}
    for topic in ("l04-row", "l04-json"):
        assert by_name[f"sinks: keys in {topic}"] == "1000"
        assert 0 <= by_name[COPIES.format(topic)] <= PER_BATCH
    # What promises exactly once, or is idempotent by how it writes, has no copy at all.
    assert by_name["sinks: orders in parquet files, by id"] == "1000 orders"
    assert by_name["sinks: those orders by id"] == "1000 orders"
    print(f"{done} done when it was ended; copies: {[by_name[COPIES.format(t)] for t in ('l04-row', 'l04-json')]}")


def test_an_application_killed_on_yarn_goes_on_when_submitted_again(lab: LabRunner) -> None:
    app_id = begun(lab)
    lab.inside(f"yarn application -kill {app_id}")
    until(lambda: ended_with(lab, app_id, "KILLED"), "the application is KILLED", seconds=60)
    finish_and_compare(lab, "KILLED")


def test_a_nodemanager_restarted_under_an_application_loses_nothing(lab: LabRunner) -> None:
    app_id = begun(lab)
    student = inventory.load(lab.inventory).student(lab.student)
    with engine.connect(student.docker_host) as client:
        labelled.node(client, student, "nodemanager1").restart(timeout=5)
    until(lambda: ended_with(lab, app_id, "FAILED"), "YARN gives the application up", seconds=300)
    until(lambda: "RUNNING" in lab.inside("yarn node -list"), "the NodeManager is back", seconds=120)
    finish_and_compare(lab, "FAILED")
