"""Removes stacks: exactly what carries our label, found by asking the engine."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import docker
from docker.errors import APIError, NotFound

from streamlab.engines import engine
from streamlab.errors import LabError, WrongRequest, unknown
from streamlab.gateway import gateway
from streamlab.stacks import access, known_hosts, location, parallel
from streamlab.stacks.operation import Access, Operation
from streamlab.students.docker_hosts import by_docker_host
from streamlab.students.inventory import EVERYBODY, Lab, matching
from streamlab.students.student import Student
from streamlab.ui import confirm, say

STUDENT = "streamlab.student"
#: Timeout in seconds for the removal of one stack.
SECONDS = 300


@dataclass(frozen=True)
class Belongings:
    """The names of all containers, networks and volumes that belong to one or more students."""

    containers: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.containers) + len(self.networks) + len(self.volumes)

    def __add__(self, other: Belongings) -> Belongings:
        return Belongings(
            self.containers + other.containers, self.networks + other.networks, self.volumes + other.volumes
        )

    def __str__(self) -> str:
        return f"{len(self.containers)} containers, {len(self.networks)} networks and {len(self.volumes)} volumes"


@dataclass(frozen=True)
class StackOnHost:
    """What a student owns on one Docker host; empty if the host is unreachable."""

    name: str
    lab_class: str
    docker_host: str
    owner: str
    found: Belongings
    reached: bool = True


def belongings(client: docker.DockerClient, lab_class: str) -> dict[str, Belongings]:
    """Student -> what carries our label; a student who has left the inventory is found as well."""
    chosen = {"label": f"streamlab.class={lab_class}"}
    kinds = [
        [
            (c.labels, c.name)
            for c in client.containers.list(all=True, filters=chosen, ignore_removed=True)
            if access.LOCK not in c.labels
        ],
        [(n.attrs["Labels"], n.name) for n in client.networks.list(filters=chosen)],
        # The mark of a move goes last: what is left by an interrupted removal must not look like a stack of its own.
        sorted(
            [(v.attrs["Labels"], v.name) for v in client.volumes.list(filters=chosen)],
            key=lambda volume: location.SOURCE in volume[0],
        ),
    ]
    # Its gateway is nobody's.
    students = sorted({labels[STUDENT] for kind in kinds for labels, _ in kind if STUDENT in labels})
    return {
        student: Belongings(*(tuple(name for labels, name in kind if labels.get(STUDENT) == student) for kind in kinds))
        for student in students
    }


def remove(client: docker.DockerClient, found: Belongings) -> None:
    """Remove containers, then networks and volumes. It is no failure if some are already gone.

    Raises:
        LabError: something outside the lab uses one of these; all others are gone.
    """
    # Killed rather than stopped: the volumes go too, so there is nothing to write out.
    for name in found.containers:
        _remove(client.containers, name, force=True, v=True)
    removals = [
        *(partial(_remove, client.networks, name) for name in found.networks),
        *(partial(_remove, client.volumes, name, force=True) for name in found.volumes),
    ]
    used = []
    for removal in removals:
        try:
            removal()
        except APIError as error:  # somebody else's container has joined our network, or mounts our volume
            used.append(str(error.explanation))
    if used:
        raise LabError(
            "a part of the stack is used by something outside the lab",
            evidence=used,
            fix="disconnect or remove that container, then run the same command again",
        )


def destroy(
    lab: Lab,
    student: str | None = None,
    limit: str | None = None,
    docker_host: str | None = None,
    *,
    yes: bool,
    take_over: bool = False,
) -> None:
    """Remove one student's stack, those that `limit` matches, or the whole class's, after a confirmation unless `yes`.

    With the whole class goes its gateway; the students' secrets stay on the control machine.

    Args:
        docker_host: remove only what is on this one.
        take_over: remove stacks of another owner too.

    Raises:
        WrongRequest: a name that neither the inventory nor an engine knows; nothing was touched.
        LabError: a stack could not be removed; the others are gone.
    """
    if student is not None and limit is not None:
        raise WrongRequest("--student and --limit are both given", fix="give one of them")
    everybody = limit is None and student in (None, EVERYBODY)
    there = stacks_on_hosts(lab)
    if everybody:
        names, whose = {one.name for one in there}, f"class {lab.students[0].lab_class}"
    else:
        names = _explicitly_chosen(lab, there, student, limit)
        whose = ", ".join(sorted(names))
    chosen = [one for one in there if one.name in names and docker_host in (None, one.docker_host)]
    if not chosen:
        if everybody and _remove_gateways(lab):
            return
        hosts = docker_host or ", ".join(host for host, _ in by_docker_host(lab.students))
        say(f"nothing to destroy on {hosts}: nothing there carries the label of {whose}")
        return
    total = sum((one.found for one in chosen), Belongings())
    if len(total):
        where = _unexpected_hosts(lab, chosen)
        confirm(f"remove {total} of {whose}{where}, with all their data?", yes=yes)
    destroying = Operation("destroy", Access.CHANGE, SECONDS, take_over=take_over, repairs=False)
    parallel.each(chosen, take_away, destroying)
    if everybody:
        _remove_gateways(lab)


def _unexpected_hosts(lab: Lab, chosen: Sequence[StackOnHost]) -> str:
    """The addresses of all Docker hosts, if a stack is not where the inventory says."""
    named = {one.name: one.docker_host for one in lab.everybody}
    if all(named.get(one.name, one.docker_host) == one.docker_host for one in chosen if len(one.found)):
        return ""
    return " on " + " and ".join(sorted({one.docker_host for one in chosen if len(one.found)}))


def _remove_gateways(lab: Lab) -> bool:
    """Remove the class's gateway from every Docker host that answers; whether there was one."""
    removed = False
    for docker_host, students in by_docker_host(lab.students):
        with suppress(engine.NoEngine), engine.connect(docker_host) as client:
            if gateway.remove(client, students[0].lab_class):
                say(f"removed the gateway on {docker_host}")
                removed = True
    return removed


def _explicitly_chosen(lab: Lab, there: Sequence[StackOnHost], student: str | None, limit: str | None) -> set[str]:
    """The students given by name or pattern: in the inventory, or with things left on an engine."""
    known = {one.name for one in there} | {one.name for one in lab.everybody}
    try:
        if limit is not None:
            return matching(limit, known)
        if student not in known:
            raise unknown("student", str(student), known, usage="--student {}")
    except WrongRequest as error:
        silent = sorted({one.docker_host for one in there if not one.reached})
        error.evidence += [f"not asked: {host}, which does not answer" for host in silent]
        raise
    return {str(student)}


def stacks_on_hosts(lab: Lab) -> list[StackOnHost]:
    """What every student of the class has, on every Docker host of the inventory and those that were its before.

    If an engine of the inventory does not answer, all its students are listed as unreached, so that the failure names
    them; of another one there is a warning.
    """
    first = lab.students[0]
    silent: dict[str, str] = {}

    def on(docker_host: str, students: Sequence[Student]) -> tuple[frozenset, list[StackOnHost]]:
        reached = True
        made: frozenset[tuple[str, str]] = frozenset()
        try:
            with engine.connect(docker_host) as client:
                there = belongings(client, first.lab_class)
                labelled = client.volumes.list(filters={"label": f"streamlab.class={first.lab_class}"})
                made = frozenset((volume.name, volume.attrs.get("CreatedAt")) for volume in labelled)
        except WrongRequest as error:
            there, reached = {student.name: Belongings() for student in students}, False
            if not students:
                silent[docker_host] = error.what
        return made, [
            StackOnHost(name, first.lab_class, docker_host, first.owner, things, reached)
            for name, things in there.items()
        ]

    hosts = list(by_docker_host(lab.everybody))
    sockets = {engine.socket_of(docker_host) for docker_host, _ in hosts}
    before = {host for known in known_hosts.of_class(first.lab_class).values() for host in known}
    hosts += [(host, []) for host in sorted(before) if engine.socket_of(host) not in sockets]
    with ThreadPoolExecutor(len(hosts)) as pool:
        answers = list(pool.map(lambda host: on(*host), hosts))
    location.warn(silent)
    there, seen = [], set()
    for made, found in answers:
        if made not in seen:  # volumes of the same names and times are of one engine that has two addresses
            there += found
        seen |= {made} - {frozenset()}
    return there


def take_away(target: access.Target) -> None:
    """Remove all that a student has on a Docker host; the caller has the stack's lock."""
    with engine.connect(target.docker_host) as client:
        # Listed again under the lock: something may have been created since the confirmation.
        found = belongings(client, target.lab_class).get(target.name, Belongings())
        for network in found.networks:
            gateway.detach(client, target.lab_class, network)
        remove(client, found)
    known_hosts.forget(target.lab_class, target.name, target.docker_host)
    say(f"removed {found}")


def _remove(collection: Any, name: str, **options: bool) -> None:
    """Remove one of the client's containers, networks or volumes, unless it is gone already."""
    try:
        collection.get(name).remove(**options)
    except NotFound:
        return
