"""Points of a lesson's gaps: all or none, and as many as its check has assertions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from streamlab.errors import WrongRequest
from streamlab.grading import points
from streamlab.lessons import exercise, jobs

GAPS = len(exercise.load("lesson04")["gaps"])


def assertions(*wrong: int) -> list[dict[str, Any]]:
    """What a check of lesson 4 may say: two assertions about each gap, of which the first is wrong in these gaps."""
    return [
        {
            "name": f"gap {gap}, title: {name}", "expected": "1", "found": "<b>`2`\x1b[1m", "where": "hdfs dfs -ls",
            "passed": not (name == "rows" and gap in wrong), "help": "the handout", "gap": gap,
        }
        for gap in range(1, GAPS + 1) for name in ("rows", "types")
    ]  # fmt: skip


def test_a_gap_has_all_its_points_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    found = points.of("lesson04", assertions(1, 4))
    assert [(gap.number, gap.points, len(gap.wrong)) for gap in found if gap.points < gap.most] == [
        (1, 0, 1),
        (4, 0, 1),
    ]
    described = exercise.load("lesson04")
    described["gaps"][0]["points"] = [3, 1]
    described["gaps"][1]["points"] = 4
    monkeypatch.setattr(points.exercise, "load", lambda lesson: described)
    found = points.of("lesson04", assertions(1))
    assert [(gap.points, gap.most) for gap in found] == [(1, 4), (4, 4), (1, 1), (1, 1), (1, 1)]
    assert points.percent(found) == round(100 * 8 / 11, 2)


def test_points_that_do_not_fit_the_check_are_an_error(monkeypatch: pytest.MonkeyPatch, error_of: Callable) -> None:
    described = exercise.load("lesson04")
    described["gaps"][0]["points"] = [3, 1, 1]
    monkeypatch.setattr(points.exercise, "load", lambda lesson: described)
    assert "points for 3 assertions, and its check has 2" in error_of(points.of, "lesson04", assertions(1))
    none = [one for one in assertions() if one["gap"] != 2]
    assert "says nothing of gap 2" in error_of(points.of, "lesson04", none)
    open_gap = [one for one in assertions(1) if (one["gap"], one["passed"]) != (1, True)]  # its outcome alone
    assert points.of("lesson04", open_gap)[0].points == 0


@pytest.mark.parametrize("wrong", [0, -1, [], [0, 0], [1, -1], "2", 1.5, True, {"rows": 1}])
def test_points_that_are_none_are_refused(wrong: Any, error_of: Callable, tmp_path: Path) -> None:
    file = tmp_path / "lesson09" / "exercise.yml"
    file.parent.mkdir()
    file.write_text("gaps: []\n", encoding="utf-8")
    with pytest.raises(WrongRequest) as caught:
        exercise._require_points(wrong, file)
    assert "a gap's points are" in str(caught.value)


@pytest.mark.parametrize("lesson", jobs.known_exercises())
def test_the_points_of_every_lesson_add_up(lesson: str) -> None:
    assert all(sum(p) if isinstance(p := gap.get("points", 1), list) else p for gap in exercise.load(lesson)["gaps"])
