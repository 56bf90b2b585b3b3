"""Each lesson's exercise on a real stack: the solution passes, open gaps do not, a wrong answer fails at its gap.

Wrong answers that students plausibly give are in `wrong/LESSON.py`, two for each gap at least.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from answers import Work, by_gap, wrong_answers
from handed_in import solutions
from lab_runner import ROOT, LabRunner
from streamlab.lessons import exercise
from streamlab.lessons.jobs import known_exercises

#: The exercises that need no optional service; the others are tested with those, in tests/services.
EXERCISES = [lesson for lesson in known_exercises() if "services" not in exercise.load(lesson)]


def wrong_ones() -> list[Any]:
    return [
        pytest.param(lesson, number, lines, id=f"{lesson}-gap{number}-{place}")
        for lesson in EXERCISES
        for number, several in wrong_answers(lesson).items()
        for place, lines in enumerate(several, start=1)
    ]


@pytest.fixture(scope="module")
def work(lab: LabRunner, tmp_path_factory: pytest.TempPathFactory) -> Work:
    return Work(lab, tmp_path_factory.mktemp("exercises"))


@pytest.mark.parametrize("lesson", known_exercises())
def test_there_are_two_wrong_answers_for_each_gap(lesson: str) -> None:
    wrong = wrong_answers(lesson)
    assert sorted(wrong) == sorted(solutions(lesson))
    assert all(len(set(several)) >= 2 for several in wrong.values())


@pytest.mark.parametrize("lesson", EXERCISES)
def test_the_solution_is_right(work: Work, lesson: str) -> None:
    ran, assertions = work.submit(lesson, solutions(lesson))
    assert ran.code == 0, ran.out + ran.err
    assert [one for one in assertions if not one["passed"]] == []
    assert sorted(by_gap(assertions)) == sorted(solutions(lesson))


@pytest.mark.parametrize("lesson", EXERCISES)
def test_open_gaps_pass_nowhere_and_crash_nowhere(work: Work, lesson: str) -> None:
    ran, assertions = work.submit(lesson)
    assert ran.code == 0, ran.out + ran.err
    assert "  | gap 1: it is open\n" in ran.out
    assert "Traceback" not in ran.out + ran.err
    assert by_gap(assertions) == dict.fromkeys(solutions(lesson), False)


@pytest.mark.parametrize(("lesson", "number", "lines"), wrong_ones())
def test_a_wrong_answer_fails_at_its_gap(work: Work, lesson: str, number: int, lines: str) -> None:
    ran, assertions = work.submit(lesson, solutions(lesson) | {number: lines})
    first = next(one for one in assertions if not one["passed"])
    assert first["name"].startswith(f"gap {number}, "), (first, ran.out + ran.err)
    assert first["help"]


def test_a_student_goes_from_gap_to_gap(lab: LabRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the commands and messages alone, as a student meets them."""
    command = [str(ROOT / "lab"), "exercise", "--job", "lesson04", "--to", str(tmp_path)]
    made = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert "my04: the exercise of lesson04, with 5 gaps in exercise.py\n" in made
    job = str(tmp_path / "my04")
    lab("reset", "--yes", "--job", job)  # the tests above have run a job of this name
    before = lab.run("check", "--job", job)
    assert before.code == 1
    assert (
        "gap 1, read the topic: outcome: expected one, found none: it has not run: invoke submit --job my04"
        in before.out
    )
    program = tmp_path / "my04" / "exercise.py"
    right = solutions("lesson04")
    answers = {1: right[1], 2: right[2].replace("data.*", "dat.*")}
    filled = exercise.with_gaps(exercise.text_of_program("lesson04"), answers)
    program.write_text(exercise.files("lesson04", "my04", filled)["exercise.py"], encoding="utf-8")
    ran = lab.run("submit", "--job", job)
    assert ran.code == 1
    assert "  | gap 1: it ran\n" in ran.out
    assert re.search(r"\| gap 2: AnalysisException: ", ran.out), ran.out
    found = lab.run("check", "--job", job).out
    assert "  ok    gap 1, read the topic: records from the topic's beginning: 1000\n" in found
    assert "WRONG gap 2, read the JSON: outcome: expected one, found none: AnalysisException: " in found
    assert "        read lesson04's README" in found
    lab("reset", "--yes", "--job", job)
