"""`invoke provision`: an engine, the images, then every student's stack, proved."""

from __future__ import annotations

from collections.abc import Sequence

from streamlab import artifacts, engine, images, preflight, volumes
from streamlab.inventory import Lab
from streamlab.playbooks import play
from streamlab.topology import Student, by_docker_host
from streamlab.ui import say


def ensure_engines(lab: Lab, students: Sequence[Student], *, verbose: bool = False) -> bool:
    """Make sure that every Docker host has an engine that answers; True when one had to be started."""
    silent = [host for host, _ in by_docker_host(students) if not engine.answers(host)]
    if silent:
        say(f"no Docker Engine answers at {', '.join(silent)}: installing and starting one")
        play("engine.yml", lab, verbose=verbose)
    return bool(silent)


def ensure_images(docker_host: str) -> bool:
    """Build on one Docker host what is missing there; True when something was."""
    with engine.connect(docker_host) as client:
        if images.missing(client):
            preflight.require_room(client, docker_host, needed_gb=preflight.DISK_GB_TO_BUILD)
        return bool(images.ensure_images(client))


def provision(lab: Lab, students: Sequence[Student], *, verbose: bool = False) -> None:
    """Bring the stacks of `students` to what the inventory says. Run again, it changes nothing.

    What was changed is proved; a stack in which nothing was, and that was proved, has its nodes asked.

    Raises:
        WrongRequest: it cannot be done here; nothing was touched.
        LabError: a student's stack could not be brought up; the others' were.
    """
    preflight.require_memory(students)
    ensure_engines(lab, students, verbose=verbose)
    processors = 0
    for docker_host, group in by_docker_host(students):
        with engine.connect(docker_host) as client:
            preflight.require_possible(client, group)
            processors += client.info()["NCPU"]
        ensure_images(docker_host)
    names = [student.name for student in students]
    summary = play("provision.yml", lab, limit=names, at_once=processors, verbose=verbose)
    for docker_host, group in by_docker_host(students):
        with engine.connect(docker_host) as client:
            for student in group:
                volumes.prune(client, student)
    came_to = f" and {'proved' if summary.changed else 'answering'}, {summary.changed} changed"
    say(f"{', '.join(names)}: provisioned{'' if verbose else came_to}")  # verbose: Ansible has told what it changed


def build_images(lab: Lab) -> None:
    """`invoke images`: build on every Docker host of the inventory what is missing there."""
    ensure_engines(lab, lab.students)
    built = [ensure_images(docker_host) for docker_host, _ in by_docker_host(lab.students)]
    if not any(built):
        say("nothing to do: every image is built")


def renew_locks(lab: Lab) -> None:
    """`invoke lock`: resolve every version again on this machine's engine, and say what changed."""
    ensure_engines(lab, lab.students)
    with engine.connect(lab.students[0].docker_host) as client:
        changes = artifacts.write_locks(client, images.ensure_builder(client))
    say("\n".join(changes) or "nothing changed")
