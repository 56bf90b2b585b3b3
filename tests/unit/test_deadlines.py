"""Which hand-in counts and what a late one loses; the file that says so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from streamlab.errors import WrongRequest
from streamlab.grading.deadlines import Deadline, counting, deadline_of
from streamlab.grading.store import HandIn

DUE = datetime(2026, 12, 1, 22, 59, tzinfo=UTC)
DEADLINE = Deadline(
    DUE, grace=timedelta(minutes=30), per_day=10, most=25, extensions={"eve": datetime(2026, 12, 3, 22, 59, tzinfo=UTC)}
)


def received(student: str, number: int = 1, **later: float) -> HandIn:
    return HandIn(student, "my04", "lesson04", number, DUE + timedelta(**later), "gateway", "0" * 64, 1)


@pytest.mark.parametrize(
    ("student", "later", "lost"),
    [
        ("ada", {"hours": -1}, 0),
        ("ada", {}, 0),
        ("ada", {"minutes": 30}, 0),
        ("ada", {"minutes": 30, "seconds": 1}, 10),
        ("ada", {"days": 1}, 10),
        ("ada", {"days": 1, "seconds": 1}, 20),
        ("ada", {"days": 40}, 25),
        ("eve", {"days": 1}, 0),
        ("eve", {"days": 2, "minutes": 29}, 0),
        ("eve", {"days": 2, "minutes": 31}, 10),
    ],
)
def test_a_day_that_has_begun_counts_from_the_deadline_and_grace_costs_nothing(
    student: str, later: dict[str, float], lost: int
) -> None:
    assert DEADLINE.deduction(received(student, **later)) == lost


def test_the_last_one_in_time_counts_else_the_last_of_all() -> None:
    ada = [received("ada", 1, hours=-2), received("ada", 2, minutes=5), received("ada", 3, days=1)]
    bob = [received("bob", 1, days=1), received("bob", 2, days=2)]
    same = [received("carl", 1), received("carl", 2)]
    chosen = counting([*reversed(ada), *bob, *same], DEADLINE)
    assert {name: one.number for name, one in chosen.items()} == {"ada": 2, "bob": 2, "carl": 2}
    assert counting(ada, None)["ada"].number == 3


def read(tmp_path: Path, text: str, **asked: str) -> Deadline | None:
    (tmp_path / "grading.yml").write_text(text, encoding="utf-8")
    students = ["ada", "eve"]
    return deadline_of("lesson04", asked.get("file"), tmp_path / "class.yml", lab_class="spring", students=students)


FILE = """\
class: spring
time_zone: Europe/Berlin
lessons:
  lesson04:
    deadline: 2026-12-01 23:59
    grace_minutes: 30
    deduction_per_day: 10
    most_deduction: 25
    extensions: {eve: 2026-12-03 23:59:00}
"""


def test_times_are_of_the_class_s_zone(tmp_path: Path) -> None:
    assert read(tmp_path, FILE) == DEADLINE
    assert read(tmp_path, FILE.replace("Europe/Berlin", "UTC")).at == DUE + timedelta(hours=1)
    summer = FILE.replace("2026-12-01 23:59\n", "2026-07-01 23:59\n")
    assert read(tmp_path, summer).at == datetime(2026, 7, 1, 21, 59, tzinfo=UTC)
    assert read(tmp_path, FILE.replace("2026-12-01 23:59\n", "2026-12-01T23:59:00+05:00\n")).at.hour == 18


def test_without_a_file_or_without_the_lesson_there_is_no_deadline(tmp_path: Path) -> None:
    inventory = tmp_path / "class.yml"
    assert deadline_of("lesson04", None, inventory, lab_class="spring", students=[]) is None
    assert read(tmp_path, FILE.replace("lesson04", "lesson05")) is None
    with pytest.raises(WrongRequest, match="no file"):
        deadline_of("lesson04", "none.yml", inventory, lab_class="spring", students=[])


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("class: spring", "class: autumn", "is of the class autumn"),
        ("time_zone: Europe/Berlin\n", "", "has no time_zone"),
        ("Europe/Berlin", "Europe/Nowhere", "'Europe/Nowhere' is not known"),
        ("Europe/Berlin", "../../etc/passwd", "is not known"),
        ("2026-12-01 23:59\n", "tomorrow\n", "'tomorrow', which is no time"),
        ("    deadline: 2026-12-01 23:59\n", "", "'None', which is no time"),
        ("2026-12-01 23:59\n", "2026-10-25 02:30\n", "show twice or never"),
        ("2026-12-01 23:59\n", "2026-03-29 02:30\n", "show twice or never"),
        ("grace_minutes", "grace", "unknown key 'grace'"),
        ("grace_minutes: 30", "grace_minutes: -1", "is -1"),
        ("deduction_per_day: 10", "deduction_per_day: 1.5", "is 1.5"),
        ("eve:", "evan:", "no student named 'evan'"),
    ],
)
def test_a_file_that_is_wrong_says_where(tmp_path: Path, old: str, new: str, why: str, error_of: Callable) -> None:
    assert old in FILE
    with pytest.raises(WrongRequest) as caught:
        read(tmp_path, FILE.replace(old, new))
    assert why in str(caught.value)
    assert "fix: " in str(caught.value)
