"""An exercise in Flink's SQL: what runs of a script with gaps, and what is said of each gap when it has ended."""

from __future__ import annotations

import json
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from common import flink, script_gaps
from common.checks import Assertion, equal
from common.exercise import ScriptExercise
from common.settings import LabInfo, Settings
from handed_in import solutions
from streamlab.lessons import exercise

INFO = LabInfo(student="ada", kafka="kafka1:9092", cassandra=(), webhdfs="w", hdfs="hdfs://n:8020", yarn="y")
SETTINGS = Settings(info=INFO, lesson="my09", step="exercise", topics=("my09-a", "my09-b"), exercise="lesson09")
TOPICS = ("seen", "tumbling", "sliding", "joined", "late")
RIGHT = solutions("lesson09")


def split(filled: dict[int, str]) -> tuple[str, dict[int, str]]:
    program = exercise.with_gaps(exercise.text_of_program("lesson09"), filled)
    text, states = script_gaps.split(program, SETTINGS, partial(flink.filled_in, settings=SETTINGS))
    return text, {number: state["state"] for number, state in states.items()}


def test_a_full_script_runs_whole() -> None:
    text, states = split(RIGHT)
    assert states == dict.fromkeys(range(1, 6), "runs")
    assert "${" not in text
    assert text.count("INSERT INTO") == 6


def test_what_is_open_is_left_out_with_what_needs_it() -> None:
    assert split({number: RIGHT[number] for number in (2, 3, 4, 5)})[1] == {1: "open"} | dict.fromkeys(
        range(2, 6), "waits"
    )
    text, states = split({number: RIGHT[number] for number in (1, 3, 4)})
    assert states == {1: "runs", 2: "open", 3: "runs", 4: "waits", 5: "open"}
    assert [name for name in TOPICS if f"INSERT INTO {name}" in text] == ["seen", "sliding"]


def test_with_every_gap_open_the_example_still_runs() -> None:
    text, states = split({})
    assert states == dict.fromkeys(range(1, 6), "open")
    assert text.count("INSERT INTO") == 1


@pytest.mark.parametrize("lines", ["-- later: INSERT INTO x", "/* not\nyet; */", "\n\n"])
def test_comments_do_not_fill_a_gap(lines: str) -> None:
    assert split(RIGHT | {3: lines})[1][3] == "open"


@pytest.mark.parametrize("lines", ["SELECT ';' -- so;", "SELECT '--' /* so; */"])
def test_a_semicolon_that_is_missing_is_added(lines: str) -> None:
    assert f"{lines}\n;\n" in split({1: RIGHT[1], 3: lines})[0]
    assert "\n;\n" not in split({1: RIGHT[1], 3: "SELECT 1; -- so"})[0]


def test_a_setting_that_there_is_not_is_its_gap_s_failure() -> None:
    assert split(RIGHT | {2: "SELECT '${topic.order}';"})[1] == {
        1: "runs",
        2: "failed",
        3: "runs",
        4: "waits",
        5: "runs",
    }


def test_a_gap_whose_lines_are_gone_is_named() -> None:
    program = exercise.with_gaps(exercise.text_of_program("lesson09"), RIGHT).replace("-- END GAP 3\n", "")
    _, states = script_gaps.split(program, SETTINGS, lambda text: text)
    assert states[3]["words"] == "the lines `-- BEGIN GAP 3` and `-- END GAP 3` are missing"


def judged(status: str, *, answered: tuple[str, ...] = (), open_: tuple[int, ...] = ()) -> list[tuple[Any, bool]]:
    """What is found of each gap of a script that ended so, and whether it is pending."""
    states = {number: {"state": "open" if number in open_ else "runs", "words": "it is open"} for number in range(1, 6)}
    lab: Any = SimpleNamespace(
        info=INFO,
        settings=Settings(info=INFO, lesson="my09", topics=tuple(f"my09-{one}" for one in TOPICS), exercise="lesson09"),
        hdfs=SimpleNamespace(read_text=lambda path: json.dumps(states)),
        kafka=SimpleNamespace(consume_all=lambda topic: [topic] * (topic.partition("-")[2] in answered)),
        yarn=SimpleNamespace(latest=lambda name: SimpleNamespace(name=name, final_status=status)),
    )
    work = ScriptExercise(lab, TOPICS)

    def right() -> list[Assertion]:
        return [equal("n", 1, lambda: 1, "here")]

    found = [one for number in range(1, 6) for one in work.gap(number, right)]
    assert {one.where for one in found} <= {"here", "my09/exercise.sql"}
    return [(one.found, one.pending) for one in found]


def test_gaps_of_a_script_that_came_to_its_end_are_looked_at() -> None:
    right, open_ = (1, False), ("none: it is open", True)
    assert judged("SUCCEEDED", open_=(3,)) == [right, right, open_, right, right]


def test_the_first_statement_that_left_nothing_is_the_one_that_failed() -> None:
    failed = ("none: the script has failed here: invoke why --job my09", False)
    after = ("none: the script failed before it came here", True)
    assert judged("FAILED", answered=("seen", "sliding"), open_=(2,)) == [
        (1, False), ("none: it is open", True), (1, False), failed, after
    ]  # fmt: skip


def test_a_script_that_still_runs_is_no_failure() -> None:
    assert judged("UNDEFINED") == [("none: it is at work", True)] * 5
