"""How a step is ended: asked, or taken back when it has not begun."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from common.errors import JobError
from edge import stop

Stopped = Callable[..., tuple[list[str], list[dict]]]


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch, events: Callable) -> Stopped:
    """Stops an application that is found in these states; what was done, and what was told."""

    def call(*states: str, held_mb: int = 896, seconds: str = "9") -> tuple[list[str], list[dict]]:
        found, done = iter(states), []
        yarn = SimpleNamespace(
            application=lambda app_id: {"state": next(found), "allocatedMB": held_mb},
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
    assert stopped("RUNNING", "RUNNING", "FINISHED") == (["application_1_2"], [{"answer": {"began": True}}])


def test_one_whose_driver_starts_is_asked_too(stopped: Stopped) -> None:
    assert stopped("ACCEPTED", "RUNNING", "FINISHED")[0] == ["application_1_2"]


@pytest.mark.parametrize("held_mb", [0, -1])
def test_one_without_a_container_is_taken_back(stopped: Stopped, held_mb: int) -> None:
    done, told = stopped("ACCEPTED", "ACCEPTED", "KILLED", held_mb=held_mb)
    assert (done, told) == (["killed application_1_2"], [{"answer": {"began": False}}])


def test_one_that_goes_on_is_told(stopped: Stopped) -> None:
    with pytest.raises(JobError, match="application_1_2 was still RUNNING after -1 s"):
        stopped("RUNNING", "RUNNING", seconds="-1")
