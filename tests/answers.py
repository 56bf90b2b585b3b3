"""Answers to exercises for tests: wrong ones that students plausibly give, a way to run them, and what a check says."""

from __future__ import annotations

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from handed_in import solutions
from lab_runner import LabRunner, Ran
from streamlab.lessons import exercise

WRONG = Path(__file__).with_name("exercises") / "wrong"
GAP = re.compile(r"gap (\d+), ")


def wrong_answers(lesson: str) -> dict[int, list[str]]:
    """The lines to put into a gap, by the gap's number.

    In the file an answer is either all lines, or what differs from the solution: the right lines and the wrong ones.
    """
    spec = spec_from_file_location(f"wrong_{lesson}", WRONG / f"{lesson}.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    right = solutions(lesson)
    return {number: [spelled_out(one, right[number]) for one in several] for number, several in module.WRONG.items()}


def spelled_out(answer: str | tuple[str, str], solution: str) -> str:
    if isinstance(answer, str):
        return answer
    before, after = answer
    assert solution.count(before) == 1, answer
    return solution.replace(before, after)


def by_gap(assertions: list[dict[str, Any]]) -> dict[int, bool]:
    """Whether all that is said of a gap holds, by its number."""
    right: dict[int, bool] = {}
    for one in assertions:
        number = int(GAP.match(one["name"])[1])
        right[number] = right.get(number, True) and one["passed"]
    return right


class Work:
    """A student's folder of one lesson's exercise, submitted and checked."""

    def __init__(self, lab: LabRunner, folder: Path) -> None:
        self.lab = lab
        self.folder = folder

    def submit(self, lesson: str, filled: dict[int, str] | None = None) -> tuple[Ran, list[dict[str, Any]]]:
        """Run the program with these gaps filled in; what submit printed, and the check's assertions."""
        target = self.folder / f"my{lesson.removeprefix('lesson')}"
        target.mkdir(exist_ok=True)
        program = exercise.with_gaps(exercise.text_of_program(lesson), filled)
        for name, text in exercise.files(lesson, target.name, program).items():
            (target / name).write_text(text, encoding="utf-8")
        ran = self.lab.run("submit", "--job", str(target))
        return ran, self.lab.check(str(target))["assertions"]
