"""Errors in three parts, and what else people read on the terminal."""

from __future__ import annotations

import sys

import pytest

from streamlab import ui
from streamlab.errors import LabError, WrongRequest, unknown


def test_an_error_has_three_parts() -> None:
    error = LabError("the model is gone", evidence=["HDFS: no such file", "asked: /model"], fix="train it again")
    assert str(error) == (
        "error: the model is gone\n"
        "  HDFS: no such file\n"
        "  asked: /model\n"
        "  fix: train it again"
    )  # fmt: skip


def test_evidence_may_be_one_line_and_a_fix_may_be_unknown() -> None:
    assert str(LabError("it broke", evidence="exit status 3")) == "error: it broke\n  exit status 3"


def test_a_failure_exits_1_and_a_wrong_request_2() -> None:
    assert (LabError("a").exit_code, WrongRequest("a").exit_code) == (1, 2)


def test_an_unknown_name_is_answered_with_the_nearest_known_one() -> None:
    assert str(unknown("job", "lesson8", ["lesson08", "lesson01", "titanic"], usage="--job {}")) == (
        "error: no job named 'lesson8'\n"
        "  known: lesson01, lesson08, titanic\n"
        "  fix: did you mean --job lesson08?"
    )  # fmt: skip


def test_an_unknown_name_that_resembles_none_is_answered_with_all() -> None:
    error = unknown("preset", "xyzzy", ["tiny", "ml"])
    assert isinstance(error, WrongRequest)
    assert str(error) == "error: no preset named 'xyzzy'\n  known: ml, tiny\n  fix: choose a known preset"


def test_an_unknown_name_where_nothing_is_known() -> None:
    assert str(unknown("job", "a", [])) == "error: no job named 'a'\n  known: none\n  fix: choose a known job"


def test_a_table_is_left_aligned_and_ends_without_spaces() -> None:
    assert ui.table(["page", "address"], [["YARN", "here"], ["a longer one", ""]]) == (
        "page          address\n"
        "YARN          here\n"
        "a longer one"
    )  # fmt: skip


def test_progress_prints_at_most_a_line_every_ten_seconds_where_nobody_watches(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(ui.time, "monotonic", lambda: now)
    with ui.progress("building") as line:
        for now in (105.0, 110.0, 111.0, 121.0):
            line.update(f"at {now:.0f}")
    assert capsys.readouterr().out == "  building: at 110\n  building: at 121\n"


def test_nothing_that_a_terminal_acts_on_gets_through(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = "\x1b[2J\x1b]52;c;cm0gLXJm\x07red\x9b31m\r\u202egpj\tтак\nnext"
    harmless = "]52;c;cm0gLXJmred31mgpj\tтак\nnext"
    ui.say(hostile)
    assert capsys.readouterr().out == f"{harmless}\n"
    assert str(LabError(hostile, evidence=[hostile], fix=hostile)) == (
        f"error: {harmless}\n  {harmless}\n  fix: {harmless}"
    )
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with ui.progress("work") as line:
        line.update(hostile)
    assert capsys.readouterr().out == "\r\x1b[K  work: ]52;c;cm0gLXJmred31mgpj так next\r\x1b[K"


def test_who_listens_hears_plain_text_too_and_keeps_no_more_than_the_last_lines() -> None:
    with ui.captured_output() as said:
        for number in range(100_000):
            ui.say(f"\x1b[1m{number}")
    assert said[-1] == "99999"
    assert len(said) == 100


def test_nothing_is_destroyed_without_a_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    ui.confirm("remove all?", yes=True)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(WrongRequest, match="there is no terminal to confirm on"):
        ui.confirm("remove all?")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    answers = iter(["", "no", "y", "YES"])
    monkeypatch.setattr("builtins.input", lambda question: next(answers))
    for _ in range(2):
        with pytest.raises(WrongRequest, match="nothing was done"):
            ui.confirm("remove all?")
    ui.confirm("remove all?")
    ui.confirm("remove all?")
