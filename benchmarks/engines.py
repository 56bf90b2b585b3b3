"""Spark Structured Streaming and Flink side by side, from Kafka to Kafka on the same YARN (benchmarks/engine)."""

from __future__ import annotations

import itertools
import json
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.run import Measured, Sides
from benchmarks.stacks import NUMBERS, lab, named, stacks_up, submit, where
from streamlab.engines import engine, inside, labelled
from streamlab.errors import LabError
from streamlab.paths import ROOT
from streamlab.students.student import Student
from streamlab.ui import say

ENGINE = ROOT / "benchmarks" / "engine"
#: The stack of inventory/bench.yml on which both run.
STACK = "benchflink"
#: What is in the topic before the engines read it, and how much of it is in one window.
RECORDS = 3_000_000
PER_WINDOW = 10_000
#: Windows that a stream without an end leaves open: their end is later than the last record's time less two minutes.
OPEN = 1
#: The part of the time from the first result to the last in which records are counted. Before it the JVM still
#: compiles; after it come the last windows, which Spark gives in a batch without records.
COUNTED = (1 / 3, 9 / 10)
#: Orders a second while a step copies them, the seconds in which it warms up, and then those that count.
RATE = 1000
WARM_SECONDS = 15
LIVE_SECONDS = 20
PERCENTILES = (50, 95, 99)
#: Seconds that the probe may take: its own deadlines together are shorter.
PROBE_SECONDS = 300


@dataclass(frozen=True)
class Setup:
    """An engine, and what it guarantees of its results."""

    engine: str
    args: dict[str, str]


#: Spark's sink for Kafka has no other guarantee than at least once. Flink's has both.
SIDES = {
    "Spark, at least once": Setup("spark", {}),
    "Flink, at least once": Setup("flink", {"guarantee": "at-least-once"}),
    "Flink, exactly once": Setup("flink", {"guarantee": "exactly-once"}),
}


@dataclass(frozen=True)
class Result:
    """The orders of one window with one status, and when a producer sent that to Kafka (milliseconds)."""

    at_ms: int
    window: str
    orders: int


def results_of(lines: Iterable[str], run: int) -> list[Result]:
    """The results of one run, in the order of their timestamps, from what Kafka's console consumer printed."""
    found = []
    for line in lines:
        at, tab, value = line.partition("\t")
        if not tab:
            continue  # the consumer's own last words
        row = json.loads(value)
        if row["run"] == run:
            found.append(Result(int(at.removeprefix("CreateTime:")), row["window_start"], row["orders"]))
    return sorted(found, key=lambda result: result.at_ms)


def require_complete(results: Sequence[Result], *, records: int, per_window: int) -> None:
    """Refuse to time a wrong answer.

    Raises:
        LabError: an order is missing or counted twice in a window, or windows are missing.
    """
    orders: Counter[str] = Counter()
    for result in results:
        orders[result.window] += result.orders
    wrong = [f"{window}: {found} orders, not {per_window}" for window, found in orders.items() if found != per_window]
    windows = records // per_window
    if wrong or not windows - OPEN <= len(orders) <= windows:
        raise LabError(
            "the engine's answer is wrong, so it was not timed",
            evidence=[f"{len(orders)} of {windows} windows", *sorted(wrong)[:5]],
            fix="the queries are in benchmarks/engine: see what has become of them since they were measured last",
        )


def records_per_second(results: Sequence[Result]) -> float:
    """The slope of the records that were counted so far over time, in the middle part of a run.

    One engine gives results all the time, the other at the end of each batch: a line through all of them is fair to
    both, where the first and the last result alone would be wrong by up to a batch.
    """
    first, last = results[0].at_ms, results[-1].at_ms
    begin, end = (first + share * (last - first) for share in COUNTED)
    totals = itertools.accumulate(result.orders for result in results)
    points = [(one.at_ms, total) for one, total in zip(results, totals, strict=True) if begin <= one.at_ms <= end]
    if len({at for at, _ in points}) < 2:
        raise LabError(
            "too few results to time", evidence=f"{len(points)} in the middle part of the run", fix="use more records"
        )
    return round(statistics.linear_regression(*zip(*points, strict=True)).slope * 1000)


def percentiles(milliseconds: Sequence[float]) -> Measured:
    """`PERCENTILES` by the names that they have in tables."""
    cuts = statistics.quantiles(milliseconds, n=100, method="inclusive")
    return {f"p{number}": cuts[number - 1] for number in PERCENTILES}


def counted(student: Student, setup: Setup) -> Measured:
    """Records a second of the tumbling windows over the full topic."""
    run = next(NUMBERS)
    submit(f"{ENGINE}/windows-{setup.engine}", student, run=run, **setup.args)
    command = [
        *("kafka-console-consumer.sh", "--bootstrap-server", "kafka1:9092", "--topic", "engine-counts"),
        *("--partition", "0", "--offset", "earliest", "--isolation-level", "read_committed", "--timeout-ms", "2000"),
        *("--formatter-property", "print.timestamp=true"),
    ]
    with engine.connect(student.docker_host) as client:
        said = inside.run_inside(labelled.node(client, student, "edge"), command, seconds=120)
    results = results_of(said.out.splitlines(), run)
    require_complete(results, records=RECORDS, per_window=PER_WINDOW)
    say(f"    {len(results)} results within {(results[-1].at_ms - results[0].at_ms) / 1000:.1f} s")
    return {"throughput": records_per_second(results)}


def copied(student: Student, setup: Setup) -> Measured:
    """Milliseconds from an order to its copy, while a step copies one topic to another."""
    step = f"{ENGINE}/copy-{setup.engine}"
    submit(step, student, "--continuous", "--detach", run=next(NUMBERS), **setup.args)
    with engine.connect(student.docker_host) as client:
        edge = labelled.node(client, student, "edge")
        inside.put_files(edge, "/tmp", {"probe.py": (ENGINE / "probe.py").read_bytes()})
        command = ["python3", "/tmp/probe.py", *map(str, (RATE, WARM_SECONDS, LIVE_SECONDS))]
        done = inside.run_inside(edge, command, seconds=PROBE_SECONDS)
    if done.code != 0:
        raise LabError(
            f"the copies of {step} could not be timed",
            evidence=done.err.splitlines()[-3:],
            fix="provision a stack with Flink, submit that step there, and read its log: invoke logs",
        )
    lab("stop", "--job", step, *where(student))
    found = json.loads(done.out)
    say(f"    {len(found['milliseconds'])} orders, {found['rate']} a second")
    return percentiles(found["milliseconds"])


@contextmanager
def side_by_side() -> Iterator[Sides]:
    """What both streams come to in each setup, on one stack, whose topic of orders is full beforehand."""
    student = named(STACK)
    with stacks_up([student]):
        submit(f"{ENGINE}/fill", student, records=RECORDS, per_window=PER_WINDOW)
        yield {
            name: lambda setup=setup: counted(student, setup) | copied(student, setup) for name, setup in SIDES.items()
        }
