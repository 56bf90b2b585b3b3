"""Why an application stands still or failed, from facts like those that real stacks gave (tests/diagnoses)."""

from __future__ import annotations

import string
from typing import Any

import pytest

from streamlab.diagnoses.diagnosis import Diagnosis, texts
from streamlab.diagnoses.known import diagnose


def facts(**given: Any) -> dict[str, Any]:
    """Those of an application that runs and does nothing."""
    return {
        "id": "application_1_0002", "name": "ada-job-step", "state": "RUNNING", "final_status": "UNDEFINED",
        "diagnostics": "", "seconds": 90.0, "mb": 1792, "pending_mb": [], "free_mb": 2304, "total_mb": 4096,
        "holders": [], "unread": "", "lost": [], "failures": [], "job_errors": [], "stages": [],
        "queries": [],
        "topics": {}, "there": ["orders"], "log": "", "errors": "",
    } | given  # fmt: skip


def query(*batches: dict[str, Any], **given: Any) -> dict[str, Any]:
    return {
        "query": "orders", "ended": False, "error": "", "idle": False, "batch": len(batches) - 1 if batches else None,
        "age_s": 2.0, "batch_s": 1.0, "lag": 0, "empty": [], "processed_rows_per_second": 10.0,
        "input_rows_per_second": 10.0, "batches": list(batches),
    } | given  # fmt: skip


def batch(number: int, **given: Any) -> dict[str, Any]:
    return {
        "number": number, "began": f"2026-01-01T00:00:0{number}.000Z", "seconds": 1.0, "rows": 20, "written": -1,
        "state": 0, "left": 0, "dropped": 0, "stateful": False, "latest_event": "", "watermark": "",
    } | given  # fmt: skip


def ended(**given: Any) -> dict[str, Any]:
    return facts(state="FINISHED", final_status="FAILED", mb=0, **given)


FULL = [batch(n, seconds=4.0) for n in range(4)]
BEHIND = "WARN ProcessingTimeExecutor: Current batch is falling behind. The trigger interval is 1000 milliseconds, but"
LATE = [
    batch(n, stateful=True, state=1, dropped=1, written=0, watermark="2029-12-31T23:59:50.000Z", latest_event="2026")
    for n in range(3)
]
HELD = [batch(0, stateful=True, state=5, written=0, watermark="1970-01-01T00:00:00.000Z")]

OTHER_STATE = (
    "Caused by: java.lang.IllegalStateException: Failed to rollback to checkpoint/savepoint hdfs://n:8020/c/chk-3. "
    "Cannot map checkpoint/savepoint state for operator 1f to the new program, because the operator is not available "
    "in the new program. If you want to allow to skip this, you can set the --allowNonRestoredState option.\n\tat a.b\n"
)
KNOWN = {
    "succeeded": facts(state="FINISHED", final_status="SUCCEEDED"),
    "works": facts(queries=[query(batch(0), lag=7)]),
    "unknown": ended(log="Traceback (most recent call last):\n  File \"x.py\", line 1\nKeyError: 'pear'\n"),
    "driver out of memory": ended(
        diagnostics="running beyond physical memory limits. Current usage: 1.2 GB of 1.1 GB physical memory used"
    ),
    "executor out of memory": facts(
        lost=["Container killed by YARN for exceeding physical memory limits. 1.3 GB of 896 MB physical memory used."]
    ),
    "module missing on executors": ended(failures=["PythonException\nModuleNotFoundError: No module named 'rates'\n"]),
    "checkpoint of another topic": ended(
        log="java.lang.IllegalStateException: Set(orders-1, orders-0) are gone. Some data may have been missed.. "
    ),
    "state of another script": ended(log="Flink SQL> INSERT INTO a SELECT 1;\n", errors=OTHER_STATE),
    "offsets gone": ended(
        log="Partition orders-0's offset was changed from 3 to 80, some data may have been lost",
        topics={"orders": {0: (80, 80)}},
    ),
    "topic missing": ended(errors="UnknownTopicOrPartitionException: This server does not host this topic-partition."),
    "table missing": ended(log="java.io.IOException: Couldn't find table orders in stands"),
    "waiting for memory": facts(
        state="ACCEPTED", mb=0, pending_mb=[1152], free_mb=512,
        holders=[{"id": "application_1_0001", "name": "a", "mb": 3584}],
    ),
    "more memory than there is": facts(pending_mb=[8192]),
    "filter drops everything": facts(queries=[query(batch(0), empty=[{"step": "Filter (id < 0)", "given": 20}])]),
    "watermark drops rows": facts(queries=[query(*LATE)]),
    "watermark does not move on": facts(queries=[query(*HELD)]),
    "skew": facts(
        stages=[{"stage": 3, "name": "count", "tasks": 4, "median_s": 2.0, "longest_s": 40.0,
                 "median_rows": 300}]
    ),
    "batch slower than its trigger": facts(queries=[query(*FULL, lag=60)], errors=BEHIND),
    "slower than its input": facts(queries=[query(*FULL, lag=60, input_rows_per_second=50.0)]),
    "no new data": facts(queries=[query(batch(0))]),
    "begun at the end of the topic": facts(queries=[query(batch(0, rows=0))], topics={"orders": {0: (0, 200)}}),
}  # fmt: skip


@pytest.mark.parametrize("name", KNOWN)
def test_each_cause_is_told_from_its_facts(name: str) -> None:
    found = diagnose(KNOWN[name])
    assert found.name == name
    assert found.words
    assert found.fix


def test_there_are_facts_here_of_every_cause_that_has_words() -> None:
    assert set(KNOWN) == set(texts())


def test_a_text_has_nothing_in_braces_that_is_not_given() -> None:
    for name, text in texts().items():
        given = diagnose(KNOWN[name]).given
        asked = {field for part in text.values() for _, field, _, _ in string.Formatter().parse(part) if field}
        assert asked <= set(given), name


def evidence(found: Diagnosis) -> str:
    return "\n".join(found.evidence)


def test_who_holds_the_memory_is_named() -> None:
    assert evidence(diagnose(KNOWN["waiting for memory"])) == "3584 MB: a (application_1_0001)"


def test_a_batch_that_is_slow_once_is_no_cause() -> None:
    """The first one of a query always is."""
    first = query(batch(0, seconds=18.0), batch(1), batch(2), lag=60)
    assert diagnose(facts(queries=[first], errors=f"{BEHIND} spent 18000")).name == "works"


def test_a_watermark_that_drops_a_few_and_lets_others_pass_does_what_it_is_for() -> None:
    passing = [one | {"written": 3} for one in LATE]
    assert diagnose(facts(queries=[query(*passing, lag=1)])).name == "works"


def test_rows_that_left_the_state_show_that_a_watermark_moves() -> None:
    moving = [one | {"left": 1} for one in HELD]
    assert diagnose(facts(queries=[query(*moving, lag=1)])).name == "works"


@pytest.mark.parametrize("longest", [5.9, 6.9])
def test_a_task_that_is_a_little_longer_is_no_skew(longest: float) -> None:
    stage = KNOWN["skew"]["stages"][0] | {"median_s": 2.0, "longest_s": longest}
    assert diagnose(facts(stages=[stage])).name == "works"


def test_a_failure_in_a_query_counts_while_its_application_goes_on() -> None:
    broken = query(error="Set(old-orders-0) are gone. Some data may have been missed", ended=True)
    assert diagnose(facts(queries=[broken, query(batch(0))])).name == "checkpoint of another topic"


def test_a_module_that_the_driver_itself_lacks_is_no_matter_of_executors() -> None:
    log = "Traceback (most recent call last):\n  File \"x.py\", line 1\nModuleNotFoundError: No module named 'rates'\n"
    assert diagnose(ended(log=log)).name == "unknown"


def test_a_program_on_the_edge_node_has_failed_though_yarn_says_it_succeeded() -> None:
    gone = facts(state="FINISHED", final_status="SUCCEEDED", failures=["ModuleNotFoundError: No module named 'rates'"])
    assert diagnose(gone).name == "succeeded"  # what Spark has tried again, with success
    assert diagnose(gone | {"job_errors": ["Job aborted"]}).name == "module missing on executors"
    found = diagnose(facts(state="FINISHED", final_status="SUCCEEDED", job_errors=["Job aborted: ValueError: x"]))
    assert (found.name, "with a job that had failed" in found.words) == ("unknown", True)
    assert "ValueError: x" in evidence(found)


def test_an_unknown_failure_is_shown() -> None:
    assert evidence(diagnose(KNOWN["unknown"])).endswith("KeyError: 'pear'")


def test_what_is_not_logged_is_said() -> None:
    assert evidence(diagnose(facts(unread="it writes no event log"))) == "it writes no event log"
