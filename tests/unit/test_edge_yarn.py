"""What the edge node reads of an application: its log, and its driver's output as it grows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.follow import Follower
from edge.yarn import log_files

#: As the NodeManager sends it over REST while the container runs. It ends right behind the text.
RUNNING = """\
Container: container_1_2_01_000001 on nodemanager1:8042
LogAggregationType: LOCAL
=======================================================
LogType:stdout
LogLastModifiedTime:Wed Jan 01 10:00:00 +0000 2025
LogLength:{length}
LogContents:
{text}End of LogType:stdout.This log file belongs to a running container (container_1_2) and so may not be complete.
***********************************************************************
"""

#: As `yarn logs` prints it from the aggregated log. It ends on a line of its own.
FINISHED = """\
Container: container_1_2_01_000001 on nodemanager1_35000
LogAggregationType: AGGREGATED
========================================================
LogType:stdout
LogLastModifiedTime:Wed Jan 01 10:00:00 +0000 2025
LogLength:12
LogContents:
one
two

End of LogType:stdout
***********************
"""


def running(text: str) -> str:
    return log_files(RUNNING.format(length=len(text), text=text))["stdout"]


def test_a_running_log_is_read_without_what_yarn_adds() -> None:
    assert running("one\ntwo\n") == "one\ntwo\n"


def test_an_empty_running_log_is_empty() -> None:
    assert running("") == ""


def test_a_line_that_the_driver_has_not_finished_is_read_as_it_is() -> None:
    assert running("one\ntw") == "one\ntw"


def test_a_finished_log_is_read_without_what_yarn_adds() -> None:
    assert log_files(FINISHED)["stdout"].splitlines() == ["one", "two", ""]


def test_two_files_of_one_container_are_told_apart() -> None:
    found = log_files(FINISHED.replace("stdout", "stderr").replace("one\ntwo", "26/01/01 WARN x") + "\n" + FINISHED)
    assert {name: text.splitlines() for name, text in found.items()} == {
        "stderr": ["26/01/01 WARN x", ""],
        "stdout": ["one", "two", ""],
    }


def test_a_driver_may_print_what_yarn_prints() -> None:
    assert running("LogContents:\nEnd of LogType: mine\n") == "LogContents:\nEnd of LogType: mine\n"


@pytest.mark.parametrize("text", ["", "Unable to get logs for this container", "LogType:stdout\nLogLength:0\n"])
def test_without_a_log_there_is_none(text: str) -> None:
    assert log_files(text) == {}


def test_a_log_that_was_cut_off_is_read_to_its_end() -> None:
    assert log_files("LogType:stdout\nLogLength:9\nLogContents:\none\ntwo") == {"stdout": "one\ntwo"}


@pytest.fixture
def follower(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Follower:
    info = {"student": "ada", "kafka": "k:9092", "cassandra": ["c"], "webhdfs": "w", "hdfs": "h", "yarn": "y"}
    (tmp_path / "lab.json").write_text(json.dumps(info))
    monkeypatch.setenv("STREAMLAB_LAB_JSON", str(tmp_path / "lab.json"))
    return Follower("application_1_2")


def test_each_line_of_the_driver_is_told_once(follower: Follower, events: Callable) -> None:
    for text in ("one\n", "one\ntwo\n", "one\ntwo\n", 'one\ntwo\nstreamlab-outcome: {"written": {}}\n'):
        follower.show(text)
    assert events() == [{"out": "one"}, {"out": "two"}, {"out": 'streamlab-outcome: {"written": {}}'}]
    assert follower.saw_outcome


def test_a_line_is_told_when_it_is_whole(follower: Follower, events: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = iter(["one\ntw", "one\ntwo\nthr", "one\ntwo\nthree\n"])
    monkeypatch.setattr(follower.yarn, "driver_container", lambda app_id: ("container", "node"))
    monkeypatch.setattr(follower.yarn, "container_log", lambda node, container, file: running(next(texts)))
    for _ in range(3):
        follower._driver_output()
    assert [event["out"] for event in events()] == ["one", "two", "three"]
