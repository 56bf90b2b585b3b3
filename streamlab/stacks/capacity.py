"""How many students a Docker host carries: by what stacks were measured to use, not by the sum of what they may.

A limit is what a node is stopped at; a class of twelve uses a fraction of the sum of its limits. What is added up is
each stack's idle memory (`node_idle_mb`) and, for students at work at the same time, what the largest preset of the
lessons asks of YARN.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from streamlab.edge.room import rounded
from streamlab.engines import engine
from streamlab.errors import WrongRequest
from streamlab.lessons import jobs
from streamlab.lessons.jobs import Preset
from streamlab.lessons.resources import containers
from streamlab.paths import JOBS
from streamlab.students.docker_hosts import machine
from streamlab.students.inventory import Lab
from streamlab.students.topology import Student, by_docker_host
from streamlab.ui import say, table

#: What the machine, its engine and the lab's own commands use (MB).
RESERVE_MB = 1024
#: The step (MB) in which YARN hands out memory: `yarn_allocation_step_mb` of the role yarn.
STEP_MB = 128


def asked_mb(preset: Preset) -> int:
    """What an application with this preset asks of YARN (MB), driver and executors."""
    return sum(mb for mb, _ in rounded(containers(preset), STEP_MB))


@cache
def largest() -> Preset:
    """The preset that asks for the most memory."""
    return max(jobs.presets().values(), key=asked_mb)


def at_work_mb(student: Student) -> int:
    """What a lesson at work uses on top of the idle stack: what it asks of YARN, as far as that has so much."""
    return min(student.yarn_total_mb, asked_mb(largest()))


def needed_mb(students: Sequence[Student], *, at_work: int = 1) -> int:
    """Memory (MB) that these stacks use while `at_work` of their students, the most demanding, run applications."""
    working = sorted((at_work_mb(student) for student in students), reverse=True)
    return RESERVE_MB + sum(student.idle_mb for student in students) + sum(working[:at_work])


def room_for(student: Student, machine_mb: int, *, at_work: int = 1) -> int:
    """How many stacks like this one a machine carries."""
    left = machine_mb - RESERVE_MB - at_work * at_work_mb(student)
    return max(0, left // student.idle_mb)


def at_work(students: Sequence[Student], machine_mb: int, cores: int) -> int:
    """How many of these students may run applications at the same time: one for each core, as far as memory lasts.

    At least one. A job begins with three JVMs that start: more jobs than cores only wait for one another.
    """
    numbers = range(1, min(cores, len(students)) + 1)
    return max((n for n in numbers if needed_mb(students, at_work=n) <= machine_mb), default=1)


def at_once(lab: Lab, docker_host: str) -> int:
    """How many students of one Docker host may run applications at the same time, beside the stacks of the others."""
    try:
        with engine.connect(docker_host) as client:
            found = client.info()
    except WrongRequest:
        return 1  # whoever works there next is told that nothing answers
    here = [student for student in lab.students if machine(student.docker_host) == machine(docker_host)]
    return at_work(here, found["MemTotal"] // 2**20, found["NCPU"])


def report(lab: Lab, *, at_work: int) -> None:
    """Print, for every machine, what its students use, how many of each size it carries, and which lessons at once.

    Raises:
        LabError: a Docker host does not answer; the others were reported.
    """
    silent = engine.unreachable(lab.students)
    machines: dict[str, list[Student]] = {}
    for docker_host, students in by_docker_host(lab.students):
        if docker_host not in silent:
            machines.setdefault(machine(docker_host), []).extend(students)
    for students in machines.values():
        _report(lab, students, at_work=at_work)
    if silent:
        raise engine.not_reached(silent, lab.students)


def _report(lab: Lab, students: Sequence[Student], *, at_work: int) -> None:
    """One machine, whichever of its engines its students have."""
    hosts = [docker_host for docker_host, _ in by_docker_host(students)]
    with engine.connect(hosts[0]) as client:
        machine_mb = client.info()["MemTotal"] // 2**20
    needed = needed_mb(students, at_work=at_work)
    verdict = "fits" if needed <= machine_mb else "DOES NOT FIT"
    count = f"{len(students)} {'student' if len(students) == 1 else 'students'}"
    say(f"{', '.join(hosts)}: {count}, {at_work} at work: {needed} of {machine_mb} MB, {verdict}")
    sizes = {size: like for host in hosts for size, like in lab.sizes(host).items()}
    rows = [
        [size, f"{like.idle_mb} MB", f"{at_work_mb(like)} MB", str(room_for(like, machine_mb, at_work=at_work))]
        for size, like in sizes.items()
    ]
    say(table(["size", "idle", "at work, on top", "students that fit"], rows))
    left = machine_mb - needed_mb(students, at_work=0)
    say(table(["preset", "asks of YARN", "at once", "lessons"], preset_rows(left, len(students))))


def preset_rows(left_mb: int, students: int) -> list[list[str]]:
    """Each preset: what it asks for, how many of the students can work with it at once, and in which lessons."""
    lessons: dict[str, list[str]] = {}
    for name in jobs.known_jobs():
        for preset in sorted({step.preset for step in jobs.load(JOBS / name).steps}):
            lessons.setdefault(preset, []).append(name)
    return [
        [
            preset.name,
            f"{asked_mb(preset)} MB",
            f"{max(0, min(students, left_mb // asked_mb(preset)))} of {students}",
            ", ".join(lessons.get(preset.name, ["none"])),
        ]
        for preset in jobs.presets().values()
    ]
