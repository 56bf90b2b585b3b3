"""Streams from Kafka through Spark to Cassandra: how many records a second, and how far behind (benchmarks/flow)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from benchmarks.run import Side
from benchmarks.stacks import NUMBERS, beside_ours, ours_up, submit
from streamlab.paths import ROOT
from streamlab.students.student import Student
from streamlab.ui import say

FLOW = ROOT / "benchmarks" / "flow"

Sides = Callable[[], AbstractContextManager[tuple[Side, Side]]]


def measured(step: str, student: Student, rate: int, **args: int) -> dict[str, Any]:
    """What a run of one step says it measured."""
    said = submit(f"{FLOW}/{step}", student, rate=rate, run=next(NUMBERS), **args)
    (line,) = re.findall(r"^ *\| (\{.*)$", said, re.MULTILINE)
    return json.loads(line)


def keeps_up(rate: int, batch_seconds: float) -> str:
    """Whether a stream that takes so long for one second's records is ever at the topic's end."""
    if batch_seconds <= 1:
        return f"it keeps up with {rate} records a second"
    return f"with {rate} records a second it is {rate - rate / batch_seconds:.0f} further behind after each"


def flowing(rate: int, *, batches: int) -> Sides:
    """Records a second from Kafka through Spark to Cassandra, a second's records of such a `rate` in each batch.

    The same job with the same resources on a plain stack is the baseline. Each run fails if a record is lost.
    """

    def drained(student: Student) -> float:
        found = measured("drain", student, rate)
        say(f"    a batch in {found['batch_seconds']} s: {keeps_up(rate, found['batch_seconds'])}")
        return found["records_per_second"]

    @contextmanager
    def sides() -> Iterator[tuple[Side, Side]]:
        with ours_up() as (student,), beside_ours(student, as_they_come=True) as other:
            for one in (student, other):
                submit(f"{FLOW}/fill", one, rate=rate, batches=batches)
            yield lambda: drained(student), lambda: drained(other)

    return sides


def lagging(rate: int, *, seconds: int) -> Sides:
    """Seconds within which all but a twentieth of the rows are in Cassandra, while so many records come each second.

    The same job with the same resources on a plain stack is the baseline. Each run fails if a record is lost.
    """

    def behind(student: Student) -> float:
        found = measured("live", student, rate, seconds=seconds)
        say(
            f"    {found['rate']:.0f} records a second came; half were there after {found['median_seconds']} s, "
            f"the last {found['behind_seconds']} s after no more came"
        )
        return found["lag_seconds"]

    @contextmanager
    def sides() -> Iterator[tuple[Side, Side]]:
        with ours_up() as (student,), beside_ours(student, as_they_come=True) as other:
            yield lambda: behind(student), lambda: behind(other)

    return sides
