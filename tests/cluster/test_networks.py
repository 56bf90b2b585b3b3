"""A class of forty: as many networks, and the engine does not run out of addresses. No daemon is started."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from lab_runner import LabRunner
from streamlab.engines import engine
from streamlab.stacks import destroy, reconcile
from streamlab.students import inventory, roster

COUNT = 40


@pytest.fixture
def client(lab: LabRunner) -> Iterator[docker.DockerClient]:
    with engine.connect(inventory.load(lab.inventory).students[0].docker_host) as client:
        try:
            yield client
        finally:
            for found in destroy.belongings(client, "labforty").values():
                destroy.remove(client, found)


def test_forty_students_have_forty_networks(client: docker.DockerClient, tmp_path: Path) -> None:
    names = tmp_path / "students.csv"
    names.write_text("name\n" + "".join(f"Student {number}\n" for number in range(1, COUNT + 1)))
    file = tmp_path / "class.yml"
    (tmp_path / "group_vars").symlink_to(inventory.DEFAULT.parent / "group_vars", target_is_directory=True)
    roster.make(names, file, "labforty", ports_from=26000, subnets="10.95.0.0/16")
    students = inventory.load(file).students
    assert len(students) == COUNT
    for student in students:
        labels = {"streamlab.class": student.lab_class, "streamlab.student": student.name}
        reconcile.make_network(client, student.network, student.subnet, labels)
    found = client.networks.list(filters={"label": "streamlab.class=labforty"})
    assert {pool["Subnet"] for network in found for pool in network.attrs["IPAM"]["Config"]} == {
        student.subnet for student in students
    }
