"""The stacks that are measured on: of a class of their own, ours and plain ones, and `./lab` as a user types it."""

from __future__ import annotations

import itertools
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from benchmarks import plain
from streamlab.engines import engine, labelled
from streamlab.errors import LabError
from streamlab.paths import ROOT
from streamlab.stacks import status
from streamlab.stacks.destroy import belongings, remove
from streamlab.students import inventory
from streamlab.students.student import Student

INVENTORY = ROOT / "inventory" / "bench.yml"
LONG = 3600
#: Seconds that a stack is left alone before it is looked at.
IDLE_SECONDS = 60
#: A number of its own for each run of a job: a checkpoint is never used twice.
NUMBERS = itertools.count(1)


def students(count: int) -> list[Student]:
    return list(inventory.load(INVENTORY).students[:count])


def named(name: str) -> Student:
    return next(student for student in inventory.load(INVENTORY).students if student.name == name)


def lab(*arguments: str) -> str:
    """`./lab …` as a user types it; what it printed."""
    command = [str(ROOT / "lab"), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LONG, check=False)
    if done.returncode != 0:
        raise LabError(
            f"{' '.join(arguments)} exited {done.returncode}", evidence=(done.stdout + done.stderr).splitlines()[-8:]
        )
    return done.stdout


def timed(action: Callable[[], object]) -> float:
    began = time.monotonic()
    action()
    return time.monotonic() - began


def names(whose: Sequence[Student]) -> str:
    return ",".join(student.name for student in whose)


def provision(whose: Sequence[Student]) -> None:
    lab("provision", "--inventory", str(INVENTORY), "--limit", names(whose))


def submit(job: str, student: Student, *options: str, **args: int | str) -> str:
    """Run one step of a job for a student; what was printed."""
    given = [part for name, value in args.items() for part in ("--set", f"{name}={value}")]
    return lab("submit", "--job", job, *given, *options, *where(student))


def memory(student: Student) -> float:
    """Megabytes that a stack's cgroups count, without reclaimable page cache."""
    (found,) = status.look([student])["students"]
    return sum(node["memory_bytes"] for node in found["nodes"]) / 2**20


def sweep() -> None:
    """Take every stack of this class away."""
    first = students(1)[0]
    with engine.connect(first.docker_host) as client:
        for found in belongings(client, first.lab_class).values():
            remove(client, found)


@contextmanager
def stacks_up(whose: Sequence[Student]) -> Iterator[None]:
    """These students' stacks for as long as the block runs."""
    try:
        provision(whose)
        yield
    finally:
        sweep()


@contextmanager
def ours_up(count: int = 1) -> Iterator[list[Student]]:
    """So many stacks of ours for as long as the block runs."""
    with stacks_up(students(count)):
        yield students(count)


def plain_files(student: Student) -> dict[str, str]:
    """What the nodes of a plain stack read, made of what this student's do."""
    with engine.connect(student.docker_host) as client:
        return plain.configuration(labelled.node(client, student, "edge"))


def plain_configuration() -> dict[str, str]:
    with ours_up() as (student,):
        return plain_files(student)


def where(student: Student) -> list[str]:
    return ["--inventory", str(INVENTORY), "--student", student.name]


@contextmanager
def beside_ours(student: Student, *, as_they_come: bool) -> Iterator[Student]:
    """The stack that a baseline runs on: another as the products come, or this student's."""
    if not as_they_come:
        yield student
        return
    other = students(2)[1]
    with plain.stack(other, plain_files(student)):
        yield other
