"""What the optional services cost a stack: the same provision and the same rest without them, with each, with both."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.run import Measured, Sides
from benchmarks.stacks import IDLE_SECONDS, INVENTORY, lab, memory, named, provision, sweep, timed
from streamlab.students.student import Student

#: What is compared -> the student of inventory/bench.yml who has it.
STACKS = {"neither": "bench1", "flink": "benchflink", "hbase": "benchhbase", "both": "benchboth"}


def provisioned(student: Student) -> Measured:
    """Seconds from nothing but images to the last proof, and megabytes once the stack has come to rest."""
    sweep()
    seconds = timed(lambda: provision([student]))
    time.sleep(IDLE_SECONDS)
    return {"provision": seconds, "idle memory": memory(student)}


@contextmanager
def costs() -> Iterator[Sides]:
    """One stack at a time. Images are built before: they are not a part of the seconds."""
    lab("images", "--inventory", str(INVENTORY))
    try:
        yield {name: lambda whose=whose: provisioned(named(whose)) for name, whose in STACKS.items()}
    finally:
        sweep()
