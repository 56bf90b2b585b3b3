"""A script for Flink on its way to YARN: put on HDFS, and handed over with the state that it goes on from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import handed_in
from common import flink
from common.settings import LabInfo
from edge import flink_sql
from streamlab.lessons import exercise, scaffold

HOME = "/user/student/lesson09"
INFO = LabInfo(student="ada", kafka="kafka1:9092", cassandra=(), webhdfs="w", hdfs="hdfs://n:8020", yarn="y")


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What is put on HDFS, by its path."""
    files: dict[str, str] = {}

    class Files:
        def __init__(self, url: str) -> None:
            assert url == "w"

        def write(self, path: str, data: str) -> None:
            files[path] = data

    monkeypatch.setattr(flink_sql, "Hdfs", Files)
    return files


@pytest.mark.parametrize(
    ("state", "before"),
    [
        (None, ""),
        (
            f"{HOME}/savepoint/stream/savepoint-1",
            f"SET 'execution.state-recovery.path' = 'hdfs://n:8020{HOME}/savepoint/stream/savepoint-1';\n"
            "SET 'execution.state-recovery.claim-mode' = 'CLAIM';\n",
        ),
    ],
)
def test_a_script_is_handed_over_with_where_it_begins(
    monkeypatch: pytest.MonkeyPatch, events: Callable, written: dict[str, str], state: str | None, before: str
) -> None:
    monkeypatch.setattr(flink_sql, "load_info", lambda: INFO)
    monkeypatch.setattr(flink, "state", lambda hdfs, settings: state)
    assert flink_sql.command("lesson09/stream", ["--set", "orders=150"], ["-Da=b"]) == [
        *("sql-client.sh", "-f", f"hdfs://n:8020{HOME}/sql/stream.sql", "-Dexecution.target=yarn-application", "-Da=b"),
        f"-Dexecution.checkpointing.dir=hdfs://n:8020{HOME}/checkpoint/stream",
        f"-Dexecution.checkpointing.savepoint-dir=hdfs://n:8020{HOME}/savepoint/stream",
    ]
    assert written[f"{HOME}/sql/stream.sql"].startswith(f"{before}-- A stream without an end")
    assert events() == [{"script": f"{HOME}/sql/stream.sql", "state": state}]


def test_of_an_exercise_what_is_filled_in_is_handed_over_and_the_rest_is_said_to_be_open(
    monkeypatch: pytest.MonkeyPatch, events: Callable, written: dict[str, str], tmp_path: Path
) -> None:
    program = exercise.with_gaps(exercise.text_of_program("lesson09"), {1: handed_in.solutions("lesson09")[1]})
    scaffold.create("my09", str(tmp_path), exercise.files("lesson09", "my09", program))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(flink_sql, "load_info", lambda: INFO)
    monkeypatch.setattr(flink, "state", lambda hdfs, settings: None)
    flink_sql.command("my09/exercise", [], [])
    assert [one["made"] for one in events()[:-1]] == [f"gap {number}: it is open" for number in (2, 3, 4, 5)]
    home = "/user/student/my09"
    assert "'topic' = 'my09-orders'" in written[f"{home}/sql/exercise.sql"]
    assert {number: one["state"] for number, one in json.loads(written[f"{home}/out/gaps.json"]).items()} == {
        "1": "runs", "2": "open", "3": "open", "4": "open", "5": "open",
    }  # fmt: skip
