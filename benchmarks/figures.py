"""What is measured. Each figure is a context that yields two functions: ours, measured once, and its baseline."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from benchmarks import plain
from benchmarks.run import Figure, Side
from streamlab.building import images
from streamlab.engines import engine, inside
from streamlab.errors import LabError
from streamlab.paths import ROOT
from streamlab.stacks import playbooks, status
from streamlab.stacks.destroy import belongings, remove
from streamlab.students import inventory
from streamlab.students.topology import Student
from streamlab.ui import say

INVENTORY = ROOT / "inventory" / "bench.yml"
COUNT, FLOW = ROOT / "benchmarks" / "count", ROOT / "benchmarks" / "flow"
LONG = 3600
#: Seconds that a stack is left alone before its memory is read.
IDLE_SECONDS = 60


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
        return plain.configuration(engine.node(client, student, "edge"))


def plain_configuration() -> dict[str, str]:
    with ours_up() as (student,):
        return plain_files(student)


def provisioning(
    count: int, *, beside_plain: bool = True
) -> Callable[[], AbstractContextManager[tuple[Side, Side | None]]]:
    """From nothing but images to the last proof."""

    @contextmanager
    def sides() -> Iterator[tuple[Side, Side | None]]:
        files = plain_configuration() if beside_plain else {}

        def ours() -> float:
            sweep()
            return timed(lambda: provision(count))

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
            said = lab("provision", "--inventory", str(INVENTORY), "--limit", names(4))
            if ", 0 changed" not in said:
                raise LabError("a second provision changed something", evidence=said.splitlines())
            return time.monotonic() - began

        yield ours, None


@contextmanager
def idle_memory() -> Iterator[tuple[Side, Side]]:
    """Memory of one stack, IDLE_SECONDS after its proofs, as its cgroups count it, without reclaimable page cache."""
    files = plain_configuration()

    def used() -> float:
        time.sleep(IDLE_SECONDS)
        (found,) = status.look(students(1))["students"]
        return sum(node["memory_bytes"] for node in found["nodes"]) / 2**20

    def ours() -> float:
        with ours_up():
            return used()

    def as_they_come() -> float:
        with plain.stack(students(1)[0], files):
            return used()

    yield ours, as_they_come


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
            edge = engine.node(client, other, "edge")
            inside.put_files(
                edge, "/tmp", {"count.py": (COUNT / "count.py").read_bytes(), "bare/spark-defaults.conf": b""}
            )
            command = ["spark-submit", "--master", "yarn", "--deploy-mode", "cluster"]
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


def keeps_up(rate: int, batch_seconds: float) -> str:
    """Whether a stream that takes so long for one second's records is ever at the topic's end."""
    if batch_seconds <= 1:
        return f"it keeps up with {rate} records a second"
    return f"with {rate} records a second it is {rate - rate / batch_seconds:.0f} further behind after each"


def flowing(rate: int, *, batches: int) -> Callable[[], AbstractContextManager[tuple[Side, Side]]]:
    """Records a second from Kafka through Spark to Cassandra, a second's records of such a `rate` in each batch.

    The same job with the same resources on a plain stack is the baseline. Each run fails if a record is lost.
    """
    numbers = itertools.count(1)

    def drained(student: Student) -> float:
        number = f"run={next(numbers)}"
        said = lab("submit", "--job", f"{FLOW}/drain", "--set", f"rate={rate}", "--set", number, *where(student))
        (line,) = re.findall(r"^ *\| (\{.*)$", said, re.MULTILINE)
        measured = json.loads(line)
        say(f"    a batch in {measured['batch_seconds']} s: {keeps_up(rate, measured['batch_seconds'])}")
        return measured["records_per_second"]

    @contextmanager
    def sides() -> Iterator[tuple[Side, Side]]:
        with ours_up() as (student,), beside_ours(student, as_they_come=True) as other:
            for one in (student, other):
                amount = ["--set", f"rate={rate}", "--set", f"batches={batches}"]
                lab("submit", "--job", f"{FLOW}/fill", *amount, *where(one))
            yield lambda: drained(student), lambda: drained(other)

    return sides


def command(*arguments: str, stacks: int = 0) -> Callable[[], AbstractContextManager[tuple[Side, None]]]:
    """One command of the lab, with so many stacks up."""

    @contextmanager
    def sides() -> Iterator[tuple[Side, None]]:
        if not stacks:
            yield lambda: timed(lambda: lab(*arguments)), None
            return
        with ours_up(stacks):
            whose = ["--inventory", str(INVENTORY), "--limit", names(stacks)] if stacks > 1 else where(students(1)[0])
            if arguments[0] == "check":
                lab("submit", *arguments[1:], *whose)
            yield lambda: timed(lambda: lab(*arguments, *whose)), None

    return sides


def calls(*, again: bool) -> Callable[[], AbstractContextManager[tuple[Side, Side]]]:
    """A stack of sleeping containers, made or found unchanged: by a module of ours, and by the collection's."""

    def play(how: str) -> None:
        extra = json.dumps({"how": how, "images": images.image_tags()})
        command = playbooks.argv("../benchmarks/calls.yml", INVENTORY)
        env = playbooks.environment(os.environ, verbose=True)
        done = subprocess.run([*command, "-e", extra], env=env, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise LabError("the playbook failed", evidence=done.stdout.splitlines()[-8:])

    @contextmanager
    def sides() -> Iterator[tuple[Side, Side]]:
        def side(how: str) -> float:
            sweep()
            if again:
                play(how)
            return timed(lambda: play(how))

        try:
            yield lambda: side("module"), lambda: side("collection")
        finally:
            sweep()

    return sides


ARCHIVES = "class-data archives of lean jars, C1, the serial collector, room in the heap"
START = f"{ARCHIVES}; formatted storage; short retries; the NameNode first"
SUBMIT = f"{ARCHIVES}; jars and PySpark on the nodes; no wait at an application's end"
FLOWS = "rows to Cassandra in batches of 4 KB, sixteen at a time; no 400 ms at the end of a file on HDFS"
LOCAL_JARS = ("spark.yarn.jars=local:/opt/spark/jars/*",)
FIGURES = (
    Figure("provision-1", "s", "one student, warm, with proofs", "plain", START, provisioning(1)),
    Figure("provision-4", "s", "four students at once", "plain", START, provisioning(4)),
    Figure("provision-8", "s", "eight at once", "", START, provisioning(8, beside_plain=False), runs=1),
    Figure("provision-again-4", "s", "four students, nothing to change", "", "one call for each stack", again),
    Figure("idle-memory", "MB", "one stack, idle", "plain", "heaps, thread stacks, C1", idle_memory),
    Figure("submit", "s", "1000 rows counted", "spark-submit as installed", SUBMIT, submitting()),
    Figure("submit-local-jars", "s", "the same", "spark-submit, local jars", SUBMIT, submitting(*LOCAL_JARS)),
    Figure("flow-1000", "records/s", "stream to Cassandra, 1000 a batch", "plain", FLOWS, flowing(1000, batches=30)),
    Figure("flow-10000", "records/s", "10,000 a batch", "plain", FLOWS, flowing(10000, batches=15)),
    Figure("flow-50000", "records/s", "50,000 a batch", "plain", FLOWS, flowing(50000, batches=7)),
    Figure("calls", "s", "a stack's containers made", "community.docker", "one call", calls(again=False)),
    Figure("calls-again", "s", "and found unchanged", "community.docker", "one call", calls(again=True)),
    Figure("images-again", "s", "`images`, nothing to do", "", "names that follow from content", command("images")),
    Figure("list", "s", "`--list`", "", "imports inside the tasks", command("--list")),
    Figure("status-4", "s", "`status` of four students", "", "all asked at once", command("status", stacks=4)),
    Figure("check", "s", "`check` of lesson03", "", "no JVM", command("check", "--job", "lesson03", stacks=1)),
)
