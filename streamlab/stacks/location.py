"""Finds stacks that are not on the Docker host that the inventory names, as after `docker_host` was changed.

The engines themselves are asked: those of the inventory, and those on which this checkout has provisioned a student
before.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import docker
from docker.errors import DockerException
from docker.models.volumes import Volume

from streamlab.engines import engine, labelled
from streamlab.engines.labelled import OWNER
from streamlab.errors import LabError, WrongRequest
from streamlab.stacks import known_hosts
from streamlab.stacks.channel import shortened
from streamlab.students.inventory import Lab
from streamlab.students.student import Student
from streamlab.ui import plain

#: Timeout in seconds for one answer of an engine that is asked only whether it has a stack.
SECONDS = 10
#: Labels of a volume that marks a stack on the Docker host to which it moves: the Docker host that it comes from,
#: whether it ran there, and, of a second such volume, that its services have been proved here.
SOURCE, RAN, PROVED = "streamlab.moving", "streamlab.ran", "streamlab.moved"


@dataclass(frozen=True)
class Mark:
    """What a move that has not ended has left on the Docker host to which it moves a stack."""

    source: str
    ran: bool
    proved: bool


@dataclass(frozen=True)
class Holding:
    """What a Docker host has of a student: volumes, (name, when it was made) each, and perhaps the mark of a move."""

    docker_host: str
    volumes: tuple[tuple[str, str], ...]
    mark: Mark | None = None

    def __str__(self) -> str:
        made = min(made for _, made in self.volumes)
        return (
            f"on {self.docker_host}: made {shortened(made, to=25) or 'at an unknown time'}, {len(self.volumes)} volumes"
        )


@dataclass(frozen=True)
class Locations:
    """Where students have something: by name, on the Docker host that the inventory names, and on others.

    `silent` are Docker hosts that did not answer, with why.
    """

    here: Mapping[str, Holding] = field(default_factory=dict)
    elsewhere: Mapping[str, Sequence[Holding]] = field(default_factory=dict)
    silent: Mapping[str, str] = field(default_factory=dict)


def find(lab: Lab, students: Sequence[Student], *, everywhere: bool = False, silent: Collection[str] = ()) -> Locations:
    """Where these students have something. If only one Docker host is known, no engine is asked.

    Args:
        everywhere: look on other Docker hosts also for those who have something where the inventory says.
        silent: Docker hosts that are known not to answer.
    """
    others = _others(lab, students)
    if not any(others.values()):
        return Locations()
    lab_class = students[0].lab_class
    found, unasked = _ask({student.docker_host for student in students} - set(silent), lab_class)
    here = {
        one.name: found[one.docker_host][one.name] for one in students if one.name in found.get(one.docker_host, ())
    }
    sought = [one for one in students if everywhere or (one.docker_host in found and one.name not in here)]
    asked = {host for student in sought for host in others[student.name]}
    more, unanswered = _ask(asked - found.keys() - unasked.keys() - set(silent), lab_class)
    found |= more
    elsewhere = {
        student.name: [
            found[host][student.name]
            for host in others[student.name]
            if student.name in found.get(host, ()) and not _is_same(found[host][student.name], here.get(student.name))
        ]
        for student in sought
    }
    return Locations(
        here,
        {name: holdings for name, holdings in elsewhere.items() if holdings},
        {host: why for host, why in {**unasked, **unanswered}.items() if host in asked},
    )


def warn(silent: Mapping[str, str]) -> None:
    """Print which Docker hosts did not answer whether they have a stack, with why."""
    for docker_host, why in silent.items():
        print(
            plain(f"warning: {docker_host} does not answer, and may have stacks of this class: {why}"), file=sys.stderr
        )
    if silent:
        print(
            f"  if that machine is gone for good, take it out of the inventory and of {known_hosts.FILE}",
            file=sys.stderr,
        )


def _is_same(one: Holding, other: Holding | None) -> bool:
    """The same volumes are of the same engine, by another address."""
    return other is not None and one.volumes == other.volumes


def _others(lab: Lab, students: Sequence[Student]) -> dict[str, list[str]]:
    """Student -> the Docker hosts, besides the inventory's for this student, that may have something of theirs."""
    of_inventory = {one.docker_host for one in lab.everybody}
    known = known_hosts.of_class(students[0].lab_class)
    return {
        student.name: sorted(
            host
            for host in {*of_inventory, *known.get(student.name, ())}
            if engine.socket_of(host) != engine.socket_of(student.docker_host)
        )
        for student in students
    }


def _ask(docker_hosts: Collection[str], lab_class: str) -> tuple[dict[str, dict[str, Holding]], dict[str, str]]:
    """Docker host -> what it has of each student, and Docker host -> why it does not answer; all asked at once."""
    hosts = sorted(docker_hosts)
    with ThreadPoolExecutor(max(1, len(hosts))) as pool:
        answers = dict(zip(hosts, pool.map(lambda host: _holdings(host, lab_class), hosts), strict=True))
    return (
        {host: answer for host, answer in answers.items() if isinstance(answer, dict)},
        {host: answer for host, answer in answers.items() if isinstance(answer, str)},
    )


def _holdings(docker_host: str, lab_class: str) -> dict[str, Holding] | str:
    """Every stack has volumes, even one of which all containers are gone: a single list says it all."""
    try:
        with engine.connect(docker_host, seconds=SECONDS) as client:
            answer = client.api.volumes(filters={"label": f"streamlab.class={lab_class}"})
    except (LabError, DockerException, OSError) as error:
        return shortened("; ".join([error.what, *error.evidence]) if isinstance(error, LabError) else str(error))
    found: dict[str, list[Mapping[str, Any]]] = {}
    for volume in answer["Volumes"] or ():
        found.setdefault(volume["Labels"].get("streamlab.student", ""), []).append(volume)
    return {name: _holding(docker_host, volumes) for name, volumes in found.items()}


def _holding(docker_host: str, volumes: Sequence[Mapping[str, Any]]) -> Holding:
    made = sorted((volume["Name"], str(volume.get("CreatedAt", ""))) for volume in volumes)
    return Holding(docker_host, tuple(made), _mark([volume["Labels"] for volume in volumes]))


def _mark(volumes: Sequence[Mapping[str, str]]) -> Mark | None:
    found = [labels for labels in volumes if SOURCE in labels]
    if not found:
        return None
    proved = any(PROVED in labels for labels in found)
    return Mark(found[0][SOURCE], any(labels.get(RAN) == "true" for labels in found), proved)


def mark(client: docker.DockerClient, student: Student, *, source: str, ran: bool, proved: bool = False) -> None:
    """Mark the student's stack on this engine as one that moves here from `source`, or as proved after that."""
    labels = {
        "streamlab.class": student.lab_class, "streamlab.student": student.name, OWNER: student.owner,
        SOURCE: source, RAN: str(ran).lower(), **({PROVED: "true"} if proved else {}),
    }  # fmt: skip
    client.volumes.create(f"{student.prefix}-{'moved' if proved else 'moving'}", labels=labels)


def marks(client: docker.DockerClient, student: Student) -> list[Volume]:
    """The volumes by which a move has marked the student's stack."""
    return client.volumes.list(filters=labelled.stack_filter(student, SOURCE))


def mark_of(student: Student) -> Mark | None:
    """The mark of a move on the student's Docker host."""
    with engine.connect(student.docker_host) as client:
        return _mark([volume.attrs["Labels"] for volume in marks(client, student)])


def remove_marks(client: docker.DockerClient, student: Student) -> None:
    """The move has ended. The mark `proved` goes last: it says that the data here are the student's."""
    for volume in sorted(marks(client, student), key=lambda one: PROVED in one.attrs["Labels"]):
        volume.remove(force=True)


def refusals(lab: Lab, students: Sequence[Student], *, silent: Collection[str] = ()) -> dict[str, WrongRequest]:
    """Student -> why no stack may be made on the Docker host that the inventory names: there is one elsewhere."""
    found = find(lab, students, silent=silent)
    warn(found.silent)
    refused, sizes = {}, _sizes({one.docker_host for holdings in found.elsewhere.values() for one in holdings})
    for student in students:
        mark = found.here[student.name].mark if student.name in found.here else None
        if mark:
            refused[student.name] = interrupted(student, mark)
        elif student.name in found.elsewhere:
            refused[student.name] = _not_here(student, found.elsewhere[student.name], sizes)
    return refused


def interrupted(student: Student, mark: Mark) -> WrongRequest:
    """The error for a stack that a move was bringing to the student's Docker host."""
    return WrongRequest(
        f"{student.name}: a move from {shortened(mark.source)} to {student.docker_host} was interrupted",
        evidence="it is proved here; what is left there has to be removed"
        if mark.proved
        else "the data are still there",
        fix=f"invoke move --student {student.name}",
    )


def _sizes(docker_hosts: Collection[str]) -> dict[str, dict[str, int]]:
    """Docker host -> volume -> bytes, of those that say it in time: the engine adds them up, file by file."""
    sizes = {}
    for docker_host in docker_hosts:
        refused = suppress(LabError, DockerException, OSError, KeyError, TypeError)
        with refused, engine.connect(docker_host, seconds=SECONDS) as client:
            sizes[docker_host] = {one["Name"]: max(0, one["UsageData"]["Size"]) for one in client.df()["Volumes"]}
    return sizes


def _not_here(student: Student, found: Sequence[Holding], sizes: Mapping[str, Mapping[str, int]]) -> WrongRequest:
    """The error for a student whose stack is on another Docker host than the inventory says."""

    def described(one: Holding) -> str:
        known = sizes.get(one.docker_host)
        return str(one) + (f", {sum(known.get(name, 0) for name, _ in one.volumes) / 2**20:.0f} MB" if known else "")

    return WrongRequest(
        f"{student.name} has no stack on {student.docker_host}, which the inventory names, but has one elsewhere",
        evidence=[described(one) for one in found],
        fix=f"invoke move --student {student.name}\n"
        f"       brings it to {student.docker_host} with its data;\n"
        f"       or write docker_host: {found[0].docker_host} into the inventory again;\n"
        f"       or remove it with its data: invoke destroy --student {student.name}",
    )
