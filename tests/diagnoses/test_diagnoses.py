"""Each cause for which an application stands still or fails, provoked for real, and what `invoke why` says of it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lab_runner import LabRunner

JOB = Path(__file__).parent / "stands"
#: Seconds until a step that was submitted has shown what is wrong with it, on a busy machine.
SECONDS = 240

#: Step -> what is said while it runs, and what the evidence has.
STANDING = {
    "idle": ("no new data", "idle: no row so far"),
    "filtered": ("filter drops everything", "id < 0"),
    "late": ("watermark drops rows", " dropped"),
    "unmoved": ("watermark does not move on", "1 groups kept"),
    "slow": ("batch slower than its trigger", " rows in "),
}
#: Step -> what is said after it has failed, and what the words or the evidence have.
FAILING = {
    "other-topic": ("checkpoint of another topic", "offsets of stands-orders"),
    "expired": ("offsets gone", "stands-returns"),
    "no-topic": ("topic missing", "stands-empty, stands-orders, stands-returns"),
    "no-table": ("table missing", "stands"),
    "eaten": ("executor out of memory", "of 896 MB"),
    "own-error": ("unknown", "KeyError: 'pear'"),
}

UDF = """\
from pyspark.sql import SparkSession, functions as F
from rates import rate
spark = SparkSession.builder.getOrCreate()
rated = F.udf(lambda number: rate(number), "int")
spark.range(10).select(rated("id")).collect()
"""


def why(lab: LabRunner, *arguments: str) -> list[dict[str, Any]]:
    (student,) = json.loads(lab("why", "--json", *arguments))["students"]
    return student["applications"]


def why_one(lab: LabRunner, *arguments: str) -> dict[str, Any]:
    (found,) = why(lab, *arguments)
    return found


def said_of(found: dict[str, Any]) -> str:
    return "\n".join([found["words"], *found["evidence"]])


@contextmanager
def runs(lab: LabRunner, step: str, *options: str) -> Iterator[str]:
    """A step that has been submitted, and is ended with the block."""
    lab("submit", "--job", f"{JOB}/{step}", "--detach", *options)
    try:
        yield step
    finally:
        lab.inside(
            "for app in $(yarn application -list 2>/dev/null | grep -o '^application_[0-9_]*'); do"
            " yarn application -kill $app; done"
        )


def eventually(lab: LabRunner, name: str, *arguments: str) -> dict[str, Any]:
    """What is said of one application once it has this diagnosis."""
    ends = time.monotonic() + SECONDS
    while (found := why_one(lab, *arguments))["diagnosis"] != name and time.monotonic() < ends:
        time.sleep(2)
    assert found["diagnosis"] == name, found
    return found


@pytest.mark.parametrize("step", STANDING)
def test_what_stands_still_is_explained_while_it_runs(lab: LabRunner, step: str) -> None:
    name, part = STANDING[step]
    lab("reset", "--yes", "--job", str(JOB))
    with runs(lab, step, "--continuous"):
        found = eventually(lab, name, "--job", f"{JOB}/{step}")
    assert part in said_of(found)


@pytest.mark.parametrize("step", FAILING)
def test_what_has_failed_is_explained_afterwards(lab: LabRunner, step: str) -> None:
    name, part = FAILING[step]
    lab("reset", "--yes", "--job", str(JOB))
    assert lab.run("submit", "--job", f"{JOB}/{step}").code == 1
    found = why_one(lab, "--job", f"{JOB}/{step}")
    assert found["diagnosis"] == name, found
    assert part in said_of(found)


def test_a_key_that_has_most_rows_is_found_while_its_task_runs(lab: LabRunner) -> None:
    with runs(lab, "skewed"):
        found = eventually(lab, "skew", "--job", f"{JOB}/skewed")
    assert "one of its 4 tasks" in found["words"]


def test_who_holds_the_memory_that_another_waits_for_is_named(lab: LabRunner) -> None:
    with runs(lab, "idle", "--continuous", "--executors", "2", "--executor-memory", "1024"):
        eventually(lab, "no new data", "--job", f"{JOB}/idle")
        (holder,) = why(lab)
        # `invoke submit` would refuse what does not fit; spark-submit lets it wait.
        lab.inside(
            "echo 'from pyspark.sql import SparkSession; SparkSession.builder.getOrCreate()' > waits.py && spark-submit"
            " --deploy-mode cluster --conf spark.yarn.submit.waitAppCompletion=false waits.py 2>&1 && rm waits.py"
        )
        waiting = next(one for one in why(lab) if one["name"] == "waits.py")
        found = eventually(lab, "waiting for memory", "--app", waiting["id"])
    assert holder["id"] in said_of(found)
    assert holder["id"] in found["fix"]


def test_a_module_that_lies_beside_the_program_is_missed_on_the_executors(lab: LabRunner, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(UDF, encoding="utf-8")
    (tmp_path / "rates.py").write_text("def rate(number):\n    return number * 2\n", encoding="utf-8")
    lab("put", str(tmp_path / "program.py"), str(tmp_path / "rates.py"), "--force")
    ran = lab.run("shell", "--command", "spark-submit program.py")
    assert ran.code != 0
    found = why_one(lab)
    assert found["diagnosis"] == "module missing on executors", found
    assert "spark-submit --py-files rates.py" in found["fix"]
    lab.inside("spark-submit --py-files rates.py program.py && rm program.py rates.py")


def test_a_student_reads_the_same_on_the_edge_node(lab: LabRunner) -> None:
    said = lab.inside("invoke why")
    assert "SUCCEEDED: succeeded" in said
    assert "fix: " in said


def test_wrong_requests_are_refused(lab: LabRunner) -> None:
    for arguments, words in {
        ("--app", "application_1_0001", "--job", "lesson04"): "--job and --app name two things",
        ("--app", "nothing"): "'nothing' is not an application id",
        ("--job", "lesson99"): "no job named 'lesson99'",
    }.items():
        ran = lab.run("why", *arguments)
        assert (ran.code, words in ran.err) == (2, True), ran.err
    ran = lab.run("why", "--app", "application_1_0001")
    assert (ran.code, "YARN knows no application application_1_0001" in ran.err) == (2, True), ran.err
