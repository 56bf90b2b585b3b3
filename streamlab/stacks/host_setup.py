"""What a Docker host has before any stack: an engine that answers, and the images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from streamlab import display
from streamlab.building import build, images, locks, travel
from streamlab.display import stage
from streamlab.engines import engine
from streamlab.errors import LabError
from streamlab.stacks import preflight
from streamlab.stacks.playbooks import play
from streamlab.students import endpoint
from streamlab.students.docker_hosts import LOCAL, by_docker_host, is_here
from streamlab.students.inventory import Lab
from streamlab.students.services import images_of
from streamlab.students.student import Student
from streamlab.ui import say


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


def wanted_images(students: Sequence[Student]) -> tuple[str, ...]:
    """The images of these students' nodes, and of the gateway where they have one."""
    gateway = (images.GATEWAY,) if any(student.gateway for student in students) else ()
    optional = dict.fromkeys(image for student in students for image in images_of(student.services))
    return (*images.PRODUCTS, *gateway, *optional)


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


def ensure_images_of(students: Sequence[Student], failed: dict[str, LabError]) -> bool:
    """Images for every Docker host of these students; True when some were missing.

    A host that goes away meanwhile joins the `failed`, and the others go on.
    """
    groups, brought = groups_left(students, failed), False
    for docker_host, group in groups:
        try:
            brought |= ensure_images(docker_host, [host for host, _ in groups], wanted_images(group))
        except LabError as error:
            failed[docker_host] = error
            if not groups_left(students, failed):
                raise
    return brought


def groups_left(students: Sequence[Student], failed: Mapping[str, LabError]) -> list[tuple[str, list[Student]]]:
    """The students by Docker host, without the hosts that failed."""
    return [(docker_host, group) for docker_host, group in by_docker_host(students) if docker_host not in failed]


def build_images(lab: Lab) -> None:
    """`invoke images`: bring or build on every Docker host of the inventory what is missing there.

    Raises:
        LabError: a Docker host does not answer, or could not be served; the others were.
    """
    with display.whole("engine", "images"):
        ensure_engines(lab, lab.students)
        failed: dict[str, LabError] = {**engine.unreachable(lab.students)}
        brought = ensure_images_of(lab.students, failed)
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
        changes = locks.write_locks(client, build.ensure_builder(client))
    say("\n".join(changes) or "nothing changed")
