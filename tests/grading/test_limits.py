"""Hand-ins that would never end or eat all memory, graded on a real stack: what is ended, and what their authors read.

The lesson's own limit of time is ten minutes; here it is shorter, and all else is as it is.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

import handed_in
from lab_runner import LabRunner, write_inventory
from streamlab.grading import grade
from streamlab.grading.store import Store
from streamlab.lessons import exercise
from streamlab.students import inventory

CLASS = "lablimits"
STUDENTS = {
    "ada": {"port_base": 27100, "subnet": "10.89.245.0/27"},
    "bob": {"port_base": 27200, "subnet": "10.89.245.32/27"},
    "grader01": {"port_base": 27300, "subnet": "10.89.245.64/27", "grading": True},
}
#: Seconds that a program may take.
LIMIT = 200
SLEEPS = "import time\ntime.sleep(10**6)\n"
EATS = "kept = []\nwhile True:\n    kept.append(b'x' * (16 << 20))\n"


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the hand-ins and their reports. Both authors have done gaps 1 to 3; the class reads Russian."""
    folder = tmp_path_factory.mktemp("limits")
    own = os.environ.get("STREAMLAB_TEST_INVENTORY")
    file = Path(own) if own else write_inventory(folder, CLASS, STUDENTS, language="ru")
    lab = inventory.load(file)
    store, right = Store(lab.graders[0].lab_class, str(folder)), handed_in.solutions()
    for student, program in zip(lab.students, (SLEEPS, EATS), strict=False):
        handed_in.keep(store, student.name, datetime.now(UTC), {**right, 4: program})
    LabRunner(str(file), "ada")("images", seconds=2400, student=False)
    load = exercise.load
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exercise, "load", lambda lesson: load(lesson) | {"timeout": LIMIT})
        grade.grade(lab, "lesson04", from_=str(folder))
    return store.folder / "lesson04"


def report_of(graded: Path, number: int) -> str:
    student = sorted(graded.iterdir())[number]
    (file,) = student.glob("*.report.md")
    return file.read_text(encoding="utf-8")


def test_a_program_that_never_ends_is_ended_and_keeps_what_it_had_done(graded: Path) -> None:
    text = report_of(graded, 0)
    assert "**60 из 100 баллов**" in text
    assert "Программа завершилась с ошибкой:\n" in text
    assert f"    it ran longer than its limit of {LIMIT} s, and was ended\n" in text
    assert (
        "  - найдено: `нет: запуск прерван, когда этот пропуск выполнялся" in text[text.index("## Пропуск 4: 0 из 1") :]
    )


def test_a_program_that_eats_all_memory_is_ended_and_keeps_what_it_had_done(graded: Path) -> None:
    text = report_of(graded, 1)
    assert "**60 из 100 баллов**" in text
    assert "    the driver used more memory than its container has, so YARN ended it: " in text
    assert "## Пропуск 4: 0 из 1" in text


def test_the_grading_stack_answers_after_both_and_is_gone(graded: Path) -> None:
    """No service was taken for silent, so both have a result."""
    assert len(list(graded.glob("*/*.result.json"))) == 2
