"""`destroy` removes exactly what carries our label, and leaves what stands beside it alone."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from lab_runner import LabRunner, write_inventory
from streamlab.building import images


@pytest.fixture
def client(lab: LabRunner) -> Iterator[docker.DockerClient]:
    """An engine that runs, since the stack does."""
    connection = docker.DockerClient(base_url="unix:///var/run/docker.sock")
    yield connection
    connection.close()


@pytest.fixture
def undo(tmp_path: Path) -> LabRunner:
    """A class of its own, of which nothing runs."""
    name = f"undo{uuid.uuid4().hex[:8]}"
    students = {
        "ada": {"port_base": 28100, "subnet": "10.89.251.0/27"},
        "bob": {"port_base": 28200, "subnet": "10.89.252.0/27"},
    }
    return LabRunner(str(write_inventory(tmp_path, name, students)), name)


def make(client: docker.DockerClient, name: str, labels: dict[str, str]) -> None:
    """A running container with a network and a volume."""
    client.networks.create(name, labels=labels)
    client.volumes.create(name, labels=labels)
    client.containers.run(
        images.image_tags()["hadoop"], ["sleep", "600"], name=name, labels=labels, network=name, detach=True,
        volumes={name: {"bind": "/data"}},
    )  # fmt: skip


def make_three(client: docker.DockerClient, undo: LabRunner) -> str:
    """Something of two students of the class, and something foreign; what all their names begin with."""
    name = undo.student
    for student in ("ada", "bob"):
        make(client, f"{name}-{student}", {"streamlab.class": name, "streamlab.student": student})
    make(client, f"{name}-foreign", {})
    return name


def names(client: docker.DockerClient, prefix: str) -> list[str]:
    found = [*client.containers.list(all=True), *client.networks.list(), *client.volumes.list()]
    return sorted(thing.name for thing in found if thing.name.startswith(prefix))


def clear(client: docker.DockerClient, prefix: str) -> None:
    """Take away what a test made, whatever is left of it."""
    for container in client.containers.list(all=True, filters={"name": prefix}):
        container.remove(force=True)
    for thing in [*client.networks.list(), *client.volumes.list()]:
        if thing.name.startswith(prefix):
            thing.remove()


def test_destroy_takes_one_student_then_the_class_and_nothing_else(
    client: docker.DockerClient, undo: LabRunner
) -> None:
    name = make_three(client, undo)
    try:
        refused = undo.run("destroy", student=False)
        assert refused.code == 2
        assert refused.err.endswith("fix: add --yes\n")
        assert len(names(client, name)) == 9

        printed = undo("destroy", "--student", "ada", "--yes", student=False)
        assert printed == "removed 1 containers, 1 networks and 1 volumes\n"
        assert names(client, name) == sorted([f"{name}-bob"] * 3 + [f"{name}-foreign"] * 3)

        undo("destroy", "--yes", student=False)
        assert names(client, name) == [f"{name}-foreign"] * 3
        assert client.containers.get(f"{name}-foreign").status == "running"

        again = undo("destroy", "--yes", student=False)
        assert again.startswith("nothing to destroy on unix:///var/run/docker.sock")
    finally:
        clear(client, name)


def test_a_network_that_something_foreign_has_joined_keeps_no_other_student_s_stack(
    client: docker.DockerClient, undo: LabRunner
) -> None:
    name = make_three(client, undo)
    client.networks.get(f"{name}-ada").connect(f"{name}-foreign")
    try:
        ran = undo.run("destroy", "--limit", "a*,bob", "--yes", student=False)
        assert ran.code == 1
        assert "error: a part of the stack is used by something outside the lab\n" in ran.err
        assert ran.err.endswith("repeat it for them alone: --limit ada\n")
        # Of ada only the network is left, and nothing of bob.
        assert names(client, name) == sorted([f"{name}-ada"] + [f"{name}-foreign"] * 3)

        client.networks.get(f"{name}-ada").disconnect(f"{name}-foreign")
        assert undo("destroy", "--limit", "ada", "--yes", student=False) == (
            "removed 0 containers, 1 networks and 0 volumes\n"
        )
    finally:
        clear(client, name)
