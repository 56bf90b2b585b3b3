"""Deadlines of a class: which hand-in counts, and what is taken off for a late one. Pure but for the file that is read.

They are applied when a table is made: a changed deadline needs no new run, unless another hand-in counts by it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from streamlab.errors import WrongRequest, unknown
from streamlab.grading.store import HandIn
from streamlab.paths import typed
from streamlab.yamlfile import check_yaml, mapping_of, number_of, require_known, text_of, wrong_at

#: The file beside the inventory.
FILE = "grading.yml"
DAY = timedelta(days=1)
#: What a deadline may have.
_KEYS = {"deadline", "grace_minutes", "deduction_per_day", "most_deduction", "extensions"}


@dataclass(frozen=True)
class Deadline:
    """When one lesson's exercise is due.

    Args:
        at: with its time zone.
        grace: for so long after it nothing is taken off.
        per_day: points of 100 that are taken off for each day after the deadline that has begun.
        most: points of 100 that are taken off at most.
        extensions: student -> a later deadline of their own, with the same grace.
    """

    at: datetime
    grace: timedelta = timedelta()
    per_day: int = 0
    most: int = 100
    extensions: Mapping[str, datetime] = field(default_factory=dict)

    def of(self, student: str) -> datetime:
        return self.extensions.get(student, self.at)

    def is_late(self, hand_in: HandIn) -> bool:
        return hand_in.received_at > self.of(hand_in.student) + self.grace

    def deduction(self, hand_in: HandIn) -> int:
        """Points of 100 that are taken off."""
        if not self.is_late(hand_in):
            return 0
        days = math.ceil((hand_in.received_at - self.of(hand_in.student)) / DAY)
        return min(days * self.per_day, self.most)


def counting(hand_ins: Sequence[HandIn], deadline: Deadline | None) -> dict[str, HandIn]:
    """Student -> the hand-in that counts: the last one in time, else the last one of all."""
    chosen: dict[str, HandIn] = {}
    for one in sorted(hand_ins, key=lambda one: (one.received_at, one.number)):
        before = chosen.get(one.student)
        if before is None or deadline is None or not deadline.is_late(one) or deadline.is_late(before):
            chosen[one.student] = one
    return chosen


def deadline_of(
    lesson: str, file: str | None, inventory: Path, *, lab_class: str, students: Sequence[str]
) -> Deadline | None:
    """The deadline of a lesson's exercise; None where there is none.

    Args:
        file: as it was typed; none is `grading.yml` beside the inventory, if that is there.

    Raises:
        WrongRequest: the file is missing, another class's, or not as it should be.
    """
    place = typed(file) if file else inventory.parent / FILE
    if not place.is_file():
        if file:
            raise WrongRequest(f"no file {place}", evidence="it would name the deadlines", fix="see README, 'Grading'")
        return None
    found = mapping_of(check_yaml(place), place)
    require_known(found, {"class", "time_zone", "lessons"}, place)
    if text_of(found, "class", place) != lab_class:
        raise WrongRequest(
            f"{place} is of the class {found['class']}",
            evidence=f"the inventory's class is {lab_class}",
            fix="name the file of this class: --deadlines FILE",
        )
    zone = _zone(text_of(found, "time_zone", place), place)
    lessons = mapping_of(found.get("lessons") or {}, place, "lessons")
    return _deadline(lessons[lesson], zone, place, lesson, students) if lesson in lessons else None


def _deadline(values: Any, zone: tzinfo, file: Path, lesson: str, students: Sequence[str]) -> Deadline:
    at = ("lessons", lesson)
    values = mapping_of(values, file, *at)
    require_known(values, _KEYS, file, *at)
    numbers = {
        key: number_of({key: values.get(key, default)}, key, file, *at, at_least=0)
        for key, default in (("grace_minutes", 0), ("deduction_per_day", 0), ("most_deduction", 100))
    }
    extensions = mapping_of(values.get("extensions") or {}, file, *at, "extensions")
    for name in extensions:
        if name not in students:
            error = unknown("student", str(name), students)
            raise wrong_at(file, (*at, "extensions", str(name)), error.what, error.fix)
    return Deadline(
        at=_time(values.get("deadline"), zone, file, *at, "deadline"),
        grace=timedelta(minutes=numbers["grace_minutes"]),
        per_day=numbers["deduction_per_day"],
        most=min(numbers["most_deduction"], 100),
        extensions={name: _time(value, zone, file, *at, "extensions", name) for name, value in extensions.items()},
    )


def _zone(name: str, file: Path) -> tzinfo:
    if name == "UTC":
        return timezone.utc  # noqa: UP017, which is known to the machine that has no time zones, too
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        fix = "write one such as Europe/Berlin or UTC; where this machine knows none: apt-get install tzdata"
        raise wrong_at(file, ("time_zone",), f"time_zone {name!r:.60} is not known", fix) from None


def _time(value: Any, zone: tzinfo, file: Path, *at: str) -> datetime:
    """A time in the class's time zone, unless it has one of its own."""
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        fix = 'write it as "2026-12-01 23:59"'
        raise wrong_at(file, at, f"{'.'.join(at)} is {str(value)!r:.60}, which is no time", fix) from None
    if found.tzinfo is not None:
        return found.astimezone(UTC)
    both = [found.replace(tzinfo=zone, fold=fold) for fold in (0, 1)]
    if both[0].utcoffset() != both[1].utcoffset():
        what = f"{'.'.join(at)} is {found}, which the clocks of {zone} show twice or never"
        raise wrong_at(file, at, what, f'write it with its offset: "{found}+01:00"')
    return both[0].astimezone(UTC)
