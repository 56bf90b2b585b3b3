"""`invoke provision`: an engine, the images, then every student's stack, proved."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence

from streamlab import display
from streamlab.building import artifacts, build, images, travel
from streamlab.display import stage
from streamlab.engines import engine, volumes
from streamlab.errors import LabError
from streamlab.gateway import bring_up as gateways
from streamlab.gateway import gateway, pages
from streamlab.stacks import known_hosts, location, parallel, preflight
from streamlab.stacks.operation import Access, Operation
from streamlab.stacks.parallel import Outcome
from streamlab.stacks.playbooks import play
from streamlab.students import endpoint
from streamlab.students.docker_hosts import LOCAL, is_here, machine
from streamlab.students.inventory import Lab
from streamlab.students.services import images_of
from streamlab.students.topology import Student, by_docker_host
from streamlab.ui import say

#: Students that Ansible works on at a time, for each processor of this machine.
FORKS_EACH = 8


def ensure_engines(lab: Lab, students: Sequence[Student], *, verbose: bool = False) -> bool:
    """Make sure that this machine's engine, where it is one of theirs, answers; True when it had to be started.

    Any other engine is somebody else's to install, and none is installed beside one that answers.

    Raises:
        NoEngine: the students' engine does not answer, and another one of this machine does.
    """
    silence = engine.silence(LOCAL) if LOCAL in (student.docker_host for student in students) else None
    if silence is None:
        return False
    if engine.elsewhere(LOCAL):
        raise silence
    say(f"no Docker Engine answers at {LOCAL}: installing and starting one")
    with stage("engine"):
        play("engine.yml", lab, verbose=verbose)
    return True


def own_engine(lab: Lab) -> str:
    """The engine of this machine that the inventory uses; started if it is the machine's own and does not run."""
    ensure_engines(lab, lab.students)
    return next((student.docker_host for student in lab.students if is_here(student.docker_host)), endpoint.here())


def ensure_images(docker_host: str, others: Sequence[str] = (), wanted: Sequence[str] = images.PRODUCTS) -> bool:
    """Bring to one Docker host what is missing there from the `others` that have it, else build it; True when it was.

    The machine's own engine is looked at as well: most often it is where the images were built first.
    """
    with engine.connect(docker_host) as client:
        if not build.missing(client, wanted):
            return False
        preflight.require_room(client, docker_host, needed_gb=preflight.DISK_GB_TO_BUILD)
    with stage("images"):
        for other in dict.fromkeys((*others, endpoint.here())):
            if other != docker_host:
                travel.bring(docker_host, other, wanted)
        fetch_at = docker_host if is_here(docker_host) else endpoint.here()
        build.ensure_images(docker_host, fetch_at=fetch_at, wanted=wanted)
    return True


def wanted_images(students: Sequence[Student]) -> tuple[str, ...]:
    """The images of these students' nodes, and of the gateway where they have one."""
    gateway = (images.GATEWAY,) if any(student.gateway for student in students) else ()
    optional = dict.fromkeys(image for student in students for image in images_of(student.services))
    return (*images.PRODUCTS, *gateway, *optional)


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
    ensure_engines(lab, students, verbose=verbose)
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
    """The Docker hosts that do not answer; the students who have a stack on another one; and all others.

    Raises:
        LabError: no Docker host answers.
    """
    failed: dict[str, LabError] = {**engine.unreachable(students)}
    if not _left(students, failed):
        raise engine.not_reached(failed, students)
    refusals = location.refusals(lab, students, silent=failed)
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
    for docker_host, group in _left(students, failed):
        with engine.connect(docker_host) as client:
            if absent := build.missing(client, wanted_images(group)):
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
    for docker_host, group in _left(students, failed):
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
    _ensure_images_of(students, failed)
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
            if not _left(students, failed):
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


def _left(students: Sequence[Student], failed: Mapping[str, LabError]) -> list[tuple[str, list[Student]]]:
    """The students by Docker host, without the hosts that failed."""
    return [(docker_host, group) for docker_host, group in by_docker_host(students) if docker_host not in failed]


def _ensure_images_of(students: Sequence[Student], failed: dict[str, LabError]) -> bool:
    """Images for every Docker host of these students; True when some were missing.

    A host that goes away meanwhile joins the `failed`, and the others go on.
    """
    groups, brought = _left(students, failed), False
    for docker_host, group in groups:
        try:
            brought |= ensure_images(docker_host, [host for host, _ in groups], wanted_images(group))
        except LabError as error:
            failed[docker_host] = error
            if not _left(students, failed):
                raise
    return brought


def build_images(lab: Lab) -> None:
    """`invoke images`: bring or build on every Docker host of the inventory what is missing there.

    Raises:
        LabError: a Docker host does not answer, or could not be served; the others were.
    """
    with display.whole("engine", "images"):
        ensure_engines(lab, lab.students)
        failed: dict[str, LabError] = {**engine.unreachable(lab.students)}
        brought = _ensure_images_of(lab.students, failed)
    if not brought and not failed:
        say("nothing to do: every image is built")
    if failed:
        raise engine.not_reached(failed, lab.students)


def train(lab: Lab) -> None:
    """`invoke train`: find the lists of classes again, from images that are built for it first."""
    from streamlab.building import training

    host = own_engine(lab)
    ensure_images(host)
    with engine.connect(host) as client:
        training.train(client)
    say("the images have new archives with the next: invoke images")


def renew_locks(lab: Lab) -> None:
    """`invoke lock`: resolve every version again on this machine's engine, and say what changed."""
    with engine.connect(own_engine(lab)) as client:
        changes = artifacts.write_locks(client, build.ensure_builder(client))
    say("\n".join(changes) or "nothing changed")
