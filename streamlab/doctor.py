"""`invoke doctor`: checks everything that the lab needs from this machine; each problem comes with its fix."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import docker

from streamlab.building import build
from streamlab.engines import disk, engine, proxies
from streamlab.engines.disk import Usage
from streamlab.errors import LabError, WrongRequest
from streamlab.gateway import health
from streamlab.stacks import host_setup, known_hosts, location, preflight, status
from streamlab.stacks.location import Locations
from streamlab.students import endpoint
from streamlab.students.docker_hosts import by_docker_host
from streamlab.students.inventory import Lab
from streamlab.students.student import Student
from streamlab.ui import say


@dataclass(frozen=True)
class Finding:
    """The result of one check: `fix` is None if all is well, and empty for a problem without a known fix."""

    what: str
    fix: str | None = None

    @property
    def well(self) -> bool:
        return self.fix is None


def examine(lab: Lab) -> Iterator[Finding]:
    """Check everything from Python to the last node; checks that depend on something missing are skipped."""
    yield Finding(f"Python {sys.version.split()[0]}")
    yield from _about("memory", lambda: preflight.require_memory(lab.students))
    yield from map(_problem, preflight.kernel_problems(lab.students))
    terminal = shutil.which("docker")
    yield Finding(
        "docker command" if terminal else "no docker command: `invoke shell` opens no terminal",
        None if terminal else "install Docker's client alone: docker-cli, or docker-ce-cli of Docker's own packages",
    )
    yield from _meant(lab)
    there = location.find(lab, lab.students, everywhere=True)
    for docker_host, students in by_docker_host(lab.students):
        yield from _engine(docker_host, students, why=lab.why.get(docker_host, ""), elsewhere=there.elsewhere)
    yield from _moved(lab, there)


def _about(what: str, question: Callable[[], object]) -> Iterator[Finding]:
    """A finding from a check that raises if it fails."""
    try:
        question()
    except LabError as error:
        yield _problem(error)
    else:
        yield Finding(what)


def _problem(error: LabError) -> Finding:
    return Finding("; ".join([error.what, *error.evidence]), error.fix)


def _meant(lab: Lab) -> Iterator[Finding]:
    """Docker's own configuration, if the lab uses something else."""
    with suppress(WrongRequest):  # what it says cannot be used, and the inventory says something else
        meant = endpoint.current()
        if meant.address not in {student.docker_host for student in lab.students}:
            yield Finding(f"not used, since the inventory's docker_host wins: {meant}")
    if proxies.configured():
        yield Finding("Docker's configuration names a proxy: nodes use it, but not for one another")


def _engine(
    docker_host: str, students: list[Student], *, why: str, elsewhere: Collection[str] = ()
) -> Iterator[Finding]:
    """One Docker host, and the stacks of its students but for those who have theirs `elsewhere`."""
    try:
        with engine.connect(docker_host) as client:
            yield Finding(f"Docker Engine {client.version()['Version']} at {docker_host}" + (f", {why}" if why else ""))
            room = disk.free_gb(client, docker_host)
            possible = partial(preflight.require_possible, client, students, classmates=students)
            yield from _about("disk, ports and memory", possible)
            if room:
                yield Finding(f"{room[1]:.0f} GB free in {room[0]}")
            yield from _disk(disk.usages(client, students))
            yield from _gateway(client, students[0])
            missing = build.missing(client, host_setup.wanted_images(students))
            yield Finding(
                f"images {', '.join(missing)} are not built" if missing else "images are built",
                "invoke images" if missing else None,
            )
    except LabError as error:
        yield _problem(error)
        return
    for student in status.look(students)["students"]:
        if student["state"] == "missing" and student["name"] in elsewhere:
            continue
        if student["state"] == "missing":
            yield Finding(f"{student['name']} has no stack", "invoke provision")
            continue
        if student["state"] == "suspended":
            yield Finding(f"{student['name']}: suspended")
            continue
        sick = [f"{node['name']}: {node['problem']}" for node in student["nodes"] if not node["healthy"]]
        yield Finding(
            f"{student['name']}: {'; '.join(sick) or 'every node answers'}", "invoke provision" if sick else None
        )


def _moved(lab: Lab, there: Locations) -> Iterator[Finding]:
    """Stacks that are not, or not only, where the inventory says."""
    for student in lab.students:
        here, elsewhere = there.here.get(student.name), there.elsewhere.get(student.name, ())
        where = ", ".join(one.docker_host for one in elsewhere)
        move = f"invoke move --student {student.name}"
        if here and here.mark:
            yield Finding(location.interrupted(student, here.mark).what, move)
        elif elsewhere and here:
            yield Finding(f"{student.name} has another stack on {where}, not only on {student.docker_host}", move)
        elif elsewhere:
            yield Finding(f"{student.name}: the stack is on {where}, not on {student.docker_host}", move)
    for docker_host, why in there.silent.items():
        if docker_host in {student.docker_host for student in lab.students}:
            continue  # which is a finding already
        yield Finding(
            f"{docker_host} does not answer, and may have stacks of this class: {why}",
            f"repair the connection; if that machine is gone for good, take it out of {known_hosts.FILE}",
        )


def _gateway(client: docker.DockerClient, student: Student) -> Iterator[Finding]:
    """The gateway of a student's Docker host, where the inventory has one."""
    if student.gateway:
        found = health.look(client, student)
        yield Finding(str(found), found.fix if found.problem else None)


def _disk(usages: Sequence[Usage]) -> Iterator[Finding]:
    """The stacks that use more disk than they may, or the largest one."""
    over = [usage for usage in usages if usage.is_over]
    for usage in over or usages[:1]:
        name = usage.student.name
        fix = (
            f"delete what is not needed (./lab shell --student {name}), or raise {name}'s disk_mb; until then "
            f"`invoke suspend --student {name} --force` stops it and keeps its data"
        )
        yield Finding(f"{name}: {usage}", fix if over else None)


def report(lab: Lab) -> None:
    """Print every finding.

    Raises:
        LabError: a check found a problem.
    """
    findings = []
    for finding in examine(lab):
        findings.append(finding)
        say(
            f"{'ok     ' if finding.well else 'PROBLEM'}  {finding.what}"
            + (f"\n         fix: {finding.fix}" if finding.fix else "")
        )
    bad = [finding for finding in findings if not finding.well]
    if bad:
        raise LabError(
            f"{len(bad)} of {len(findings)} checks found a problem",
            evidence="they are marked PROBLEM above",
            fix=next((finding.fix for finding in bad if finding.fix), ""),
        )
