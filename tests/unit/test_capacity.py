"""How many students fit, by what stacks were measured to use."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from fake_engine import FakeEngine
from streamlab.errors import WrongRequest
from streamlab.lessons import jobs
from streamlab.paths import ANSIBLE
from streamlab.stacks import capacity
from streamlab.students.inventory import Lab
from streamlab.students.student import Student

WORK = capacity.asked_mb(capacity.largest())


def test_what_a_class_uses_is_idle_memory_and_those_at_work(student: Student) -> None:
    small = replace(student, name="bob", yarn_memory_mb=1000)
    both = capacity.RESERVE_MB + 2 * student.idle_mb
    assert capacity.needed_mb([small, student]) == both + WORK
    assert capacity.needed_mb([small, student], at_work=2) == both + WORK + 1000
    assert capacity.needed_mb([small, student], at_work=0) == both


def test_a_lesson_at_work_uses_what_its_preset_asks_of_yarn_whatever_else_that_has(student: Student) -> None:
    asked = {name: capacity.asked_mb(preset) for name, preset in jobs.presets().items()}
    assert (asked["tiny"], asked["ml"], max(asked.values())) == (1792, 3328, WORK)
    assert capacity.at_work_mb(replace(student, yarn_memory_mb=10**6)) == WORK
    assert capacity.at_work_mb(replace(student, yarn_memory_mb=1000)) == 1000


def test_yarn_s_step_is_the_role_s() -> None:
    defaults = yaml.safe_load((ANSIBLE / "roles" / "yarn" / "defaults" / "main.yml").read_text())
    assert defaults["yarn_allocation_step_mb"] == capacity.STEP_MB


def test_each_preset_says_how_many_can_work_at_once_and_in_which_lessons() -> None:
    rows = {row[0]: row[1:] for row in capacity.preset_rows(2 * 3328 + 1, 12)}
    assert set(rows) == set(jobs.presets())
    assert rows["ml"][:2] == ["3328 MB", "2 of 12"]
    assert rows["tiny"][:2] == ["1792 MB", "3 of 12"]
    assert "lesson08" in rows["ml"][2]
    assert capacity.preset_rows(-1, 12)[0][2] == "0 of 12"


@pytest.mark.parametrize(
    ("at_work", "students", "working"),
    [(0.33, 1, 1), (0.33, 3, 1), (0.33, 4, 2), (0.33, 300, 99), (1.0, 7, 7), (1, 7, 1), (10, 7, 7), (10, 30, 10)],
)
def test_a_share_or_a_number_is_at_work_and_at_least_one(
    student: Student, at_work: float, students: int, working: int
) -> None:
    assert capacity.working([replace(student, at_work=at_work)] * students) == working


def test_groups_with_another_share_count_for_their_own(student: Student) -> None:
    assert capacity.working([replace(student, at_work=0.5)] * 4 + [replace(student, at_work=1)] * 6) == 3


@pytest.mark.parametrize("at_work", [0.33, 1.0, 2])
def test_as_many_fit_as_are_not_refused(student: Student, at_work: float) -> None:
    student = replace(student, at_work=at_work)
    for machine_mb in (5394, 5395, 5766, 24000, 100000):
        room = capacity.room_for(student, machine_mb)
        full, more = [student] * room, [student] * (room + 1)
        assert room == 0 or capacity.needed_mb(full, at_work=capacity.working(full)) <= machine_mb
        assert capacity.needed_mb(more, at_work=capacity.working(more)) > machine_mb
    assert capacity.room_for(student, 1000) == 0
    assert capacity.room_for(student, 100000, at_work=3) == (100000 - 1024 - 3 * WORK) // student.idle_mb


def test_as_many_work_at_once_as_cores_and_memory_allow(student: Student) -> None:
    both = capacity.RESERVE_MB + 2 * student.idle_mb
    assert capacity.at_work([student] * 2, both + 2 * WORK, cores=4) == 2
    assert capacity.at_work([student] * 2, both + 2 * WORK - 1, cores=4) == 1
    assert capacity.at_work([student] * 8, 10**6, cores=4) == 4
    assert capacity.at_work([student] * 2, 1, cores=4) == 1


def test_the_stacks_of_those_who_do_not_work_count_as_well(student: Student, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def connect(docker_host: str) -> Iterator[Any]:
        if docker_host.startswith("ssh://"):
            raise WrongRequest(f"no Docker Engine answers at {docker_host}")
        listed = [
            {"Labels": {"streamlab.class": "autumn", "streamlab.student": s, "streamlab.node": "edge"}} for s in zoe
        ]
        api = SimpleNamespace(containers=lambda *, filters: listed)
        yield SimpleNamespace(api=api, info=lambda: {"MemTotal": machine_mb * 2**20, "NCPU": 8})

    monkeypatch.setattr(capacity.engine, "connect", connect)
    remote = replace(student, name="eve", docker_host="ssh://lab@second")
    lab = Lab(Path("class.yml"), (student, replace(student, name="bob"), remote))
    machine_mb, zoe = capacity.RESERVE_MB + 2 * student.idle_mb + 2 * WORK, []
    assert capacity.at_once(lab, student.docker_host) == 2
    zoe = ["zoe"]  # another class's stack, which somebody works in
    assert capacity.at_once(lab, student.docker_host) == 1
    machine_mb, zoe = machine_mb - 1, []
    assert capacity.at_once(lab, student.docker_host) == 1
    assert capacity.at_once(lab, remote.docker_host) == 1


def test_stacks_for_grading_count_while_they_are_up_and_each_is_at_work(
    student: Student, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """bob's stack and zoe's are up too; grader02 is not."""
    engine = FakeEngine()
    monkeypatch.setattr(capacity.engine, "connect", engine.connect)
    monkeypatch.setattr(capacity.engine, "unreachable", lambda students: {})
    monkeypatch.setattr(capacity, "disk_for_stacks", lambda client, docker_host, students: None)
    monkeypatch.setattr(Lab, "sizes", lambda lab, docker_host: {"small": student})
    large = replace(student, name="grader01", grading=True, node_counts={**student.node_counts, "kafka": 3})
    graders = (large, replace(student, name="grader02", grading=True))
    lab = Lab(Path("class.yml"), (student, replace(student, name="bob")), graders=graders)

    def lines() -> list[str]:
        capacity.report(lab)
        return capsys.readouterr().out.splitlines()[:2]

    idle = 2 * student.idle_mb
    empty = capacity.RESERVE_MB + idle + WORK
    assert lines() == [
        f"{student.docker_host}: 2 students, 1 at work: {empty} of 1000000 MB, fits",
        f"memory: students {idle} + 1 at work {WORK} + the machine itself 1024 = {empty} MB",
    ]
    for one in (large, lab.students[1], replace(student, name="zoe", lab_class="autumn")):
        engine.add_stack(one)
    needed = capacity.RESERVE_MB + idle + large.idle_mb + student.idle_mb + 2 * WORK
    assert lines() == [
        f"{student.docker_host}: 2 students, 1 stack for grading that is up, 1 running beside them, 2 at work: "
        f"{needed} of 1000000 MB, fits",
        f"memory: students {idle} + stacks for grading that are up {large.idle_mb} + running beside them "
        f"{student.idle_mb} + 2 at work {2 * WORK} + the machine itself 1024 = {needed} MB",
    ]


def test_disk_for_stacks_is_what_is_free_less_the_reserve_and_what_others_may_still_write(
    student: Student, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What the stacks of the class use already is theirs, and counts with what is free."""
    engine = FakeEngine(folder=str(tmp_path))
    monkeypatch.setattr(capacity.disk.shutil, "disk_usage", lambda folder: SimpleNamespace(free=1000 << 20))
    ada = replace(student, disk_mb=100, disk_reserve_mb=300)

    def found() -> int | None:
        return capacity.disk_for_stacks(engine.client, ada.docker_host, [ada])

    assert found() == 700
    engine.sizes[engine.add("edge")] = 40 << 20
    assert found() == 740
    engine.sizes[engine.add("edge", student="zoe", lab_class="autumn")] = 90 << 20
    assert found() == 730
    engine.sizes[engine.add("edge", student="max", lab_class="autumn")] = (
        900 << 20
    )  # it is over, and has no more to come
    assert found() == 730
    assert capacity.disk_for_stacks(engine.client, "ssh://lab@second", [ada]) is None


def test_as_many_stacks_fit_as_may_all_use_their_allowance(student: Student) -> None:
    assert capacity.disk_room_for(replace(student, disk_mb=100), 799) == 7
    assert capacity.disk_room_for(replace(student, disk_mb=0), 799) == math.inf
    assert capacity.disk_room_for(replace(student, disk_mb=100), None) == math.inf
