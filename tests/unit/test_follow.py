"""Following an application to its end: what is told on the way, and what is told last."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common.errors import Unreachable
from edge import follow

OUTCOME = 'streamlab-outcome: {"written": {"hdfs /m": 1}}'
TRACE = 'Traceback (most recent call last):\n  File "a.py", line 1\nValueError: no'


class Yarn:
    """A YARN that goes through the given states, one at each question, and stays in the last; at an empty one it gives
    no answer.
    """

    def __init__(
        self,
        *states: str,
        final: str = "SUCCEEDED",
        printed: str = "",
        diagnostics: str = "",
        ran_ms: int = 60_000,
        held_mb: int = -1,
        kind: str = "SPARK",
    ) -> None:
        self.states, self.final, self.printed, self.diagnostics = list(states), final, printed, diagnostics
        self.ran_ms, self.held_mb, self.kind = ran_ms, held_mb, kind
        self.killed: list[str] = []

    def application(self, app_id: str) -> dict[str, Any]:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if not state:
            raise Unreachable("YARN gives no answer", evidence=["asked: it"])
        final = "UNDEFINED" if state in ("ACCEPTED", "RUNNING") else self.final
        return {
            "state": state, "finalStatus": final, "diagnostics": self.diagnostics, "elapsedTime": self.ran_ms,
            "allocatedMB": self.held_mb, "applicationType": self.kind,
        }  # fmt: skip

    def driver_container(self, app_id: str) -> tuple[str, str]:
        return "container_1", "nodemanager1:8042"

    def log_end(self, node: str, container: str, file: str, size: int) -> tuple[int, bytes]:
        assert (node, container, file) == ("nodemanager1:8042", "container_1", "stdout")
        data = self.printed.encode()
        return max(0, len(data) - size), data[-size:]

    def active_stages(self, app_id: str) -> list[dict[str, Any]]:
        name = "count at /data/local/lesson.zip/lesson08/train.py:40"
        return [{"stageId": 3, "name": name, "numCompleteTasks": 1, "numTasks": 4}]

    def kill(self, app_id: str) -> None:
        self.killed.append(app_id)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, events: Callable) -> Callable[..., list[dict]]:
    def run(yarn: Yarn, seconds: float = 60) -> list[dict]:
        monkeypatch.setattr(follow, "Yarn", lambda: yarn)
        monkeypatch.setattr(follow.time, "sleep", lambda seconds: None)
        follow.follow("application_1_2", seconds)
        return events()

    return run


@pytest.fixture
def aggregated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """What the command `yarn logs` prints."""

    def prints(text: str) -> None:
        program = tmp_path / "yarn"
        program.write_text(
            f"#!/bin/sh\ncat <<'END'\nLogType:stdout\nLogLength:{len(text.encode())}\nLogContents:\n{text}\n"
            "End of LogType:stdout\nEND\n"
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    return prints


def test_a_step_that_succeeds_is_told_as_it_goes(told: Callable) -> None:
    events = told(Yarn("ACCEPTED", "RUNNING", "RUNNING", "FINISHED", printed=f"hello\n{OUTCOME}\n"))
    final = events.pop()
    assert events == [
        {"state": "ACCEPTED"},
        {"state": "RUNNING"},
        {"out": "hello"},
        {"out": OUTCOME},
        {"stage": "lesson08/train.py:40", "done": 1, "total": 4},
        {"state": "FINISHED"},
    ]
    assert (final["final"], final["log"]) == ("SUCCEEDED", "")


def test_lines_printed_between_the_last_look_and_the_end_are_told(told: Callable, aggregated: Callable) -> None:
    aggregated(f"hello\nlast\n{OUTCOME}")
    events = told(Yarn("RUNNING", "FINISHED", printed="hello\n"))
    assert [event["out"] for event in events if event.get("out")] == ["hello", "last", OUTCOME]


def test_a_failed_step_hands_over_its_log_without_telling_it(told: Callable, aggregated: Callable) -> None:
    aggregated(TRACE)
    events = told(Yarn("FINISHED", final="FAILED", diagnostics="exitCode: 13"))
    assert events[:-1] == [{"state": "FINISHED"}]
    assert (events[-1]["final"], events[-1]["diagnostics"]) == ("FAILED", "exitCode: 13")
    assert events[-1]["log"].startswith(TRACE)


def test_a_step_that_runs_too_long_is_killed_and_says_so(told: Callable, aggregated: Callable) -> None:
    aggregated("still counting")
    yarn = Yarn("RUNNING", final="UNDEFINED")
    final = told(yarn, seconds=-1)[-1]
    assert yarn.killed == ["application_1_2"]
    assert (final["final"], final["diagnostics"]) == ("KILLED", "it ran longer than its limit of -1 s, and was ended")
    assert final["began"] is True


def test_a_step_that_is_never_given_a_container_is_killed_and_says_why(
    told: Callable, aggregated: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    aggregated("")
    monkeypatch.setattr(follow, "ACCEPTED_SECONDS", -1)
    yarn = Yarn("ACCEPTED", final="UNDEFINED", diagnostics="Queue's AM resource limit exceeded. ")
    final = told(yarn)[-1]
    assert yarn.killed
    assert final["diagnostics"] == "YARN gave it no container in -1 s: Queue's AM resource limit exceeded."
    assert final["began"] is False


def test_a_driver_that_starts_slowly_has_its_container_and_is_waited_for(
    told: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """YARN calls an application accepted until its driver registers."""
    monkeypatch.setattr(follow, "ACCEPTED_SECONDS", -1)
    yarn = Yarn("ACCEPTED", "ACCEPTED", "RUNNING", "FINISHED", printed=f"{OUTCOME}\n", held_mb=1408)
    assert told(yarn)[-1]["final"] == "SUCCEEDED"
    assert not yarn.killed


def test_a_yarn_that_gives_no_answer_for_a_while_is_asked_again(told: Callable) -> None:
    events = told(Yarn("RUNNING", "", "", "RUNNING", "FINISHED", printed=f"hello\n{OUTCOME}\n", ran_ms=0))
    assert events[:-1] == [
        {"state": "RUNNING"},
        {"out": "hello"},
        {"out": OUTCOME},
        {"waiting": "YARN gives no answer; it is asked again"},
        {"waiting": "YARN gives no answer; it is asked again"},
        {"state": "RUNNING"},
        {"state": "FINISHED"},
    ]
    assert events[-1]["final"] == "SUCCEEDED"


@pytest.mark.parametrize(("silent_seconds", "seconds"), [(-1, 60), (600, -1)])
def test_a_yarn_that_is_gone_is_not_asked_for_ever(
    told: Callable, monkeypatch: pytest.MonkeyPatch, silent_seconds: int, seconds: int
) -> None:
    """Not longer than a ResourceManager takes to start again, nor than the application may run."""
    monkeypatch.setattr(follow, "SILENT_SECONDS", silent_seconds)
    with pytest.raises(Unreachable) as caught:
        told(Yarn(""), seconds)
    assert caught.value.evidence == ["asked: it", "application_1_2 may still be running"]


def test_a_driver_that_has_told_its_end_is_not_waited_for_until_its_container_is_gone(told: Callable) -> None:
    events = told(Yarn("RUNNING", "FINISHING", printed=f"hello\n{OUTCOME}\n"))
    assert events[-1]["final"] == "SUCCEEDED"
    assert [event["out"] for event in events if "out" in event] == ["hello", OUTCOME]


def test_what_a_driver_said_last_is_read_while_its_container_is_still_there(told: Callable) -> None:
    events = told(Yarn("ACCEPTED", "FINISHING", printed=f"{OUTCOME}\n"))
    assert [event["out"] for event in events if "out" in event] == [OUTCOME]
    assert events[-1]["log"] == ""


def test_what_a_driver_said_last_is_read_from_its_node_when_it_has_just_gone(told: Callable) -> None:
    events = told(Yarn("ACCEPTED", "FINISHED", printed=f"{OUTCOME}\n"))
    assert [event["out"] for event in events if "out" in event] == [OUTCOME]
    assert events[-1]["log"] == ""


def test_a_driver_that_has_just_begun_is_not_asked_for_its_stages(told: Callable) -> None:
    events = told(Yarn("RUNNING", "RUNNING", "FINISHED", printed=f"hello\n{OUTCOME}\n", ran_ms=2000))
    assert not [event for event in events if "stage" in event]


def test_the_script_that_flink_prints_is_no_output_and_its_log_tells_why_it_failed(
    told: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flink = {"printed": "Flink SQL> SELECT 1;\n", "kind": "Apache Flink"}
    assert [event for event in told(Yarn("RUNNING", "FINISHED", **flink)) if "out" in event] == []
    program = tmp_path / "yarn"
    files = {"jobmanager.out": "Flink SQL> SELECT 1", "jobmanager.log": "Caused by: no"}
    text = "".join(f"LogType:{name}\nLogLength:{len(said)}\nLogContents:\n{said}\n" for name, said in files.items())
    program.write_text(f"#!/bin/sh\necho $* >{tmp_path}/asked\ncat <<'END'\n{text}END\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    final = told(Yarn("RUNNING", "FINISHED", final="FAILED", **flink))[-1]
    assert "-log_files jobmanager.out,jobmanager.log" in (tmp_path / "asked").read_text()
    assert (final["log"], final["errors"]) == ("Flink SQL> SELECT 1", "Caused by: no")
