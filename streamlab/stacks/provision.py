"""`invoke provision`: the Docker hosts set up, then every student's stack brought up and proved."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence

from streamlab import display
from streamlab.building import build
from streamlab.display import stage
from streamlab.engines import engine, volumes
from streamlab.errors import LabError
from streamlab.gateway import bring_up as gateways
from streamlab.gateway import gateway, pages
from streamlab.stacks import host_setup, idle, known_hosts, location, parallel, preflight
from streamlab.stacks.operation import Access, Operation
from streamlab.stacks.parallel import Outcome
from streamlab.stacks.playbooks import play
from streamlab.students.docker_hosts import by_docker_host, machine
from streamlab.students.inventory import Lab
from streamlab.students.student import Student
from streamlab.ui import say

#: Students that Ansible works on at a time, for each processor of this machine.
FORKS_EACH = 8


def provision(
    lab: Lab,
    students: Sequence[Student],
    *,
    overcommit: bool = False,
    verbose: bool = False,
    take_over: bool = False,
) -> None:
    """Bring the stacks of `students` to what the inventory says. Run again, it changes nothing.

    What was changed is proved; a stack in which nothing was, and that was proved, has its nodes asked.

    Args:
        overcommit: go on where the stacks may use more memory than their machine has.
        take_over: make stacks of another owner one's own; their containers are made anew, their data stay.

    Raises:
        WrongRequest: it cannot be done here, or no Docker host answers; nothing was touched.
        LabError: a student's stack could not be brought up, or a Docker host does not answer; the others' were.
    """
    preflight.require_memory(students, overcommit=overcommit)
    with display.whole("engine", "images", "cluster", shown=not verbose):
        _provision(lab, students, overcommit=overcommit, verbose=verbose, take_over=take_over)


def _provision(lab: Lab, students: Sequence[Student], *, overcommit: bool, verbose: bool, take_over: bool) -> None:
    host_setup.ensure_engines(lab, students, verbose=verbose)
    changing = Operation("provision", Access.CHANGE, take_over=take_over)
    failed, refused, students = _sorted_out(lab, students)
    if not students:
        parallel.require_done(refused, changing)
    at_once = prepare(lab, students, failed, overcommit=overcommit)
    reached = [student for student in students if student.docker_host not in failed]
    with parallel.admitted_all(reached, changing) as (admitted, outcomes):
        outcomes = [*refused, *outcomes]
        missed = [f"{one.name}: {one.error.what}" for one in outcomes if one.error]
        _ensure_gateways(lab, admitted, failed)
        gone = engine.not_reached(failed, students) if failed else None
        missed += gone.evidence if gone else []
        if admitted := [student for student in admitted if student.docker_host not in failed]:
            bring_up(lab, admitted, missed, at_once=at_once, verbose=verbose)
        parallel.require_done(outcomes, changing)
    if gone:
        raise gone


def _sorted_out(lab: Lab, students: Sequence[Student]) -> tuple[dict[str, LabError], list[Outcome], Sequence[Student]]:
    """The Docker hosts that do not answer; the students who are refused, with why; and all others.

    Refused is who has a stack on another Docker host, or runs an application of a service that is to leave the stack.

    Raises:
        LabError: no Docker host answers.
    """
    failed: dict[str, LabError] = {**engine.unreachable(students)}
    if not host_setup.groups_left(students, failed):
        raise engine.not_reached(failed, students)
    refusals: dict[str, LabError] = {
        **location.refusals(lab, students, silent=failed), **idle.refusals(students, silent=failed)
    }  # fmt: skip
    refused = [Outcome(name, 0, error=error) for name, error in refusals.items()]
    return failed, refused, [student for student in students if student.name not in refusals]


def preview(
    lab: Lab, students: Sequence[Student], *, overcommit: bool = False, verbose: bool = False, take_over: bool = False
) -> None:
    """Say what `provision` would change, and refuse what it would refuse. Nothing is touched, and no lock is taken.

    Raises:
        as `provision`; NoEngine where it would install or start this machine's own engine first.
    """
    preflight.require_memory(students, overcommit=overcommit)
    looking = Operation("provision --check", Access.USE, take_over=take_over)
    failed, refused, students = _sorted_out(lab, students)
    processors = _require_possible(lab, students, failed, overcommit=overcommit)
    for docker_host, group in host_setup.groups_left(students, failed):
        with engine.connect(docker_host) as client:
            if absent := build.missing(client, host_setup.wanted_images(group)):
                say(f"{machine(docker_host)}: images would be brought or built: {', '.join(absent)}")
    reached = [student for student in students if student.docker_host not in failed]
    with parallel.admitted_all(reached, looking) as (admitted, outcomes):
        if admitted:
            names = [student.name for student in admitted]
            summary = play(
                "provision.yml", lab, limit=names, at_once=_forks(processors.values()), check=True, verbose=verbose
            )
            if not verbose:  # Ansible has printed what it would change
                would = f"{summary.changed} changes would be made" if summary.changed else "nothing would be changed"
                say(f"{', '.join(names)}: {would}")
        parallel.require_done([*refused, *outcomes], looking)
    if failed:
        raise engine.not_reached(failed, students)


def _require_possible(
    lab: Lab, students: Sequence[Student], failed: Mapping[str, LabError], *, overcommit: bool
) -> dict[str, int]:
    """Check that the Docker hosts have room for these stacks; the number of processors of each machine."""
    processors = {}
    for docker_host, group in host_setup.groups_left(students, failed):
        with engine.connect(docker_host) as client:
            preflight.require_possible(client, group, classmates=lab.everybody, overcommit=overcommit)
            processors[machine(docker_host)] = client.info()["NCPU"]
    return processors


def prepare(lab: Lab, students: Sequence[Student], failed: dict[str, LabError], *, overcommit: bool = False) -> int:
    """Check that the Docker hosts have room for these stacks, and bring the images there.

    Args:
        failed: Docker hosts that are left out. One that goes away meanwhile joins them.

    Returns:
        how many students Ansible may work on at a time.
    """
    processors = _require_possible(lab, students, failed, overcommit=overcommit)
    host_setup.ensure_images_of(students, failed)
    return _forks(processors.values())


def _ensure_gateways(lab: Lab, students: Sequence[Student], failed: dict[str, LabError]) -> None:
    """The class's gateway on every Docker host of these students. Where it fails, the host joins the `failed`.

    Nobody logs in to a stack for grading, and a gateway is in none of their networks.

    Raises:
        LabError: it failed everywhere.
    """
    for docker_host, group in by_docker_host([student for student in students if not student.grading]):
        try:
            _ensure_gateway(lab, docker_host, group[0])
        except LabError as error:
            failed[docker_host] = error
            if not host_setup.groups_left(students, failed):
                raise


def _ensure_gateway(lab: Lab, docker_host: str, student: Student) -> None:
    """The class's gateway on a Docker host of `student`, or none where the inventory has none."""
    if student.gateway is None:
        with engine.connect(docker_host) as client:
            if gateway.remove(client, student.lab_class):
                say(f"removed the gateway on {docker_host}: the inventory has none any more")
        return
    everybody = [one for one in lab.students if one.docker_host == docker_host]
    with engine.connect(docker_host) as client:
        changed = gateways.ensure(client, everybody, folder=lab.path.parent)
    state = f"changed: {', '.join(changed)}" if changed else "unchanged"
    say(f"{'gateway':13} {student.lab_class:11} {state}: {pages.origin(student.gateway.domain, student.gateway)}/")


def _forks(processors: Collection[int]) -> int:
    """How many students Ansible works on at a time.

    As many as the Docker hosts have processors, for which a stack's start is work; but each is a process of this
    machine too, which mostly waits.
    """
    return max(1, min(sum(processors), FORKS_EACH * (os.cpu_count() or 1)))


def bring_up(
    lab: Lab, students: Sequence[Student], missed: Sequence[str] = (), *, at_once: int, verbose: bool = False
) -> None:
    """Run the playbook for students whose stacks are locked and whose Docker hosts are prepared.

    Args:
        missed: why others are not among them, which an error says as well.
    """
    known_hosts.remember(students)
    names = [student.name for student in students]
    try:
        with stage("cluster"):
            summary = play("provision.yml", lab, limit=names, at_once=at_once, verbose=verbose)
    except LabError as error:
        error.evidence += missed
        raise
    for docker_host, group in by_docker_host(students):
        with engine.connect(docker_host) as client:
            for student in group:
                volumes.prune(client, student)
    came_to = f" and {'proved' if summary.changed else 'answering'}, {summary.changed} changed"
    say(f"{', '.join(names)}: provisioned{'' if verbose else came_to}")  # verbose: Ansible has printed what it changed
