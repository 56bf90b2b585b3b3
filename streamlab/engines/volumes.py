"""A stack's volumes: names are decided here, and what is missing is made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import docker

from streamlab.engines import engine, inside
from streamlab.students.topology import Student


@dataclass(frozen=True)
class Volumes:
    """The names of a stack's volumes."""

    data: tuple[str, ...]
    config: str


def wanted(prefix: str, nodes: Sequence[str], config_files: Mapping[str, str]) -> Volumes:
    """The volumes a stack should have; the configuration's name is a hash of what is in it."""
    digest = hashlib.sha256(json.dumps(config_files, sort_keys=True).encode()).hexdigest()[:12]
    return Volumes(tuple(f"{prefix}-{node}" for node in nodes), f"{prefix}-config-{digest}")


def ensure(
    client: docker.DockerClient,
    volumes: Volumes,
    *,
    labels: Mapping[str, str],
    image: str,
    config_files: Mapping[str, str],
    dry_run: bool = False,
) -> list[str]:
    """Make the volumes that are missing, and return their names.

    The volume of configuration is filled through a container that is created but never started. It is removed again
    if filling it fails, so a volume of that name is always whole.
    """
    student = labels["streamlab.student"]
    there = {v.name for v in client.volumes.list(filters={"label": f"streamlab.student={student}"})}
    made = [name for name in (*volumes.data, volumes.config) if name not in there]
    if dry_run:
        return made
    for name in made:
        client.volumes.create(name, labels=dict(labels))
    if volumes.config in made:
        try:
            _fill(client, volumes.config, image, config_files)
        except BaseException:
            client.volumes.get(volumes.config).remove()
            raise
    return made


def _fill(client: docker.DockerClient, volume: str, image: str, files: Mapping[str, str]) -> None:
    carrier = client.containers.create(image, ["true"], volumes={volume: {"bind": "/etc/streamlab", "mode": "rw"}})
    try:
        carrier.put_archive("/etc/streamlab", inside.tar_of({name: text.encode() for name, text in files.items()}))
    finally:
        carrier.remove(force=True)


def prune(client: docker.DockerClient, student: Student) -> list[str]:
    """Remove the student's configuration that no container mounts any more, and return the volumes' names."""
    unused = client.volumes.list(filters={**engine.stack_filter(student), "dangling": True})
    old = [volume for volume in unused if volume.name.startswith(f"{student.prefix}-config-")]
    for volume in old:
        volume.remove()
    return [volume.name for volume in old]
