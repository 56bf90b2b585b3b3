"""How a step is ended: asked, or taken back when it has not begun."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from edge import stop

Stopped = Callable[..., tuple[int, list[str], str]]


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Stopped:
    """Stops an application that is found in these states; the exit status, what was done, and what was printed."""

    def call(*states: str, held_mb: int = 896, seconds: str = "9") -> tuple[int, list[str], str]:
        found, done = iter(states), []
        yarn = SimpleNamespace(
            application=lambda app_id: {"state": next(found), "allocatedMB": held_mb},
            kill=lambda app_id: done.append(f"killed {app_id}"),
        )
        monkeypatch.setattr(stop, "Yarn", lambda: yarn)
        monkeypatch.setattr(
            stop, "Hdfs", lambda url: SimpleNamespace(write=lambda path, data: done.append(path.rpartition("/")[2]))
        )
        return stop.main("lesson03", "read", "application_1_2", seconds), done, capsys.readouterr().out

    info = SimpleNamespace(webhdfs="w")
    monkeypatch.setattr(stop, "load_info", lambda: info)
    monkeypatch.setattr(
        stop, "Settings", lambda **known: SimpleNamespace(info=info, stop_marker=lambda app_id: f"/control/{app_id}")
    )
    monkeypatch.setattr(stop.time, "sleep", lambda seconds: None)
    return call


def test_one_that_runs_is_asked_and_waited_for(stopped: Stopped) -> None:
    code, done, out = stopped("RUNNING", "RUNNING", "FINISHED")
    assert (code, done, json.loads(out)) == (0, ["application_1_2"], {"began": True})


def test_one_whose_driver_starts_is_asked_too(stopped: Stopped) -> None:
    assert stopped("ACCEPTED", "RUNNING", "FINISHED")[1] == ["application_1_2"]


@pytest.mark.parametrize("held_mb", [0, -1])
def test_one_without_a_container_is_taken_back(stopped: Stopped, held_mb: int) -> None:
    code, done, out = stopped("ACCEPTED", "ACCEPTED", "KILLED", held_mb=held_mb)
    assert (code, done, json.loads(out)) == (0, ["killed application_1_2"], {"began": False})


def test_one_that_goes_on_is_told(stopped: Stopped) -> None:
    assert stopped("RUNNING", "RUNNING", seconds="-1")[0] == 1
