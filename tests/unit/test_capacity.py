"""How many students fit, by what stacks were measured to use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from streamlab import capacity
from streamlab.errors import WrongRequest
from streamlab.inventory import Lab
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


def test_as_many_work_at_once_as_cores_and_memory_allow(student: Student) -> None:
    both = capacity.RESERVE_MB + 2 * student.idle_mb
    assert capacity.at_work([student] * 2, both + 8000, cores=4) == 2
    assert capacity.at_work([student] * 2, both + 7999, cores=4) == 1
    assert capacity.at_work([student] * 8, 10**6, cores=4) == 4
    assert capacity.at_work([student] * 2, 1, cores=4) == 1


def test_the_stacks_of_those_who_do_not_work_count_as_well(student: Student, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def connect(docker_host: str) -> Iterator[Any]:
        if docker_host.startswith("ssh://"):
            raise WrongRequest(f"no Docker Engine answers at {docker_host}")
        yield SimpleNamespace(info=lambda: {"MemTotal": machine_mb * 2**20, "NCPU": 8})

    monkeypatch.setattr(capacity.engine, "connect", connect)
    remote = replace(student, name="eve", docker_host="ssh://lab@second")
    lab = Lab(Path("class.yml"), (student, replace(student, name="bob"), remote))
    machine_mb = capacity.RESERVE_MB + 2 * student.idle_mb + 8000
    assert capacity.at_once(lab, student.docker_host) == 2
    machine_mb -= 1
    assert capacity.at_once(lab, student.docker_host) == 1
    assert capacity.at_once(lab, remote.docker_host) == 1
