"""Points for what a check found of each gap. Pure.

Without points in the lesson's exercise.yml every gap has the same. A gap has all of its points or none, unless they are
a list: then each assertion has its own, in the order of the check.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from streamlab.errors import LabError
from streamlab.lessons import exercise

Assertions = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Gap:
    """What one gap has brought.

    Args:
        wrong: the assertions about it that do not hold.
    """

    number: int
    points: int
    most: int
    wrong: Assertions


def of(lesson: str, assertions: Assertions) -> list[Gap]:
    """The points of every gap of a lesson's exercise.

    Raises:
        LabError: exercise.yml has points for more or fewer assertions than there are.
    """
    gaps = exercise.load(lesson)["gaps"]
    return [
        _gap(lesson, number, gap.get("points", 1), [one for one in assertions if one["gap"] == number])
        for number, gap in enumerate(gaps, start=1)
    ]


def _gap(lesson: str, number: int, points: int | list[int], found: Assertions) -> Gap:
    wrong = [one for one in found if not one["passed"]]
    most = sum(points) if isinstance(points, list) else points
    if not found:
        raise LabError(
            f"{lesson}: the check says nothing of gap {number}",
            evidence="its result has no assertion about it",
            fix="invoke grade --again, after exercise_check.py and exercise.yml name the same gaps",
        )
    if not wrong:
        got = most
    elif isinstance(points, int) or len(found) == 1:  # one: there is no outcome that could be looked at
        got = 0
    elif len(found) != len(points):
        raise LabError(
            f"{lesson}: gap {number} has points for {len(points)} assertions, and its check has {len(found)}",
            evidence=f"points: {points}",
            fix=f"correct the points of gap {number} in jobs/{lesson}/exercise.yml",
        )
    else:
        got = sum(one for one, assertion in zip(points, found, strict=True) if assertion["passed"])
    return Gap(number, got, most, wrong)


def percent(gaps: Sequence[Gap]) -> float:
    """Points of 100, to two decimals."""
    return round(100 * sum(gap.points for gap in gaps) / sum(gap.most for gap in gaps), 2)
