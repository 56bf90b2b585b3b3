"""A script for Flink on its way to YARN: put on HDFS, and handed over with the state that it goes on from."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from common import flink
from common.settings import LabInfo
from edge import flink_sql

HOME = "/user/student/lesson09"
INFO = LabInfo(student="ada", kafka="kafka1:9092", cassandra=(), webhdfs="w", hdfs="hdfs://n:8020", yarn="y")


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
    monkeypatch: pytest.MonkeyPatch, events: Callable, state: str | None, before: str
) -> None:
    written: dict[str, str] = {}

    class Files:
        def __init__(self, url: str) -> None:
            assert url == "w"

        def write(self, path: str, data: str) -> None:
            written[path] = data

    monkeypatch.setattr(flink_sql, "Hdfs", Files)
    monkeypatch.setattr(flink_sql, "load_info", lambda: INFO)
    monkeypatch.setattr(flink, "state", lambda hdfs, settings: state)
    assert flink_sql.command("lesson09/stream", ["--set", "orders=150"], ["-Da=b"]) == [
        *("sql-client.sh", "-f", f"hdfs://n:8020{HOME}/sql/stream.sql", "-Dexecution.target=yarn-application", "-Da=b"),
        f"-Dexecution.checkpointing.dir=hdfs://n:8020{HOME}/checkpoint/stream",
        f"-Dexecution.checkpointing.savepoint-dir=hdfs://n:8020{HOME}/savepoint/stream",
    ]
    assert written[f"{HOME}/sql/stream.sql"].startswith(f"{before}-- A stream without an end")
    assert events() == [{"script": f"{HOME}/sql/stream.sql", "state": state}]
