"""A script for Flink with its settings, and the state from which it goes on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from common import flink, request
from common.errors import WrongRequest
from common.hdfs import Status
from common.settings import LabInfo, Settings

INFO = LabInfo(student="ada", kafka="kafka1:9092", cassandra=(), webhdfs="w", hdfs="hdfs://n:8020", yarn="y")
SETTINGS = Settings(info=INFO, lesson="lesson09", step="windows", topics=("l09-orders",), args={"rows": 5})


class Files:
    """An HDFS with these files: path -> when each was last changed."""

    def __init__(self, **files: int) -> None:
        self.files = {f"/user/student/lesson09/{path}": at for path, at in files.items()}

    def exists(self, path: str) -> bool:
        return any(one.startswith(f"{path}/") for one in self.files)

    def walk(self, path: str) -> Iterator[Status]:
        for one, at in self.files.items():
            if one.startswith(f"{path}/"):
                yield Status(one, is_dir=False, length=1, modified_ms=at)


def test_a_script_gets_this_lab_s_settings() -> None:
    text = "'${kafka}' '${topic.orders}' '${home}/out' ${arg.rows} '$' '[0-9]$'"
    assert flink.filled_in(text, SETTINGS) == (
        "'kafka1:9092' 'l09-orders' 'hdfs://n:8020/user/student/lesson09/out' 5 '$' '[0-9]$'"
    )


def test_a_setting_that_there_is_not_is_answered_with_the_nearest() -> None:
    with pytest.raises(WrongRequest) as caught:
        flink.filled_in("'${topic.order}'", SETTINGS)
    assert str(caught.value) == (
        "error: no setting for windows.sql named 'topic.order'\n"
        "  known: arg.rows, home, kafka, topic.orders\n"
        "  fix: did you mean ${topic.orders}?"
    )


@pytest.mark.parametrize("step", ["windows", "stream", "broken-group-by", "broken-processing-time"])
def test_the_lesson_s_own_scripts_name_settings_that_there_are(step: str) -> None:
    job = request.load_job("lesson09")
    settings = Settings(info=INFO, lesson="lesson09", step=step, topics=tuple(job.topics))
    assert "${" not in flink.filled_in(flink.source(settings), settings)


def test_a_step_goes_on_from_the_last_state_that_is_complete() -> None:
    old, new, half = "checkpoint/windows/a/chk-1", "savepoint/windows/savepoint-2", "checkpoint/windows/b/chk-3"
    other = "checkpoint/stream/c/chk-9"
    hdfs = Files(**{f"{old}/_metadata": 1, f"{new}/_metadata": 2, f"{half}/data": 3, f"{other}/_metadata": 4})
    assert flink.state(hdfs, SETTINGS) == f"/user/student/lesson09/{new}"
    assert flink.state(Files(**{f"{other}/_metadata": 4}), SETTINGS) is None
