"""How many students fit, by what stacks were measured to use."""

from __future__ import annotations

from dataclasses import replace

from streamlab import capacity
from streamlab.topology import Student


def test_what_a_class_uses_is_idle_memory_and_those_at_work(student: Student) -> None:
    small = replace(student, name="bob", yarn_memory_mb=1000)
    both = capacity.RESERVE_MB + 2 * student.idle_mb
    assert capacity.needed_mb([small, student]) == both + 4000
    assert capacity.needed_mb([small, student], at_work=2) == both + 5000
    assert capacity.needed_mb([small, student], at_work=0) == both


def test_as_many_fit_as_are_not_refused(student: Student) -> None:
    for machine_mb in (5394, 5395, 5766, 24000):
        room = capacity.room_for(student, machine_mb)
        assert room == 0 or capacity.needed_mb([student] * room) <= machine_mb
        assert capacity.needed_mb([student] * (room + 1)) > machine_mb
    assert capacity.room_for(student, 1000) == 0
