"""What is measured. Each figure is a context that yields two functions: ours, measured once, and its baseline."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from benchmarks import plain
from benchmarks.class_of_300 import scaling
from benchmarks.engines import side_by_side
from benchmarks.first_run import first_run
from benchmarks.flows import flowing, lagging
from benchmarks.gateway import in_use, logins, pages
from benchmarks.run import Comparison, Figure, Side
from benchmarks.services import costs
from benchmarks.stacks import (
    IDLE_SECONDS,
    INVENTORY,
    beside_ours,
    lab,
    memory,
    names,
    ours_up,
    plain_configuration,
    provision,
    students,
    sweep,
    timed,
    where,
)
from streamlab.engines import engine, inside, labelled
from streamlab.errors import LabError
from streamlab.paths import ROOT
from streamlab.students.student import Student

COUNT = ROOT / "benchmarks" / "count"
#: Seconds for which a stack's processors' time is counted.
WATCHED_SECONDS = 30


def provisioning(
    count: int, *, beside_plain: bool = True
) -> Callable[[], AbstractContextManager[tuple[Side, Side | None]]]:
    """From nothing but images to the last proof."""

    @contextmanager
    def sides() -> Iterator[tuple[Side, Side | None]]:
        files = plain_configuration() if beside_plain else {}

        def ours() -> float:
            sweep()
            return timed(lambda: provision(students(count)))

        def as_they_come() -> float:
            sweep()
            with engine.connect(students(1)[0].docker_host) as client:
                return timed(lambda: plain.up(client, students(count), files))

        try:
            yield ours, as_they_come if beside_plain else None
        finally:
            sweep()

    return sides


@contextmanager
def again() -> Iterator[tuple[Side, None]]:
    """A second provision of four students, in which nothing is changed."""
    with ours_up(4):

        def ours() -> float:
            began = time.monotonic()
            said = lab("provision", "--inventory", str(INVENTORY), "--limit", names(students(4)))
            if ", 0 changed" not in said:
                raise LabError("a second provision changed something", evidence=said.splitlines())
            return time.monotonic() - began

        yield ours, None


def processor(student: Student) -> float:
    """Milliseconds of a processor that a stack's containers take in a second."""
    with engine.connect(student.docker_host) as client:
        nodes = labelled.containers(client, student).values()

        def spent() -> float:
            answers = [client.api.stats(node.id, stream=False, one_shot=True) for node in nodes]
            return sum(answer["cpu_stats"]["cpu_usage"]["total_usage"] for answer in answers) / 1e6

        before, began = spent(), time.monotonic()
        time.sleep(WATCHED_SECONDS)
        return (spent() - before) / (time.monotonic() - began)


def idle(look: Callable[[Student], float]) -> Callable[[], AbstractContextManager[tuple[Side, Side]]]:
    """What one stack takes, IDLE_SECONDS after its proofs."""

    @contextmanager
    def sides() -> Iterator[tuple[Side, Side]]:
        files = plain_configuration()

        def looked_at() -> float:
            time.sleep(IDLE_SECONDS)
            return look(students(1)[0])

        def ours() -> float:
            with ours_up():
                return looked_at()

        def as_they_come() -> float:
            with plain.stack(students(1)[0], files):
                return looked_at()

        yield ours, as_they_come

    return sides


def submitting(*configuration: str) -> Callable[[], AbstractContextManager[tuple[Side, Side]]]:
    """The job that counts 1000 rows, from key press to result.

    Beside `spark-submit` with this configuration on ours, or, without any, as installed on a plain stack.
    """

    @contextmanager
    def sides() -> Iterator[tuple[Side, Side]]:
        with (
            ours_up() as (student,),
            beside_ours(student, as_they_come=not configuration) as other,
            engine.connect(student.docker_host) as client,
        ):
            edge = labelled.node(client, other, "edge")
            inside.put_files(
                edge, "/tmp", {"count.py": (COUNT / "count.py").read_bytes(), "bare/spark-defaults.conf": b""}
            )
            # Our edge node's environment has PySpark on the nodes already.
            command = ["env", "-u", "PYSPARK_ARCHIVES_PATH", "spark-submit"]
            command += ["--master", "yarn", "--deploy-mode", "cluster"]
            if configuration:  # on our stack the second of Spark's own two executors would not fit, and be waited for
                command += ["--num-executors", "1", *(part for item in configuration for part in ("--conf", item))]

            def ours() -> float:
                return timed(lambda: lab("submit", "--job", str(COUNT), *where(student)))

            def spark_submit() -> float:
                env = {"SPARK_CONF_DIR": "/tmp/bare", **plain.JDK_ARCHIVE}
                began = time.monotonic()
                done = inside.run_inside(edge, [*command, "/tmp/count.py"], seconds=300, env=env)
                if not re.search("final status: SUCCEEDED", done.err):
                    raise LabError("the baseline's job failed", evidence=done.err.splitlines()[-8:])
                return time.monotonic() - began

            ours()  # the bundle is uploaded once, and a stack's first application warms its daemons for both
            yield ours, spark_submit

    return sides


def command(*arguments: str, stacks: int = 0) -> Callable[[], AbstractContextManager[tuple[Side, None]]]:
    """One command of the lab, with so many stacks up."""

    @contextmanager
    def sides() -> Iterator[tuple[Side, None]]:
        if not stacks:
            yield lambda: timed(lambda: lab(*arguments)), None
            return
        with ours_up(stacks):
            limit = ["--inventory", str(INVENTORY), "--limit", names(students(stacks))]
            whose = limit if stacks > 1 else where(students(1)[0])
            if arguments[0] == "check":
                lab("submit", *arguments[1:], *whose)
            yield lambda: timed(lambda: lab(*arguments, *whose)), None

    return sides


ARCHIVES = "class-data archives of lean jars, C1, the serial collector, room in the heap"
START = f"{ARCHIVES}; storage and schema that the image brings; short retries; the NameNode first"
SUBMIT = f"{ARCHIVES}; jars and PySpark on the nodes; no process for each file of a container; no wait at its end"
FLOWS = "rows to Cassandra in batches of 4 KB, sixteen at a time; no 400 ms at the end of a file on HDFS"
FIRST = "no training while building; fetching and building side by side; ansible-core alone; mmdebstrap"
GATEWAY = "one nginx in front of one process of Python"
LOCAL_JARS = ("spark.yarn.jars=local:/opt/spark/jars/*",)
FIGURES = (
    Figure("first-run", "s", "`demo` from a clone, nothing there but an engine", "", FIRST, first_run),
    Figure("provision-1", "s", "one student, warm, with proofs", "plain", START, provisioning(1)),
    Figure("provision-2", "s", "two students at once", "plain", START, provisioning(2)),
    Figure("provision-4", "s", "four students at once", "plain", START, provisioning(4)),
    Figure("provision-8", "s", "eight at once", "", START, provisioning(8, beside_plain=False), runs=1),
    Figure("provision-again-4", "s", "four students, nothing to change", "", "one call for each stack", again),
    Figure("idle-memory", "MB", "one stack, idle", "plain", "heaps, thread stacks, C1", idle(memory)),
    Figure("idle-processor", "ms/s", "the same", "plain", "waking less often to look", idle(processor)),
    Figure("submit", "s", "1000 rows counted", "spark-submit as installed", SUBMIT, submitting()),
    Figure("submit-local-jars", "s", "the same", "spark-submit, local jars", SUBMIT, submitting(*LOCAL_JARS)),
    Figure("flow-1000", "records/s", "stream to Cassandra, 1000 a batch", "plain", FLOWS, flowing(1000, batches=30)),
    Figure("flow-10000", "records/s", "10,000 a batch", "plain", FLOWS, flowing(10000, batches=15)),
    Figure("flow-50000", "records/s", "50,000 a batch", "plain", FLOWS, flowing(50000, batches=7)),
    Figure("lag-1000", "s", "a row's way, 1000 a second", "plain", FLOWS, lagging(1000, seconds=20)),
    Figure("lag-10000", "s", "10,000 a second", "plain", FLOWS, lagging(10000, seconds=20)),
    Figure("lag-50000", "s", "50,000 a second", "plain", FLOWS, lagging(50000, seconds=10), runs=1),
    Figure("images-again", "s", "`images`, nothing to do", "", "names that follow from content", command("images")),
    Figure("list", "s", "`--list`", "", "imports inside the tasks", command("--list")),
    Figure("status-4", "s", "`status` of four students", "", "all asked at once", command("status", stacks=4)),
    Figure(
        "class-of-300",
        "s",
        "all of a class on ten Docker hosts, before Ansible, and `status`",
        "10 x a class of 30",
        "one tunnel per host; checks in n log n; slots per host",
        scaling,
        runs=1,
    ),
    Figure("gateway-logins", "s", "24 students log in at once", "", GATEWAY, logins),
    Figure("gateway-page", "s", "a page of YARN's in 24 browsers at once, p95", "one browser", GATEWAY, pages),
    Figure("gateway-memory", "MB", "the gateway of these 24", "", GATEWAY, in_use, runs=1),
    Figure("check", "s", "`check` of lesson03", "", "no JVM", command("check", "--job", "lesson03", stacks=1)),
)

COMPARISONS = (
    Comparison(
        "services",
        "one stack at a time, warm, with proofs, and a minute later",
        {"provision": "s", "idle memory": "MB"},
        costs,
    ),
    Comparison(
        "engines",
        "from Kafka to Kafka, windows of a full topic and copies of a steady stream",
        {"throughput": "records/s", "p50": "ms", "p95": "ms", "p99": "ms"},
        side_by_side,
    ),
)
