"""Faults on a seeded schedule, and how each is done to a node of a stack."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

import docker
from docker.models.containers import Container

from streamlab.drills import faults
from streamlab.engines import labelled
from streamlab.students.student import Student

#: The daemon is killed, and the engine starts it again; the container is paused; it is disconnected from its network;
#: it is stopped as by a person, and started later.
KINDS = ("kill", faults.FREEZE, faults.CUT_OFF, faults.STOP)

#: Seconds that a node is frozen, cut off or stopped. A long fault outlasts what clients wait for: YARN gives a driver
#: up after 60 s, the producer a record.
SHORT_SECONDS = (1.0, 15.0)
LONG_SECONDS = (65.0, 90.0)
LONG_SHARE = 1 / 8

#: Seconds within which the engine starts a killed daemon again.
ENGINE_SECONDS = 30


@dataclass(frozen=True)
class Fault:
    """What happens to which node. `seconds` is how long it stays so; 0 for a kill."""

    node: str
    kind: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.kind} {self.node}" + (f" for {self.seconds:.1f} s" if self.seconds else "")


def schedule(seed: int, nodes: Sequence[str], number: int) -> list[Fault]:
    """The first `number` faults of a seed: the same for every run, and each node and kind as often as every other."""
    random = Random(seed)
    chosen_nodes, chosen_kinds = _rounds(random, sorted(nodes)), _rounds(random, KINDS)
    return [_fault(random, next(chosen_nodes), next(chosen_kinds)) for _ in range(number)]


def _fault(random: Random, node: str, kind: str) -> Fault:
    span = LONG_SECONDS if random.random() < LONG_SHARE else SHORT_SECONDS
    seconds = round(random.uniform(*span), 1)
    return Fault(node, kind, 0.0 if kind == "kill" else seconds)


def _rounds(random: Random, names: Sequence[str]) -> Iterator[str]:
    """All names in random order, then all in another one, and so on."""
    while True:
        yield from random.sample(names, len(names))


def inject(client: docker.DockerClient, student: Student, fault: Fault) -> None:
    """Do it to the node, for as long as the fault lasts, and release the node again, also when interrupted."""
    try:
        if fault.kind == "kill":
            _kill(labelled.node(client, student, fault.node))
        else:
            faults.inflict(client, student, fault.node, fault.kind)
        time.sleep(fault.seconds)
    finally:
        faults.release(client, student, fault.node)


def _kill(container: Container) -> None:
    """Kill a node's main process, and wait until the engine has started it again.

    From inside: a container that is killed through the engine stays so. Its first process is only `docker-init`.
    """
    started = container.attrs["State"]["StartedAt"]
    container.exec_run(["pkill", "-KILL", "-o", "-P", "1"], detach=True)
    ends = time.monotonic() + ENGINE_SECONDS
    while container.attrs["State"]["StartedAt"] == started:
        assert time.monotonic() < ends, f"{container.name} was killed and not started again in {ENGINE_SECONDS} s"
        time.sleep(0.2)
        container.reload()
