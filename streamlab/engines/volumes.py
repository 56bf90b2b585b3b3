"""A stack's volumes: decides their names, and creates those that are missing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import docker

from streamlab.engines import engine, inside, labelled
from streamlab.students.services import all_kinds, kind_of
from streamlab.students.student import Student


@dataclass(frozen=True)
class Volumes:
    """The names of a stack's volumes."""

    data: tuple[str, ...]
    config: str


def wanted(prefix: str, nodes: Sequence[str], config_files: Mapping[str, str]) -> Volumes:
    """The volumes a stack should have; the name of the configuration volume contains a hash of its files."""
    digest = hashlib.sha256(json.dumps(config_files, sort_keys=True).encode()).hexdigest()[:12]
    return Volumes(tuple(f"{prefix}-{node}" for node in nodes), f"{prefix}-config-{digest}")


def there(client: docker.DockerClient, chosen: Mapping[str, Sequence[str]]) -> set[str]:
    """The names of the volumes that the engine's filter `chosen` finds."""
    return {volume.name for volume in client.volumes.list(filters=chosen)}


def nodes(names: Collection[str], prefix: str) -> set[str]:
    """The nodes that have a volume among these, whether or not they have a container."""
    found = (name.removeprefix(f"{prefix}-") for name in names)
    return {name for name in found if kind_of(name) in all_kinds()}


def ensure(
    client: docker.DockerClient,
    volumes: Volumes,
    *,
    there: Collection[str],
    labels: Mapping[str, str],
    image: str,
    config_files: Mapping[str, str],
    mounted: Collection[str] = (),
    dry_run: bool = False,
) -> list[str]:
    """Create the volumes that are missing from `there`, fill the configuration volume, and return the names of both.

    The configuration is written through a container that is never started, unless a node mounts the volume already
    (`mounted`). An existing volume that no node mounts may be the empty leftover of an interrupted run.
    """
    made = [name for name in volumes.data if name not in there]
    made += [name for name in [volumes.config] if name not in mounted]
    if dry_run:
        return made
    for name in made:
        if name not in there:
            client.volumes.create(name, labels=dict(labels))
    if volumes.config in made:
        _fill(client, volumes.config, image, labels, config_files)
    return made


def _fill(
    client: docker.DockerClient, volume: str, image: str, labels: Mapping[str, str], files: Mapping[str, str]
) -> None:
    data = inside.tar_of({name: text.encode() for name, text in files.items()})
    bound = {volume: {"bind": "/etc/streamlab", "mode": "rw"}}
    with engine.temporary_container(client, image, ["true"], volumes=bound, labels=dict(labels)) as container:
        container.put_archive("/etc/streamlab", data)


def prune(client: docker.DockerClient, student: Student) -> list[str]:
    """Remove the student's configuration volumes that no container mounts any more, and return their names."""
    unused = client.volumes.list(filters={**labelled.stack_filter(student), "dangling": True})
    old = [volume for volume in unused if volume.name.startswith(f"{student.prefix}-config-")]
    for volume in old:
        volume.remove()
    return [volume.name for volume in old]
