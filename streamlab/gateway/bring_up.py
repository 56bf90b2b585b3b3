"""Brings a class's gateway to what the inventory says: its secrets, its certificate, its files, its containers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import docker

from streamlab import __version__
from streamlab.engines.labelled import OWNER
from streamlab.errors import WrongRequest
from streamlab.gateway import authority, bastion, edge_ssh, gateway, health, settings
from streamlab.gateway.keys import key_pair
from streamlab.gateway.secrets import class_folder, ensure_secrets
from streamlab.students.problems import INSTRUCTOR
from streamlab.students.student import Gateway, Student


def ensure(client: docker.DockerClient, students: Sequence[Student], *, folder: Path) -> list[str]:
    """Make the gateway of these students, who are all of the class on one Docker host; return what was changed.

    Args:
        folder: which the inventory's paths of a certificate are relative to.

    Raises:
        WrongRequest: it belongs to somebody else, or the certificate cannot be used.
        LabError: the engine refused something, or it does not answer.
    """
    first, its = students[0], students[0].gateway
    if its is None:
        raise ValueError(f"{first.name} has no gateway")
    _require_owner(client, first)
    labels = {"streamlab.class": first.lab_class, OWNER: first.owner, "streamlab.version": __version__}
    changed = gateway.ensure(client, students, its, files(students, its, folder=folder), labels=labels)
    health.wait_until_it_answers(client, first.lab_class, its.domain)
    return changed


def files(students: Sequence[Student], its: Gateway, *, folder: Path) -> dict[str, bytes]:
    """The gateway's files; what is missing of secrets and certificates is made.

    Raises:
        WrongRequest: the given certificate cannot be used.
    """
    kept = class_folder(students[0].lab_class)
    secrets = ensure_secrets(kept, [*(student.name for student in students), INSTRUCTOR])
    logins = bastion.files(students, key_pair(students[0].lab_class, bastion.HOST_KEY))
    logins |= edge_ssh.portal_files(students)
    if its.tls == "files":
        certificate, key = authority.given_certificate(folder / its.certificate, folder / its.key, its)
        return logins | settings.files(students, its, secrets=secrets, certificate=certificate, key=key)
    certificate, key = authority.ensure_certificate(kept, its, name=students[0].lab_class)
    own = authority.ensure_authority(kept, its, name=students[0].lab_class)
    return logins | settings.files(
        students, its, secrets=secrets, certificate=certificate, key=key,
        authority=(kept / "ca.pem").read_bytes(), fingerprint=authority.fingerprint(own),
    )  # fmt: skip


def _require_owner(client: docker.DockerClient, student: Student) -> None:
    front = gateway.parts_of(client, student.lab_class).get("front")
    owner = front.labels.get(OWNER, student.owner) if front else student.owner
    if owner != student.owner:
        raise WrongRequest(
            f"the gateway of {student.lab_class} on {student.docker_host} belongs to somebody else",
            evidence=[f"it was made by {owner}", f"you are        {student.owner}"],
            fix="use another lab_class in your inventory, or have its owner destroy the class",
        )
