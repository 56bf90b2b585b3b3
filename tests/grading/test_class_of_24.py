"""A class of 24 that has handed in, graded on two stacks: who has finished, who has left gaps open, whose program fails
and whose never ends.

How long it takes is printed (pytest's -rP shows it); nothing depends on it.
"""

from __future__ import annotations

import os
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

import handed_in
from lab_runner import LabRunner, write_inventory
from streamlab.grading import grade, points
from streamlab.grading.store import Store
from streamlab.lessons import exercise
from streamlab.students import inventory

CLASS = "labclass24"
GRADERS = ("grader01", "grader02")
#: Seconds that a program may take; a right one takes less than a minute.
LIMIT = 240
RIGHT = handed_in.solutions()
SLEEPS = "import time\ntime.sleep(10**6)\n"
FAILS = "raise RuntimeError('this is not how it is done')\n"


def without(gap: int) -> dict[int, str]:
    return {number: lines for number, lines in RIGHT.items() if number != gap}


#: What was handed in, and the points of 100 that it is worth. What comes after a source that is not read waits for it.
HANDED_IN = [
    *[(RIGHT, 100.0)] * 17,
    *[(without(gap), worth) for gap, worth in ((1, 0.0), (2, 20.0), (3, 80.0), (4, 80.0), (5, 80.0))],
    ({**RIGHT, 5: FAILS}, 80.0),
    ({**RIGHT, 4: SLEEPS}, 60.0),
]


def inventory_of(folder: Path) -> Path:
    """A class of 24 who have no stacks here, and the two that grade."""
    names = [*(f"student{at:02}" for at in range(1, len(HANDED_IN) + 1)), *GRADERS]
    students = {
        name: {"port_base": 28000 + 100 * at, "subnet": f"10.89.{246 + at // 8}.{32 * (at % 8)}/27"}
        | ({"grading": True} if name in GRADERS else {})
        for at, name in enumerate(names)
    }
    return write_inventory(folder, CLASS, students)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """Student -> points of 100."""
    folder = tmp_path_factory.mktemp("class24")
    own = os.environ.get("STREAMLAB_TEST_INVENTORY")
    file = Path(own) if own else inventory_of(folder)
    lab = inventory.load(file)
    store = Store(lab.graders[0].lab_class, str(folder))
    # The one that never ends comes first: it holds up nobody.
    for student, (filled, _) in zip(lab.students, reversed(HANDED_IN), strict=True):
        handed_in.keep(store, student.name, datetime.now(UTC), filled)
    LabRunner(str(file), lab.students[0].name)("images", seconds=2400, student=False)
    began, load = time.monotonic(), exercise.load
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exercise, "load", lambda lesson: load(lesson) | {"timeout": LIMIT})
        grade.grade(lab, "lesson04", from_=str(folder))
    results = [store.result(one, seed=grade.seed_of(store, one)) for one in store.hand_ins("lesson04")]
    seconds = [one["seconds"] for one in results if one]
    print(
        f"{len(seconds)} hand-ins graded in {time.monotonic() - began:.0f} s on {len(lab.graders)} stacks; "
        f"one took {statistics.median(seconds):.0f} s (median), {max(seconds):.0f} s at most, beside its stack"
    )
    return {one["student"]: points.percent(points.of("lesson04", one["assertions"])) for one in results if one}


def test_each_of_24_has_the_points_that_the_program_is_worth(found: dict[str, float]) -> None:
    assert list(found.values()) == [worth for _, worth in reversed(HANDED_IN)]
    assert len(found) == 24
