"""Each lesson's exercise on a real stack: the solution passes, open gaps do not, a wrong answer fails at its gap.

Wrong answers that students plausibly give are in `wrong/LESSON.py`, two for each gap at least.
"""

from __future__ import annotations

import re
import subprocess
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from lab_runner import ROOT, LabRunner, Ran
from streamlab.lessons import exercise
from streamlab.lessons.jobs import known_exercises
from streamlab.paths import JOBS

EXERCISES = known_exercises()
GAP = re.compile(r"gap (\d+), ")


def source(lesson: str) -> str:
    return (JOBS / lesson / "exercise.py").read_text(encoding="utf-8")


def wrong_answers(lesson: str) -> dict[int, list[str]]:
    """The lines to put into a gap, by the gap's number.

    In the file an answer is either all lines, or what differs from the solution: the right lines and the wrong ones.
    """
    spec = spec_from_file_location(f"wrong_{lesson}", Path(__file__).with_name("wrong") / f"{lesson}.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    right = exercise.solutions(source(lesson))
    return {number: [spelled_out(one, right[number]) for one in several] for number, several in module.WRONG.items()}


def spelled_out(answer: str | tuple[str, str], solution: str) -> str:
    if isinstance(answer, str):
        return answer
    before, after = answer
    assert solution.count(before) == 1, answer
    return solution.replace(before, after)


def answers() -> list[Any]:
    return [
        pytest.param(lesson, number, lines, id=f"{lesson}-gap{number}-{place}")
        for lesson in EXERCISES
        for number, several in wrong_answers(lesson).items()
        for place, lines in enumerate(several, start=1)
    ]


class Work:
    """A student's folder of one lesson's exercise, submitted and checked."""

    def __init__(self, lab: LabRunner, folder: Path) -> None:
        self.lab = lab
        self.folder = folder

    def submit(self, lesson: str, program: str) -> tuple[Ran, list[dict[str, Any]]]:
        """Run a program in the place of the lesson's; what submit printed, and the check's assertions."""
        target = self.folder / f"my{lesson.removeprefix('lesson')}"
        target.mkdir(exist_ok=True)
        for name, text in exercise.files(lesson, target.name, program).items():
            (target / name).write_text(text, encoding="utf-8")
        ran = self.lab.run("submit", "--job", str(target))
        return ran, self.lab.check(str(target))["assertions"]


@pytest.fixture(scope="module")
def work(lab: LabRunner, tmp_path_factory: pytest.TempPathFactory) -> Work:
    return Work(lab, tmp_path_factory.mktemp("exercises"))


def by_gap(assertions: list[dict[str, Any]]) -> dict[int, bool]:
    """Whether all that is said of a gap holds, by its number."""
    right: dict[int, bool] = {}
    for one in assertions:
        number = int(GAP.match(one["name"])[1])
        right[number] = right.get(number, True) and one["passed"]
    return right


@pytest.mark.parametrize("lesson", EXERCISES)
def test_there_are_two_wrong_answers_for_each_gap(lesson: str) -> None:
    gaps = exercise.solutions(source(lesson))
    wrong = wrong_answers(lesson)
    assert sorted(wrong) == sorted(gaps)
    assert all(len(set(several)) >= 2 for several in wrong.values())


@pytest.mark.parametrize("lesson", EXERCISES)
def test_the_solution_is_right(work: Work, lesson: str) -> None:
    program = exercise.with_gaps(source(lesson), exercise.solutions(source(lesson)))
    ran, assertions = work.submit(lesson, program)
    assert ran.code == 0, ran.out + ran.err
    assert [one for one in assertions if not one["passed"]] == []
    assert sorted(by_gap(assertions)) == sorted(exercise.solutions(source(lesson)))


@pytest.mark.parametrize("lesson", EXERCISES)
def test_open_gaps_pass_nowhere_and_crash_nowhere(work: Work, lesson: str) -> None:
    ran, assertions = work.submit(lesson, exercise.with_gaps(source(lesson)))
    assert ran.code == 0, ran.out + ran.err
    assert "  | gap 1: it is open\n" in ran.out
    assert "Traceback" not in ran.out + ran.err
    assert by_gap(assertions) == dict.fromkeys(exercise.solutions(source(lesson)), False)


@pytest.mark.parametrize(("lesson", "number", "lines"), answers())
def test_a_wrong_answer_fails_at_its_gap(work: Work, lesson: str, number: int, lines: str) -> None:
    right = exercise.solutions(source(lesson))
    ran, assertions = work.submit(lesson, exercise.with_gaps(source(lesson), right | {number: lines}))
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
    right = exercise.solutions(source("lesson04"))
    filled = exercise.with_gaps(source("lesson04"), {1: right[1], 2: right[2].replace("data.*", "dat.*")})
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
