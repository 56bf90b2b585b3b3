"""A student's containers on an engine: those that carry the stack's labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from streamlab.errors import LabError, WrongRequest, unknown
from streamlab.students.student import Student

if TYPE_CHECKING:
    # Its SDK takes a fifth of a second to import, and is not there where a student sits.
    import docker
    from docker.models.containers import Container

#: The label that says whose a stack is.
OWNER = "streamlab.owner"


def stack_filter(student: Student, *labels: str) -> dict[str, list[str]]:
    """The engine's filter for everything in one student's stack, or only for what has these labels too."""
    return {"label": [f"streamlab.class={student.lab_class}", f"streamlab.student={student.name}", *labels]}


def containers(client: docker.DockerClient, student: Student, *labels: str) -> dict[str, Container]:
    """Node name -> container, of every node of the stack that exists, running or not; or of those with these labels."""
    found = client.containers.list(all=True, filters=stack_filter(student, *labels), ignore_removed=True)
    return {c.labels["streamlab.node"]: c for c in found if "streamlab.node" in c.labels}


def summaries(client: docker.DockerClient, student: Student) -> dict[str, Container]:
    """Like `containers`, but with a single API call; only ids, labels and status are known."""
    return nodes_among(everything(client, student))


def everything(client: docker.DockerClient, student: Student) -> list[Container]:
    """Every container of a student, nodes and others, with a single API call; see `summaries`."""
    return client.containers.list(all=True, filters=stack_filter(student), sparse=True)


def stacks(client: docker.DockerClient, lab_class: str) -> dict[str, dict[str, Container]]:
    """Student -> node name -> container, of a whole class with a single API call; see `summaries`."""
    label = [f"streamlab.class={lab_class}", "streamlab.student"]
    found: dict[str, list[Container]] = {}
    for container in client.containers.list(all=True, filters={"label": label}, sparse=True):
        found.setdefault(container.attrs["Labels"]["streamlab.student"], []).append(container)
    return {name: nodes_among(containers) for name, containers in found.items()}


def nodes_among(found: Sequence[Container]) -> dict[str, Container]:
    """Node name -> container, of those that are nodes."""
    return {c.attrs["Labels"]["streamlab.node"]: c for c in found if "streamlab.node" in c.attrs["Labels"]}


def no_stack(student: Student) -> WrongRequest:
    """The error for a student who has nothing on the Docker host."""
    return WrongRequest(
        f"{student.name} has no stack",
        evidence=f"no container on {student.docker_host} carries its label",
        fix=f"invoke provision --student {student.name}",
    )


def is_suspended(found: Mapping[str, Container]) -> bool:
    """Whether a stack's containers were all stopped on purpose: the engine starts again what ends by itself."""
    return bool(found) and all(container.status == "exited" for container in found.values())


def node(client: docker.DockerClient, student: Student, name: str, *, running: bool = True) -> Container:
    """One node's container.

    Raises:
        WrongRequest: there is no such node.
        LabError: it is to be `running`, and does not.
    """
    # The engine is asked once more for each container that it lists, and every command of the lab begins with this.
    found = containers(client, student, f"streamlab.node={name}") or containers(client, student)
    if not found:
        raise no_stack(student)
    if name not in found:
        raise unknown("node", name, found, usage="--node {}")
    if running and found[name].status != "running":
        raise LabError(
            f"{student.name}'s node {name} is not running",
            evidence=f"its container is {found[name].status}",
            fix=f"invoke provision starts it again; invoke logs --node {name} says why it stopped",
        )
    return found[name]
