"""Each gap of an exercise is judged by what it leaves, and by the gaps that it needs."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from common.checks import Assertion, equal
from common.errors import Missing
from common.exercise import Exercise
from common.settings import LabInfo, Settings
from streamlab.students.student import Student
from streamlab.work import seat

HOME = "/user/student/my04"

STATES = {
    "1": {"state": "done", "words": "it ran", "columns": [["n", "int"]]},
    "2": {"state": "open", "words": "it is open"},
    "3": {"state": "done", "words": "it ran", "value": 5},
    "4": {"state": "failed", "words": "ValueError: no"},
    "5": {"state": "done", "words": "it ran"},
}


class Files:
    """HDFS as a dictionary."""

    def __init__(self, files: dict[str, str]) -> None:
        self.files = files

    def read_text(self, path: str) -> str:
        if path not in self.files:
            raise Missing(f"no such file: {path}")
        return self.files[path]

    def exists(self, path: str) -> bool:
        return any(name.startswith(path) for name in self.files)

    def walk(self, folder: str) -> list[SimpleNamespace]:
        return [SimpleNamespace(path=path) for path in self.files if path.startswith(f"{folder}/")]


def judged(files: dict[str, str], language: str = "en") -> Exercise:
    addresses = ("kafka1:9092", ("cassandra1",), "http://namenode:9870", "hdfs://namenode:8020", "http://rm")
    info = LabInfo("ada", *addresses, language=language)
    settings = Settings(info=info, lesson="my04", exercise="lesson04")
    lab: Any = SimpleNamespace(settings=settings, hdfs=Files(files))
    return Exercise(lab)


def right() -> list[Assertion]:
    return [equal("n", 1, lambda: 1, "here")]


def wrong() -> list[Assertion]:
    return [equal("n", 1, lambda: 2, "here"), equal("m", 1, lambda: 1, "there")]


def test_each_gap_is_judged_by_itself_and_by_what_it_needs() -> None:
    work = judged({f"{HOME}/out/gaps.json": json.dumps(STATES)})
    found = [
        *work.gap(1, wrong), *work.gap(2, right), *work.gap(3, right, needs=[]), *work.gap(4, right),
        *work.gap(5, right, needs=[3]),
    ]  # fmt: skip
    assert [(one.name, one.passed, one.found) for one in found] == [
        ("gap 1, read the topic: n", False, 2),
        ("gap 1, read the topic: m", True, 1),
        ("gap 2, read the JSON: outcome", False, "none: it is open"),
        ("gap 3, parquet files: n", True, 1),
        ("gap 4, JSON to a topic: outcome", False, "none: ValueError: no"),
        ("gap 5, foreachBatch: n", True, 1),
    ]
    assert [bool(one.help) for one in found] == [not one.passed for one in found]


def test_a_gap_waits_for_those_before_it_to_be_right() -> None:
    work = judged({f"{HOME}/out/gaps.json": json.dumps(STATES)})
    work.gap(1, wrong)
    failing, holding = work.gap(3, wrong)
    assert (failing.found, failing.passed, failing.pending) == ("2 (gap 1 comes first)", False, True)
    assert (holding.found, holding.passed, holding.pending) == (1, True, False)


def test_what_is_not_begun_is_pending_and_what_has_failed_is_wrong() -> None:
    states = STATES | {"6": {"state": "runs", "words": "the run was ended while it was at work"}}
    work = judged({f"{HOME}/out/gaps.json": json.dumps(states)})
    assert [work.gap(number, right, needs=[])[0].pending for number in (2, 4)] == [True, False]
    assert judged({}).gap(1, right)[0].pending


def test_an_exercise_that_has_not_run_says_what_to_type() -> None:
    (found,) = judged({}).gap(1, right)
    assert (found.passed, found.found) == (False, "none: it has not run: invoke submit --job my04")


def test_rows_are_those_that_a_stream_has_committed() -> None:
    files = {
        f"{HOME}/out/gap1/part-0.json": '{"n": 1}\n{"n": 2}\n',
        f"{HOME}/out/gap1/part-1.json": '{"n": 3}\n',
        f"{HOME}/out/gap1/_SUCCESS": "",
    }
    assert judged(files).rows(1) == [{"n": 1}, {"n": 2}, {"n": 3}]


def test_a_class_s_language_reaches_handout_exercise_and_check(student: Student) -> None:
    placed = seat.contents(replace(student, language="ru"))
    assert placed["jobs/lesson04/README.md"].decode().startswith("# Занятие 4")
    assert "Пропуск 1." in placed["jobs/lesson04/exercise.py"].decode()
    assert not [path for path in placed if path.endswith(".ru.md")]
    work = judged({f"{HOME}/out/gaps.json": json.dumps(STATES)}, language="ru")
    assert work.gap(1, right)[0].name == "пропуск 1, прочитать топик: n"
    (opened,) = work.gap(2, right)
    assert (opened.expected, opened.found) == ("есть", "нет: пропуск не заполнен")
