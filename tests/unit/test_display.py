"""What a long run shows, and the time that it has left."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path

import pytest
from rich.console import Console

from streamlab import display, estimate
from streamlab.ui import progress, say


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(estimate, "CACHE", tmp_path)
    return tmp_path


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(display.time, "monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize(
    ("after", "at_once", "expected"),
    [
        ({"a": []}, 1, 10),
        ({"a": [], "b": []}, 2, 20),
        ({"a": [], "b": []}, 1, 30),
        ({"a": [], "b": ["a"], "c": ["a"]}, 2, 40),
        ({"a": ["done"], "b": ["a"], "c": ["b"]}, 2, 60),
        ({}, 2, 0),
    ],
)
def test_time_left_follows_the_graph(after: dict[str, list[str]], at_once: int, expected: float) -> None:
    assert estimate.time_left(after, {"a": 10.0, "b": 20.0, "c": 30.0}, at_once) == expected


def test_the_pace_of_what_is_done_holds_for_what_is_left(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "USUAL", {"first": 10.0, "second": 20.0, "third": 30.0})
    one = display.Display(["first", "second", "third"])
    assert one.left() == 60
    with one.stage("first"):
        clock[0] += 5
        assert one.left() == 55
        clock[0] += 15
    assert one.left() == 2 * 50
    with one.stage("second"):
        pass  # there was nothing to do, which tells nothing of the pace
    assert one.left() == 2 * 30


def test_a_stage_that_is_a_graph_counts_as_its_own_stages(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "USUAL", {"images": 100.0, "cluster": 20.0, "a": 10.0, "b": 30.0})
    one = display.Display(["images", "cluster"])
    with one.stage("images"), one.graph({"a": [], "b": []}, 2):
        assert one.left() == 30 + 20
        one.begin("a")
        clock[0] += 10
        assert one.end("a") == 10
        assert one.left() == 30 + 20


def test_of_a_stage_that_is_a_graph_nothing_is_left_after_it(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own stages have been counted, however long the whole usually takes."""
    monkeypatch.setattr(estimate, "USUAL", {"images": 100.0, "cluster": 20.0, "a": 10.0})
    one = display.Display(["images", "cluster"])
    with one.stage("images"):
        with one.graph({"a": []}, 2):
            one.begin("a")
            clock[0] += 10
            one.end("a")
        assert one.left() == 20
    assert one.left() == 20


def test_what_a_stage_took_is_known_the_next_time(cache: Path, clock: list[float]) -> None:
    with display.whole("cluster"), display.stage("cluster"):
        clock[0] += 44
    assert estimate.usual()["cluster"] == 44
    assert json.loads((cache / "stages.json").read_text())["cluster"] == 44
    (cache / "stages.json").write_text("[half a file")
    assert estimate.usual() == estimate.USUAL


def test_a_failed_stage_teaches_nothing(clock: list[float]) -> None:
    def fails() -> None:
        with display.whole("cluster"), display.stage("cluster"):
            clock[0] += 44
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fails()
    assert estimate.usual() == estimate.USUAL


def test_without_a_terminal_there_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimate, "USUAL", {"cluster": 100.0})
    monkeypatch.setattr(display, "PLAIN_SECONDS", 0.3)
    monkeypatch.setattr(display, "TICK_SECONDS", 0.05)
    with display.whole("cluster"), display.stage("cluster"), progress("work") as line:
        line.update("3 of 4")
        say("a word")
        time.sleep(0.5)
    assert capsys.readouterr().out.splitlines()[:2] == ["a word", "  0:00, about 1:39 left: cluster (3 of 4)"]


def test_on_a_terminal_lines_rewrite_themselves_below_what_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    terminal = Console(file=out, force_terminal=True, width=60, highlight=False)
    monkeypatch.setattr("rich.console.Console", lambda **_: terminal)
    monkeypatch.setattr(estimate, "USUAL", {"cluster": 100.0})
    with display.whole("cluster"), display.stage("cluster"), progress("work") as line:
        line.update("3 of 4")
        display.current().refresh()
    assert "cluster  0:00  3 of 4" in out.getvalue()
    assert "0:00, about 1:" in out.getvalue()


def test_a_run_within_a_run_has_no_display_of_its_own() -> None:
    with display.whole("images", "cluster"):
        outer = display.current()
        with display.whole("cluster"), display.stage("cluster"):
            assert display.current() is outer
            with display.stage("images"):
                assert outer.busy
    with pytest.raises(RuntimeError, match="no run has begun"):
        display.current()
