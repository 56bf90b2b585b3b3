"""How many students a Docker host carries: by what stacks were measured to use, not by the sum of what they may.

A limit is what a node is stopped at; a class of twelve uses a fraction of the sum of its limits. What is added up is
each stack's idle memory (`node_idle_mb`) and, for students at work at the same time, what YARN may hand out.
"""

from __future__ import annotations

from collections.abc import Sequence

from streamlab import engine
from streamlab.errors import WrongRequest
from streamlab.inventory import Lab
from streamlab.topology import Student, by_docker_host
from streamlab.ui import say, table

#: What the machine, its engine and the lab's own commands use (MB).
RESERVE_MB = 1024


def needed_mb(students: Sequence[Student], *, at_work: int = 1) -> int:
    """Memory (MB) that these stacks use while `at_work` of their students, the most demanding, run applications."""
    working = sorted((student.working_mb for student in students), reverse=True)
    return RESERVE_MB + sum(student.idle_mb for student in students) + sum(working[:at_work])


def room_for(student: Student, machine_mb: int, *, at_work: int = 1) -> int:
    """How many stacks like this one a machine carries."""
    left = machine_mb - RESERVE_MB - at_work * student.working_mb
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
    here = [student for student in lab.students if student.docker_host == docker_host]
    return at_work(here, found["MemTotal"] // 2**20, found["NCPU"])


def report(lab: Lab, *, at_work: int) -> None:
    """Print, for every Docker host, what its students use and how many of each size it carries."""
    for docker_host, students in by_docker_host(lab.students):
        with engine.connect(docker_host) as client:
            machine_mb = client.info()["MemTotal"] // 2**20
        needed = needed_mb(students, at_work=at_work)
        verdict = "fits" if needed <= machine_mb else "DOES NOT FIT"
        count = f"{len(students)} {'student' if len(students) == 1 else 'students'}"
        say(f"{docker_host}: {count}, {at_work} at work: {needed} of {machine_mb} MB, {verdict}")
        rows = [
            [size, f"{like.idle_mb} MB", f"{like.working_mb} MB", str(room_for(like, machine_mb, at_work=at_work))]
            for size, like in lab.sizes(docker_host).items()
        ]
        say(table(["size", "idle", "at work, on top", "students that fit"], rows))
