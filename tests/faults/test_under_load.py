"""Random faults while a stream copies numbered records to three sinks: nothing is lost, and what is doubled may be.

    STREAMLAB_FAULTS=1000 STREAMLAB_FAULTS_SEED=7 .venv/bin/python -m pytest tests/faults/test_under_load.py

runs 1000 faults (a night) instead of the seven of about five minutes. A seed always has the same schedule, of which
fewer faults are the beginning. STREAMLAB_FAULTS_PAUSE is the seconds between a recovery and the next fault.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.models.containers import Container

from common.settings import application_name
from faults.copying import STOP
from faults.injection import Fault, inject, schedule
from faults.load import STREAM, describe, report, run
from lab_runner import LabRunner
from streamlab.drills import faults
from streamlab.edge.yarn import FINAL
from streamlab.engines import engine, labelled
from streamlab.errors import LabError
from streamlab.lessons import bundle
from streamlab.paths import STATE
from streamlab.stacks.stack import answer_of
from streamlab.students import inventory, topology
from streamlab.students.student import Student

COPYING = Path(__file__).with_name("copying")
STEP = "stream"

#: How many faults take about five minutes: each node has one.
FAULTS = int(os.environ.get("STREAMLAB_FAULTS", "7"))
SEED = int(os.environ.get("STREAMLAB_FAULTS_SEED", "1"))
PAUSE_SECONDS = float(os.environ.get("STREAMLAB_FAULTS_PAUSE", "3"))

RECORDS_PER_SECOND = 20
#: Seconds after a fault until every node answers and the stream has finished a batch: YARN gives a lost driver up after
#: 60 s, Kafka's clients wait up to 120 s.
RECOVERY_SECONDS = 420
START_SECONDS = 180
LOOK_SECONDS = 30
DRAIN_SECONDS = 2400
#: No run takes so long; the producer ends when it is asked to.
PRODUCER_SECONDS = 7 * 24 * 3600


class LoadedStack:
    """A student's stack on which the stream runs, looked at from a container beside its nodes, which no fault meets."""

    def __init__(self, lab: LabRunner, student: Student, client: docker.DockerClient, observer: Container) -> None:
        self.lab, self.student, self.client, self.observer = lab, student, client, observer
        self.nodes = [node.name for node in topology.nodes(student)]
        self._application = application_name(student.name, COPYING.name, STEP)
        self._batches: dict[str, int] | None = None
        self._lost = True
        self._refusal = ""

    def inject(self, fault: Fault) -> None:
        inject(self.client, self.student, fault)
        self._batches = None

    def problems(self) -> Mapping[str, str | None]:
        try:
            found = self.ask("edge.health", *self.nodes)
        except LabError as error:
            return dict.fromkeys([*self.nodes, STREAM], str(error))
        problems: dict[str, str | None] = dict(found["nodes"])
        # The edge node has no daemon to ask.
        status = labelled.node(self.client, self.student, "edge", running=False).status
        if status != "running":
            problems["edge"] = f"its container is {status}"
        states = [app["state"] for app in found["applications"] or [] if app["name"] == self._application]
        # An empty list is what a ResourceManager gives that has just begun, too.
        self._lost = not any(problems.values()) and bool(states) and states[-1] in FINAL
        problems[STREAM] = self._stream_problem(states[-1] if states else "unknown to YARN")
        return problems

    def _stream_problem(self, state: str) -> str | None:
        try:
            batches = self.ask("copying.progress")
        except LabError as error:
            return str(error)
        if self._batches is None:
            self._batches = batches
        waiting = [query for query, batch in batches.items() if batch <= self._batches[query]]
        if not waiting:
            return None
        return f"its application is {state}, no batch since the fault by {', '.join(waiting)}; {self._refusal}".strip(
            "; "
        )

    def ensure_stream(self) -> bool:
        if not self._lost:
            return False
        ran = self.lab.run("submit", "--job", f"{COPYING}/{STEP}", "--continuous", "--detach")
        self._refusal = ran.err
        return ran.code == 0

    def ask(self, module: str, *arguments: str, seconds: int = LOOK_SECONDS) -> dict[str, Any]:
        """What a module answers in the observer."""
        return answer_of(
            self.observer, module, *arguments, about="observer", seconds=seconds, read=dict,
            zips=[bundle.job_bundle(COPYING)],
        )  # fmt: skip

    def produce(self) -> dict[str, Any]:
        """Send records until `stop_producer`."""
        return self.ask("copying.produce", str(RECORDS_PER_SECOND), seconds=PRODUCER_SECONDS)

    def stop_producer(self) -> None:
        self.observer.exec_run(["touch", STOP])

    def drain(self) -> None:
        """Let the stream end, and run it once more until nothing is left to read."""
        self.lab("stop", "--job", str(COPYING))
        assert "SUCCEEDED" in self.lab("submit", "--job", str(COPYING), seconds=DRAIN_SECONDS)


@contextmanager
def observing(client: docker.DockerClient, student: Student) -> Iterator[Container]:
    """A container in the stack's network that is none of its nodes; it knows the stack as the edge node does."""
    edge = labelled.node(client, student, "edge")
    (configuration,) = [one["Name"] for one in edge.attrs["Mounts"] if one["Destination"] == "/etc/streamlab"]
    container = client.containers.create(
        edge.attrs["Config"]["Image"], ["sleep", "infinity"], name=f"{student.prefix}-observer", init=True,
        labels={"streamlab.class": student.lab_class, "streamlab.student": student.name},
        network=student.network, volumes={configuration: {"bind": "/etc/streamlab", "mode": "ro"}},
        mem_limit="1g", cap_drop=["ALL"], security_opt=["no-new-privileges:true"],
    )  # fmt: skip
    try:
        container.start()
        yield container
    finally:
        container.remove(force=True)


@pytest.fixture
def stack(lab: LabRunner) -> Iterator[LoadedStack]:
    """The stack with the copying at its start; afterwards as it was found."""
    student = inventory.load(lab.inventory).student(lab.student)
    with engine.connect(student.docker_host, seconds=120) as client, observing(client, student) as observer:
        lab("reset", "--yes", "--job", str(COPYING))
        stack = LoadedStack(lab, student, client, observer)
        try:
            yield stack
        finally:
            for node in stack.nodes:
                faults.release(client, student, node)
            lab("prove", "--seconds", "150")
            lab("stop", "--job", str(COPYING))
            lab("reset", "--yes", "--job", str(COPYING))
            lab.inside("cqlsh -e 'DROP KEYSPACE IF EXISTS copying'")


@contextmanager
def producing(stack: LoadedStack) -> Iterator[Future[dict[str, Any]]]:
    """Records are sent in the block; the future has the producer's answer, or its error, soon after."""
    with ThreadPoolExecutor(1) as pool:
        producer = pool.submit(stack.produce)
        try:
            yield producer
        finally:
            stack.stop_producer()


def await_first_batches(stack: LoadedStack) -> None:
    ends = time.monotonic() + START_SECONDS
    while problems := {name: problem for name, problem in stack.problems().items() if problem}:
        assert time.monotonic() < ends, f"before any fault: {problems}"
        time.sleep(1)


def test_no_record_is_lost_and_none_is_doubled_where_a_sink_promises_so(
    stack: LoadedStack, capsys: pytest.CaptureFixture
) -> None:
    faults = schedule(SEED, stack.nodes, FAULTS)
    stack.lab("submit", "--job", f"{COPYING}/{STEP}", "--continuous", "--detach")
    outcomes, holdings = [], None
    try:
        with producing(stack) as producer:
            await_first_batches(stack)
            for outcome in run(stack, faults, pause=PAUSE_SECONDS, deadline=RECOVERY_SECONDS):
                outcomes.append(outcome)
                with capsys.disabled():
                    print(f"\n{len(outcomes)}/{FAULTS} {outcome.fault}: answered again after {outcome.seconds}", end="")
                assert not producer.done(), producer.result()
        producer.result()
        stack.drain()
        holdings = stack.ask("copying.holdings", seconds=DRAIN_SECONDS)
    finally:
        found = report(SEED, outcomes, holdings)
        file = STATE / "faults" / f"seed-{SEED}-faults-{FAULTS}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        with capsys.disabled():
            print(f"\n{describe(found)}\n{file}")
    assert holdings["failures"] == []
    assert holdings["acknowledged"] > 0
    assert "0 changed" in stack.lab("provision")
