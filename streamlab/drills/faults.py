"""What can be done to a node of a stack through its engine, and how it is taken back."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from streamlab.engines import labelled
from streamlab.students import addresses
from streamlab.students.student import Student

if TYPE_CHECKING:
    import docker
    from docker.models.containers import Container

FREEZE, CUT_OFF, STOP = "freeze", "cut off", "stop"
STOP_SECONDS = 30
#: Seconds within which the engine connects a container to its network.
ENGINE_SECONDS = 30


def inflict(client: docker.DockerClient, student: Student, name: str, kind: str) -> None:
    """Freeze a node's processes, cut it off from its network, or stop it; until `release`."""
    container = labelled.node(client, student, name)
    if kind == FREEZE:
        container.pause()
    elif kind == CUT_OFF:
        client.networks.get(student.network).disconnect(container)
    else:
        container.stop(timeout=STOP_SECONDS)


def release(client: docker.DockerClient, student: Student, name: str) -> None:
    """Let a node run as it did before any fault: not paused, connected under its own address and name, started."""
    container = labelled.node(client, student, name, running=False)
    if container.status == "paused":
        container.unpause()
    _connect(client, student, name, container)
    if container.status == "exited":
        container.start()


def _connect(client: docker.DockerClient, student: Student, name: str, container: Container) -> None:
    """Connect a container as it was made. One that ended while it was cut off has been given any address by now."""
    from docker.errors import APIError

    network, address = client.networks.get(student.network), addresses.address(student, name)
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
