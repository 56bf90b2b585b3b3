"""A graph of stages: order, side by side, what they say, and how all of them end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from streamlab import estimate, stages
from streamlab.errors import LabError, WrongRequest
from streamlab.paths import ROOT
from streamlab.stages import Stage
from streamlab.ui import progress, say


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(estimate, "CACHE", tmp_path)
    return tmp_path


def write(place: Path, name: str) -> None:
    with (place / "order").open("a", encoding="utf-8") as file:
        file.write(f"{name} ")


def test_each_begins_when_what_it_needs_is_done(tmp_path: Path) -> None:
    needs = {"last": ["left", "right"], "left": ["first"], "right": ["first", "done long ago"], "first": []}
    stages.run([Stage(name, partial(write, tmp_path, name), after) for name, after in needs.items()], at_once=2)
    order = (tmp_path / "order").read_text().split()
    assert (order[0], set(order[1:3]), order[3]) == ("first", {"left", "right"}, "last")


def meet(mine: Path, other: Path) -> None:
    mine.touch()
    ends = time.monotonic() + 20
    while not other.exists():
        assert time.monotonic() < ends, "the other one is not running"
        time.sleep(0.01)


def test_what_needs_nothing_of_each_other_runs_side_by_side(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    stages.run([Stage("a", partial(meet, a, b)), Stage("b", partial(meet, b, a))], at_once=2)


def test_no_more_than_are_allowed_run_at_once(tmp_path: Path) -> None:
    def alone() -> None:
        (tmp_path / "running").mkdir()  # fails where it is there
        time.sleep(0.05)
        (tmp_path / "running").rmdir()

    stages.run([Stage(name, alone) for name in "abc"], at_once=1)


def test_the_longest_way_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "USUAL", {"short": 5.0, "begin": 3.0, "long": 10.0})
    after = {"short": [], "begin": [], "long": ["begin"]}
    stages.run([Stage(name, partial(write, tmp_path, name), needs) for name, needs in after.items()], at_once=1)
    assert (tmp_path / "order").read_text().split() == ["begin", "long", "short"]


def test_what_a_stage_says_is_told(capsys: pytest.CaptureFixture) -> None:
    def work() -> None:
        with progress("work") as line:
            line.update("1 of 2")
        say("built")

    stages.run([Stage("work", work)], at_once=1)
    assert capsys.readouterr().out == "built\n"


def fail(error: Exception) -> None:
    raise error


def test_an_error_ends_what_runs_beside_it_and_begins_nothing(tmp_path: Path) -> None:
    def clean() -> None:
        (tmp_path / "began").touch()
        try:
            time.sleep(60)
        finally:
            (tmp_path / "cleaned").touch()

    def fails() -> None:
        while not (tmp_path / "began").exists():
            time.sleep(0.01)
        fail(WrongRequest("no such thing", evidence=["a", "b"], fix="another"))

    with pytest.raises(WrongRequest) as raised:
        stages.run(
            [Stage("beside", clean), Stage("bad", fails), Stage("later", partial(write, tmp_path, "x"), ["bad"])],
            at_once=2,
        )
    assert str(raised.value) == "error: no such thing\n  a\n  b\n  fix: another"
    assert (tmp_path / "cleaned").exists()
    assert not (tmp_path / "order").exists()


def test_a_defect_keeps_its_traceback() -> None:
    with pytest.raises(RuntimeError, match=r"in fail\n.*\n?.*ZeroDivisionError: of mine"):
        stages.run([Stage("bad", partial(fail, ZeroDivisionError("of mine")))], at_once=1)


def test_a_stage_that_is_killed_is_an_error() -> None:
    with pytest.raises(LabError, match="bad ended without an answer"):
        stages.run([Stage("bad", lambda: os.kill(os.getpid(), signal.SIGKILL))], at_once=1)


PROGRAM = """
import sys, time
from pathlib import Path
from streamlab import stages
place = Path(sys.argv[1])
def work(name):
    try:
        (place / name).touch()
        time.sleep(60)
    finally:
        time.sleep(0.3)
        (place / f"{name} cleaned").touch()
stages.run([stages.Stage(name, lambda name=name: work(name)) for name in ("a", "b")], at_once=2)
"""


@pytest.mark.parametrize("group", [True, False], ids=["the terminal's Ctrl-C", "the parent alone"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_and_its_kin_end_every_stage_once(tmp_path: Path, number: int, group: bool) -> None:
    command = ["env", "--default-signal=INT,HUP,TERM", sys.executable, "-c", PROGRAM, str(tmp_path)]
    env = {**os.environ, "STREAMLAB_CACHE": str(tmp_path / "cache")}
    with subprocess.Popen(command, cwd=ROOT, env=env, start_new_session=True, stderr=subprocess.PIPE) as process:
        ends = time.monotonic() + 20
        while not ((tmp_path / "a").exists() and (tmp_path / "b").exists()):
            assert time.monotonic() < ends
            time.sleep(0.02)
        time.sleep(0.1)
        (os.killpg if group else os.kill)(process.pid, number)
        process.wait(10)
    assert process.returncode != 0
    assert {path.name for path in tmp_path.glob("* cleaned")} == {"a cleaned", "b cleaned"}
