"""Faults on a seeded schedule, and how each is done to a node of a stack."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random

import docker
from docker.errors import APIError
from docker.models.containers import Container

from streamlab.engines import labelled
from streamlab.students import topology
from streamlab.students.topology import Student

#: The daemon is killed, and the engine starts it again; the container is paused; it is disconnected from its network;
#: it is stopped as by a person, and started later.
KINDS = ("kill", "freeze", "cut off", "restart")

#: Seconds that a node is frozen, cut off or stopped. A long fault outlasts what clients wait for: YARN gives a driver
#: up after 60 s, the producer a record.
SHORT_SECONDS = (1.0, 15.0)
LONG_SECONDS = (65.0, 90.0)
LONG_SHARE = 1 / 8

STOP_SECONDS = 30
#: Seconds within which the engine starts a killed daemon again, and connects a container to its network.
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
    container = labelled.node(client, student, fault.node)
    try:
        if fault.kind == "kill":
            _kill(container)
        elif fault.kind == "freeze":
            container.pause()
        elif fault.kind == "cut off":
            client.networks.get(student.network).disconnect(container)
        else:
            container.stop(timeout=STOP_SECONDS)
        time.sleep(fault.seconds)
    finally:
        release(client, student, fault.node)


def release(client: docker.DockerClient, student: Student, name: str) -> None:
    """Let a node run as it did before any fault: not paused, connected under its own address and name, started."""
    container = labelled.node(client, student, name, running=False)
    if container.status == "paused":
        container.unpause()
    _connect(client, student, name, container)
    if container.status == "exited":
        container.start()


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


def _connect(client: docker.DockerClient, student: Student, name: str, container: Container) -> None:
    """Connect a container as it was made. One that ended while it was cut off has been given any address by now."""
    network, address = client.networks.get(student.network), topology.address(student, name)
    ends = time.monotonic() + ENGINE_SECONDS
    while not _is_connected(container, student.network, name, address):
        try:
            if student.network in container.attrs["NetworkSettings"]["Networks"]:
                network.disconnect(container, force=True)
            network.connect(container, aliases=[name], ipv4_address=address)
        except APIError:  # while the engine starts it
            if time.monotonic() > ends:
                raise
            time.sleep(0.5)
        container.reload()


def _is_connected(container: Container, network: str, name: str, address: str) -> bool:
    found = container.attrs["NetworkSettings"]["Networks"].get(network) or {}
    with suppress(KeyError, TypeError):
        return found["IPAMConfig"]["IPv4Address"] == address and name in found["Aliases"]
    return False
