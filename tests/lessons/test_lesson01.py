"""lesson01 on a real stack: run twice, broken in two ways, its mistakes seen."""

from __future__ import annotations

import re

import pytest

from lab_runner import LabRunner

OUT = "/user/student/lesson01/out/files"


@pytest.fixture(scope="module")
def streamed(lab: LabRunner) -> str:
    """What `submit` printed when it ran the lesson from its start."""
    lab("reset", "--yes", "--job", "lesson01")
    return lab("submit", "--job", "lesson01")


def test_an_empty_cluster_fails_everywhere(lab: LabRunner) -> None:
    lab("reset", "--yes", "--job", "lesson01")
    found = lab.check("lesson01")["assertions"]
    # YARN remembers earlier runs of this stack, whatever a reset takes away.
    assert [one["name"] for one in found if one["passed"] and "YARN" not in one["name"]] == []


def test_each_file_is_a_batch_and_the_check_passes(lab: LabRunner, streamed: str) -> None:
    for query in ("l01-files", "l01-files-console"):
        assert re.findall(rf"{query}: batch (\d), (\d+) rows", streamed) == [(str(n), "20") for n in range(5)]
    assert "show() on a stream: Queries with streaming sources" in streamed
    assert "100 to hdfs /user/student/lesson01/out/files; 70 to hdfs" in streamed
    found = lab.check("lesson01")
    assert found["passed"], found
    assert len(found["assertions"]) == 14


def test_a_sixth_file_adds_its_rows_and_nothing_else(lab: LabRunner, streamed: str) -> None:
    """The second run: what was read is not read again, the check follows the student's own file."""
    folder = "/user/student/lesson01/in/files"
    lab.inside(f"hdfs dfs -cp -f {folder}/measurements-01.csv {folder}/measurements-06.csv")
    assert lab.wrong("lesson01")["stream: rows in the output"]["expected"] == 120
    printed = lab("submit", "--job", "lesson01")
    assert re.findall(r"l01-files: batch (\d), (\d+) rows", printed) == [("5", "20")]
    found = {one["name"]: one for one in lab.check("lesson01")["assertions"]}
    assert found["stream: rows in the output"]["found"] == 120
    assert all(one["passed"] for one in found.values())


def test_a_part_that_is_gone_is_found(lab: LabRunner, streamed: str) -> None:
    part = lab.inside(f"hdfs dfs -ls -C '{OUT}/part-*'").split()[0]
    lab.inside(f"hdfs dfs -mv {part} /user/student/kept.parquet")
    try:
        ran = lab.run("check", "--job", "lesson01")
    finally:
        lab.inside(f"hdfs dfs -mv /user/student/kept.parquet {part}")
    assert ran.code == 1
    assert "WRONG stream: rows in the output: expected 1" in ran.out
    assert f"found no such file: {part}" in ran.out


def test_a_file_that_arrived_and_was_not_read_is_found(lab: LabRunner, streamed: str) -> None:
    """Rows that came in twice would show in the same assertion, as too many."""
    new = "/user/student/lesson01/in/files/measurements-09.csv"
    lab.inside(f"hdfs dfs -cp -f /user/student/lesson01/in/files/measurements-01.csv {new}")
    try:
        wrong = lab.wrong("lesson01")
    finally:
        lab.inside(f"hdfs dfs -rm -skipTrash {new}")
    assert wrong["stream: rows that differ from the input"]["found"] == {"missing": 20, "too many": 0}
    assert "measurements-09.csv" in wrong["stream: rows in the output by file"]["expected"]


def test_a_chained_await_returns_nothing_and_lets_nothing_follow(lab: LabRunner, streamed: str) -> None:
    printed = lab("submit", "--job", "lesson01/broken-await")
    assert "gives None: nothing to ask, nothing to stop" in printed
    assert "AttributeError: 'NoneType' object has no attribute 'stop'" in printed
    assert "the line that starts l01-second was never reached" in printed
    assert "running together: l01-first, l01-second" in printed


def test_a_query_without_a_name_reads_everything_again(lab: LabRunner, streamed: str) -> None:
    printed = lab("submit", "--job", "lesson01/broken-unnamed")
    rows = dict(re.findall(r"\| (\w+): first start (\d+ rows, second start \d+) rows", printed))
    every = rows["named"].split()[0]
    assert rows == {"named": f"{every} rows, second start 0", "unnamed": f"{every} rows, second start {every}"}
    assert len(re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", printed)) == 2
