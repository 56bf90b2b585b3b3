"""How many students fit on a Docker host, based on measured memory use rather than on the sum of the limits.

A class of twelve uses only a fraction of the sum of its limits. The estimate adds up each stack's idle memory
(`node_idle_mb`) and, for the students who work at the same time (the inventory's `at_work`), the memory that the
largest preset requests from YARN.

Stacks of other classes on the same engine are estimated node by node with the same figures. Their limits are ten times
their use, and their current use does not predict the next hour: a class that is idle while another is provisioned would
be overcommitted by its first exercise, and one that works would be counted twice.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache

import docker

from streamlab.edge.room import rounded
from streamlab.engines import disk, engine
from streamlab.errors import WrongRequest
from streamlab.lessons import jobs
from streamlab.lessons.jobs import Preset
from streamlab.lessons.resources import containers
from streamlab.students.docker_hosts import by_docker_host, machine
from streamlab.students.inventory import Lab
from streamlab.students.services import all_kinds, kind_of
from streamlab.students.student import Student
from streamlab.ui import say, table

#: What the machine, its engine and the lab's own commands use (MB).
RESERVE_MB = 1024
#: The step (MB) in which YARN hands out memory: `yarn_allocation_step_mb` of the role yarn.
STEP_MB = 128


def asked_mb(preset: Preset) -> int:
    """Memory (MB) that an application with this preset requests from YARN, for driver and executors."""
    return sum(mb for mb, _ in rounded(containers(preset), STEP_MB))


@cache
def largest() -> Preset:
    """The preset that asks for the most memory."""
    return max(jobs.presets().values(), key=asked_mb)


def at_work_mb(student: Student) -> int:
    """Memory (MB) that a running lesson uses on top of the idle stack: its request to YARN, capped at YARN's total."""
    return min(student.yarn_total_mb, asked_mb(largest()))


def needed_mb(students: Sequence[Student], *, at_work: int = 1) -> int:
    """Memory (MB) that these stacks use while `at_work` of their students, the most demanding, run applications."""
    working = sorted((at_work_mb(student) for student in students), reverse=True)
    return RESERVE_MB + sum(student.idle_mb for student in students) + sum(working[:at_work])


def working(students: Iterable[Student]) -> int:
    """How many students on one machine work at the same time according to the inventory; at least one.

    Groups with different `at_work` values are counted separately. Every stack for grading that is up runs a hand-in.
    """
    groups = Counter(1.0 if student.grading else student.at_work for student in students)
    return max(1, sum(_part(share, count) for share, count in groups.items()))


def _part(at_work: int | float, count: int) -> int:
    return min(count, at_work) if isinstance(at_work, int) else math.ceil(round(count * at_work, 6))


def room_for(student: Student, machine_mb: int, *, at_work: int = 0) -> int:
    """How many stacks like this one fit on a machine; `at_work` of them (default: as in the inventory) work at once."""
    idle, work = student.idle_mb, at_work_mb(student)

    def needed(count: int) -> int:
        return RESERVE_MB + count * idle + (at_work or max(1, _part(student.at_work, count))) * work

    return bisect_right(range(1, max(1, machine_mb // idle) + 1), machine_mb, key=needed)


def running(client: docker.DockerClient, like: Student, known: Iterable[Student] = ()) -> list[Student]:
    """All students with a running container on this engine, of any class.

    Args:
        like: the student whose figures are used for the stacks of others.
        known: students of the inventory, who are counted with their own figures.
    """
    # Of a service that this inventory has no figures for, there is nothing to count with.
    countable = [kind for kind in all_kinds() if kind in like.node_memory_mb and kind in like.node_idle_mb]
    of_class = {(student.lab_class, student.name): student for student in known}
    labelled = {"label": ["streamlab.class", "streamlab.student", "streamlab.node"]}
    found: dict[tuple[str, str], Counter[str]] = {}
    for container in client.api.containers(filters=labelled):
        labels = container["Labels"]
        kinds = found.setdefault((labels["streamlab.class"], labels["streamlab.student"]), Counter())
        kinds[kind_of(labels["streamlab.node"])] += 1
    return [
        of_class.get(key)
        or replace(like, lab_class=key[0], name=key[1], node_counts={kind: kinds[kind] for kind in countable})
        for key, kinds in found.items()
    ]


def beside(client: docker.DockerClient, students: Sequence[Student], graders: Sequence[Student] = ()) -> list[Student]:
    """Those of `graders`, and students outside this inventory (of another class, or removed from it), who have running
    containers here."""
    mine = {(student.lab_class, student.name) for student in students}
    return [one for one in running(client, students[0], graders) if (one.lab_class, one.name) not in mine]


def at_work(students: Sequence[Student], machine_mb: int, cores: int) -> int:
    """How many of these students may run applications at the same time: one for each core, as far as memory lasts.

    At least one. A job begins with three JVMs that start: more jobs than cores only wait for one another.
    """
    numbers = range(1, min(cores, len(students)) + 1)
    return max((n for n in numbers if needed_mb(students, at_work=n) <= machine_mb), default=1)


def at_once(lab: Lab, docker_host: str) -> int:
    """How many students of one Docker host may run applications at the same time, beside the stacks of the others."""
    here = [student for student in lab.students if machine(student.docker_host) == machine(docker_host)]
    try:
        with engine.connect(docker_host) as client:
            found, others = client.info(), beside(client, here, lab.graders)
    except WrongRequest:
        return 1  # whoever works there next is told that nothing answers
    taken_mb = needed_mb(others, at_work=working(others)) - RESERVE_MB if others else 0
    return at_work(here, found["MemTotal"] // 2**20 - taken_mb, found["NCPU"])


def report(lab: Lab, *, at_work: int = 0) -> None:
    """Print, for every machine, what its students use, how many of each size it carries, and which lessons at once.

    Args:
        at_work: students of each machine who run applications at the same time; 0 is as many as the inventory says.

    Raises:
        LabError: a Docker host does not answer; the others were reported.
    """
    silent = engine.unreachable(lab.everybody)
    machines: dict[str, list[Student]] = {}
    for docker_host, stacks in by_docker_host(lab.everybody):
        if docker_host not in silent:
            machines.setdefault(machine(docker_host), []).extend(stacks)
    for stacks in machines.values():
        _report(lab, stacks, at_work=at_work)
    if silent:
        raise engine.not_reached(silent, lab.everybody)


def _report(lab: Lab, stacks: Sequence[Student], *, at_work: int) -> None:
    """One machine, whichever of its engines its students have. Of stacks for grading those count that are up."""
    students = [one for one in stacks if not one.grading]
    hosts = [docker_host for docker_host, _ in by_docker_host(stacks)]
    graders: list[Student] = []
    others: list[Student] = []
    disk_mb = None
    for docker_host in hosts:
        with engine.connect(docker_host) as client:
            machine_mb = client.info()["MemTotal"] // 2**20
            up = running(client, stacks[0], lab.everybody)
            graders += [one for one in up if one.grading]
            others += [one for one in up if one not in lab.everybody]
            disk_mb = disk_for_stacks(client, docker_host, [*students, *graders] or stacks)
    together = [*students, *graders, *others]
    busy = at_work + len(graders) if at_work else working(together)
    needed = needed_mb(together, at_work=busy)
    groups = {"students": students, "stacks for grading that are up": graders, "running beside them": others}
    counted = {what: group for what, group in groups.items() if group or what == "students"}
    count = ", ".join(f"{len(group)} {_one(what) if len(group) == 1 else what}" for what, group in counted.items())
    say(f"{', '.join(hosts)}: {count}, {busy} at work: {needed} of {machine_mb} MB, {_verdict(needed <= machine_mb)}")
    idle = [f"{what} {sum(one.idle_mb for one in group)}" for what, group in counted.items()]
    work = needed - needed_mb(together, at_work=0)
    say(f"memory: {' + '.join([*idle, f'{busy} at work {work}', f'the machine itself {RESERVE_MB}'])} = {needed} MB")
    if disk_mb is not None:
        allowed = sum(one.disk_mb for one in (*students, *graders))
        say(f"disk: they may use {allowed} MB, {disk_mb} MB are there for them, {_verdict(allowed <= disk_mb)}")
    sizes = {size: like for host in hosts for size, like in lab.sizes(host).items()}
    left = machine_mb - sum(one.idle_mb for one in (*graders, *others))
    rows = [
        [
            size,
            f"{like.idle_mb} MB",
            f"{at_work_mb(like)} MB",
            f"{like.disk_mb or 'no limit'}{' MB' if like.disk_mb else ''}",
            str(min(room_for(like, left, at_work=at_work), disk_room_for(like, disk_mb))),
        ]
        for size, like in sizes.items()
    ]
    say(table(["size", "idle", "at work, on top", "disk", "students that fit"], rows))
    left = machine_mb - needed_mb(together, at_work=0)
    say(table(["preset", "asks of YARN", "at once", "lessons"], preset_rows(left, len(students))))


def _one(what: str) -> str:
    return {"students": "student", "stacks for grading that are up": "stack for grading that is up"}.get(what, what)


def _verdict(fits: bool) -> str:
    return "fits" if fits else "DOES NOT FIT"


def disk_for_stacks(client: docker.DockerClient, docker_host: str, students: Sequence[Student]) -> int | None:
    """Disk (MB) that the stacks of these students may use together: what is free, less the reserve and what stacks of
    others may still write up to the same allowance, and what their own use already. None for another machine's disk.
    """
    room = disk.free_gb(client, docker_host)
    if room is None:
        return None
    mine = {(student.lab_class, student.name) for student in students}
    used = {key: sum(nodes.values()) // 2**20 for key, nodes in disk.stacks(client).items()}
    own_mb = sum(mb for key, mb in used.items() if key in mine)
    to_come_mb = sum(max(0, students[0].disk_mb - mb) for key, mb in used.items() if key not in mine)
    reserve_mb = max(student.disk_reserve_mb for student in students)
    return max(0, int(room[1] * 1e9) // 2**20 + own_mb - to_come_mb - reserve_mb)


def disk_room_for(student: Student, disk_mb: int | None) -> float:
    """How many stacks like this one may each use all of their allowance; infinite where that is not known."""
    return disk_mb // student.disk_mb if student.disk_mb and disk_mb is not None else math.inf


def preset_rows(left_mb: int, students: int) -> list[list[str]]:
    """Each preset: what it asks for, how many of the students can work with it at once, and in which lessons."""
    lessons = _lessons()
    return [
        [
            preset.name,
            f"{asked_mb(preset)} MB",
            f"{max(0, min(students, left_mb // asked_mb(preset)))} of {students}",
            ", ".join(lessons.get(preset.name, ["none"])),
        ]
        for preset in jobs.presets().values()
    ]


@cache
def _lessons() -> dict[str, list[str]]:
    """Preset -> the lessons with a step that uses it. All are read once, however many machines are reported."""
    lessons: dict[str, list[str]] = {}
    for name in jobs.known_jobs():
        for preset in sorted({step.preset for step in jobs.load(jobs.JOBS / name).steps}):
            lessons.setdefault(preset, []).append(name)
    return lessons
