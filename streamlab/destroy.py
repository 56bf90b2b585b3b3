"""Takes stacks away: exactly what carries our label, found by asking the engine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import docker
from docker.errors import APIError, NotFound

from streamlab import engine
from streamlab.errors import LabError, WrongRequest
from streamlab.inventory import Lab
from streamlab.topology import by_docker_host
from streamlab.ui import say


@dataclass(frozen=True)
class Belongings:
    """The engine's names of everything that belongs to a class, or to one student of it."""

    containers: tuple[str, ...]
    networks: tuple[str, ...]
    volumes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.containers) + len(self.networks) + len(self.volumes)


def belongings(client: docker.DockerClient, lab_class: str, student: str | None) -> Belongings:
    """What carries our label; a student who has left the inventory is found as well."""
    labels = [f"streamlab.class={lab_class}"] + ([f"streamlab.student={student}"] if student else [])
    chosen = {"label": labels}
    return Belongings(
        tuple(c.name for c in client.containers.list(all=True, filters=chosen, ignore_removed=True)),
        tuple(n.name for n in client.networks.list(filters=chosen)),
        tuple(v.name for v in client.volumes.list(filters=chosen)),
    )


def remove(client: docker.DockerClient, found: Belongings) -> None:
    """Remove containers, then networks and volumes. What is already gone is no failure."""
    # Killed rather than stopped: the volumes go too, so there is nothing to write out.
    for name in found.containers:
        _gone(lambda name=name: client.containers.get(name).remove(force=True, v=True))
    try:
        for name in found.networks:
            _gone(lambda name=name: client.networks.get(name).remove())
        for name in found.volumes:
            _gone(lambda name=name: client.volumes.get(name).remove(force=True))
    except APIError as error:  # somebody else's container has joined our network, or mounts our volume
        raise LabError(
            "something of the lab's is used by something that is not ours",
            evidence=str(error.explanation),
            fix="take the foreign container off it, then run the same command again",
        ) from error


def destroy(lab: Lab, student: str | None, *, yes: bool) -> None:
    """Take away one student's stack, or all of the inventory's class, after a question unless `yes`.

    Raises:
        LabError: a Docker host does not answer; what is on the others was taken away.
    """
    lab_class = lab.students[0].lab_class
    whose = student or f"class {lab_class}"
    silent = engine.unreachable(lab.students)
    for docker_host, _ in by_docker_host(lab.students):
        if docker_host in silent:
            continue
        with engine.connect(docker_host) as client:
            found = belongings(client, lab_class, student)
            if not len(found):
                say(f"nothing to destroy on {docker_host}: nothing there carries the label of {whose}")
                continue
            counts = (
                f"{len(found.containers)} containers, {len(found.networks)} networks and {len(found.volumes)} volumes"
            )
            if not yes:
                confirm(f"remove {counts} of {whose}, with all their data?")
            remove(client, found)
            say(f"removed {counts}")
    concerned = [one for one in lab.students if one.name == student] or lab.students
    if any(one.docker_host in silent for one in concerned):
        raise engine.not_reached(silent, concerned)


def confirm(question: str) -> None:
    """Ask on the terminal; anything but yes is a wrong request."""
    if not sys.stdin.isatty():
        raise WrongRequest("nobody is there to confirm", evidence=question, fix="add --yes")
    if input(f"{question} [y/N] ").strip().lower() not in ("y", "yes"):
        raise WrongRequest("nothing was removed", evidence="the answer was no")


def _gone(remove: Callable[[], None]) -> None:
    try:
        remove()
    except NotFound:
        return
