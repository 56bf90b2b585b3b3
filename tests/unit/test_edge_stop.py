"""How a step is ended: asked, or taken back when it has not begun."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from common.errors import JobError
from edge import stop

Stopped = Callable[..., tuple[list[str], list[dict]]]


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch, events: Callable) -> Stopped:
    """Stops an application that is found in these states; what was done, and what was told."""

    def call(
        *states: str, held_mb: int = 896, seconds: str = "9", kind: str = "SPARK", looks: Sequence[list[dict]] = ()
    ) -> tuple[list[str], list[dict]]:
        found, jobs, done = iter(states), iter(looks), []
        yarn = SimpleNamespace(
            application=lambda app_id: {"state": next(found), "allocatedMB": held_mb, "applicationType": kind},
            flink_jobs=lambda app_id: next(jobs),
            kill=lambda app_id: done.append(f"killed {app_id}"),
        )
        monkeypatch.setattr(stop, "Yarn", lambda: yarn)
        monkeypatch.setattr(
            stop, "Hdfs", lambda url: SimpleNamespace(write=lambda path, data: done.append(path.rpartition("/")[2]))
        )
        stop.main("lesson03", "read", "application_1_2", seconds)
        return done, events()

    info = SimpleNamespace(webhdfs="w")
    monkeypatch.setattr(stop, "load_info", lambda: info)
    monkeypatch.setattr(
        stop, "Settings", lambda **known: SimpleNamespace(info=info, stop_marker=lambda app_id: f"/control/{app_id}")
    )
    monkeypatch.setattr(stop.time, "sleep", lambda seconds: None)
    return call


def test_one_that_runs_is_asked_and_waited_for(stopped: Stopped) -> None:
    assert stopped("RUNNING", "RUNNING", "FINISHED") == (
        ["application_1_2"],
        [{"answer": {"began": True, "savepoint": ""}}],
    )


def test_one_whose_driver_starts_is_asked_too(stopped: Stopped) -> None:
    assert stopped("ACCEPTED", "RUNNING", "FINISHED")[0] == ["application_1_2"]


@pytest.mark.parametrize("held_mb", [0, -1])
def test_one_without_a_container_is_taken_back(stopped: Stopped, held_mb: int) -> None:
    done, told = stopped("ACCEPTED", "ACCEPTED", "KILLED", held_mb=held_mb)
    assert (done, told) == (["killed application_1_2"], [{"answer": {"began": False, "savepoint": ""}}])


def test_one_that_goes_on_is_told(stopped: Stopped) -> None:
    with pytest.raises(JobError, match="application_1_2 was still RUNNING after -1 s"):
        stopped("RUNNING", "RUNNING", seconds="-1")


def job(running: int, state: str = "RUNNING") -> dict:
    return {"jid": "0f", "state": state, "tasks": {"running": running, "finished": 1, "total": 3}}


@pytest.fixture
def flink(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """A `flink` that prints this, and keeps what it was asked; the file with that."""

    def prints(text: str) -> Path:
        program = tmp_path / "flink"
        program.write_text(f"#!/bin/sh\necho $* >{tmp_path}/asked\ncat <<'END'\n{text}\nEND\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        return tmp_path / "asked"

    return prints


def test_flink_saves_its_job_once_all_of_its_tasks_run(stopped: Stopped, flink: Callable[[str], Path]) -> None:
    asked = flink("Savepoint completed. Path: hdfs://n:8020/s/savepoint-1")
    looks = [[], [job(0, "CREATED")], [job(1)], [job(2)]]
    states = ["RUNNING"] * 4 + ["FINISHED"]
    assert stopped(*states, kind="Apache Flink", looks=looks) == (
        [],
        [{"answer": {"began": True, "savepoint": "hdfs://n:8020/s/savepoint-1"}}],
    )
    assert asked.read_text().split() == [
        "stop",
        "-t",
        "yarn-application",
        "-Dyarn.application.id=application_1_2",
        "0f",
    ]


def test_a_savepoint_that_flink_does_not_take_is_an_error_with_its_cause(
    stopped: Stopped, flink: Callable[[str], Path]
) -> None:
    flink("Triggering.\nCaused by: outer\nCaused by: the disk is full\n\tat a.b")
    with pytest.raises(JobError, match="Flink took no savepoint of application_1_2") as caught:
        stopped("RUNNING", kind="Apache Flink", looks=[[job(2)]])
    assert caught.value.evidence == ["Caused by: the disk is full"]


def test_a_job_of_flink_s_that_never_runs_is_told(stopped: Stopped) -> None:
    with pytest.raises(JobError, match="did not run yet"):
        stopped("RUNNING", "RUNNING", kind="Apache Flink", looks=[[]], seconds="-1")
