"""The stacks that are measured on: of a class of their own, ours and plain ones, and `./lab` as a user types it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmarks import plain
from streamlab.engines import engine, labelled
from streamlab.errors import LabError
from streamlab.paths import ROOT
from streamlab.stacks.destroy import belongings, remove
from streamlab.students import inventory
from streamlab.students.student import Student

INVENTORY = ROOT / "inventory" / "bench.yml"
LONG = 3600


def students(count: int) -> list[Student]:
    return list(inventory.load(INVENTORY).students[:count])


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


def names(count: int) -> str:
    return ",".join(student.name for student in students(count))


def provision(count: int) -> None:
    lab("provision", "--inventory", str(INVENTORY), "--limit", names(count))


def sweep() -> None:
    """Take every stack of this class away."""
    first = students(1)[0]
    with engine.connect(first.docker_host) as client:
        for found in belongings(client, first.lab_class).values():
            remove(client, found)


@contextmanager
def ours_up(count: int = 1) -> Iterator[list[Student]]:
    """So many stacks of ours for as long as the block runs."""
    try:
        provision(count)
        yield students(count)
    finally:
        sweep()


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
