"""Students on two engines: images travel, neither reaches the other, and one engine that is gone stops nobody else."""

from __future__ import annotations

import json
import re
import shlex
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

import kept
from conftest import Engine
from lab_runner import LabRunner, write_inventory
from streamlab.building import images
from streamlab.engines import engine, labelled
from streamlab.students import inventory
from streamlab.students.docker_hosts import LOCAL

#: Says hello to a port, and whether what stands there answers as that service does. An open connection would prove
#: nothing: some networks' gateways accept every one.
PROBE = """
import socket, sys
address, port, hello, expected = sys.argv[1], int(sys.argv[2]), *map(bytes.fromhex, sys.argv[3:])
heard = b""
try:
    with socket.create_connection((address, port), 3) as connection:
        connection.settimeout(3)
        connection.sendall(hello)
        while expected not in heard and (piece := connection.recv(65536)):
            heard += piece
except OSError:
    pass
print("answers" if expected in heard else "is not there")
"""
#: Node -> port, what is said to it, and what only that service says back.
HELLOS = {
    "namenode": (9870, b"GET /jmx?qry=Hadoop:service=NameNode,name=NameNodeStatus HTTP/1.0\r\n\r\n", b"NameNodeStatus"),
    "resourcemanager": (8088, b"GET /ws/v1/cluster/info HTTP/1.0\r\n\r\n", b"resourceManagerVersion"),
    "kafka1": (9092, bytes.fromhex("0000000a 0012 0000 00000007 ffff"), bytes.fromhex("00000007")),  # ApiVersions
    "cassandra1": (9042, bytes.fromhex("04 00 0000 05 00000000"), b"CQL_VERSION"),  # OPTIONS
}


@pytest.fixture(scope="module")
def file(second_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    students = {
        "ada": {"port_base": 26700, "subnet": "10.94.1.0/27"},
        "bob": {"port_base": 26800, "subnet": "10.94.2.0/27", "docker_host": second_engine.docker_host},
    }
    return write_inventory(tmp_path_factory.mktemp("two"), f"two{uuid.uuid4().hex[:8]}", students)


@pytest.fixture(scope="module")
def told(file: Path) -> Iterator[str]:
    """What provision says when it brings both students' stacks up; destroyed at the end."""
    lab = LabRunner(str(file), "ada")
    try:
        yield lab("provision", seconds=1800, student=False)
    finally:
        lab("destroy", "--yes", student=False)


@pytest.fixture
def ada(file: Path, told: str) -> LabRunner:
    return LabRunner(str(file), "ada")


@pytest.fixture
def bob(file: Path, told: str) -> LabRunner:
    return LabRunner(str(file), "bob")


def addresses(file: Path, name: str) -> dict[str, str]:
    """Node -> its address, as the student's own engine says."""
    student = inventory.load(file).student(name)
    with engine.connect(student.docker_host) as client:
        found = labelled.containers(client, student)
        return {
            node: container.attrs["NetworkSettings"]["Networks"][student.network]["IPAddress"]
            for node, container in found.items()
        }


def test_images_travel_instead_of_being_built(told: str, second_engine: Engine) -> None:
    products = ", ".join(images.PRODUCTS)
    line = rf"brought {products} from {LOCAL} to {second_engine.docker_host}: \d+ MB in \d+ s"
    assert re.search(line, told)
    assert "built " not in told
    assert "ada, bob: provisioned and proved" in told


@pytest.mark.parametrize("name", ["ada", "bob"])
def test_a_lesson_passes_on_either_engine(file: Path, told: str, name: str) -> None:
    lab = LabRunner(str(file), name)
    lab("submit", "--job", "lesson01")
    assert lab.check("lesson01")["passed"]


def probe(lab: LabRunner, address: str, node: str) -> str:
    """What a student's edge hears of a node at an address."""
    port, hello, expected = HELLOS[node]
    words = ["python3", "-c", PROBE, address, str(port), hello.hex(), expected.hex()]
    return lab.inside(shlex.join(words)).strip()


@pytest.mark.parametrize(("name", "other"), [("ada", "bob"), ("bob", "ada")])
def test_neither_engine_reaches_the_other_s_nodes(file: Path, told: str, name: str, other: str) -> None:
    lab, own, foreign = LabRunner(str(file), name), addresses(file, name), addresses(file, other)
    assert {node: probe(lab, own[node], node) for node in HELLOS} == dict.fromkeys(HELLOS, "answers")
    assert {node: probe(lab, foreign[node], node) for node in HELLOS} == dict.fromkeys(HELLOS, "is not there")


def test_one_engine_gone_stops_nobody_else_and_its_students_come_back_with_it(
    ada: LabRunner, bob: LabRunner, second_engine: Engine
) -> None:
    before = kept.put(bob, "engine")
    gone = f"no Docker Engine answers at {second_engine.docker_host}"
    second_engine.stop()
    try:
        assert ada.check("lesson01")["passed"]
        for task in (("status",), ("check", "--job", "lesson01"), ("submit", "--job", "lesson01"), ("provision",)):
            refused = bob.run(*task)
            assert refused.code == 2, task
            assert gone in refused.err, task

        seen = ada.run("status", "--json", student=False)
        assert seen.code == 1
        assert "error: not reached: bob\n" in seen.err
        healthy = {student["name"]: student["healthy"] for student in json.loads(seen.out)["students"]}
        assert healthy == {"ada": True, "bob": False}

        provisioned = ada.run("provision", student=False)
        assert provisioned.code == 1
        assert "ada: provisioned and answering, 0 changed\n" in provisioned.out
        assert f"error: not reached: bob\n  bob: {gone}" in provisioned.err
    finally:
        second_engine.start()
    bob("prove", "--seconds", "150")
    assert kept.held(bob, "engine") == before
    assert bob.check("lesson01")["passed"]
    assert "ada, bob: provisioned and answering, 0 changed\n" in ada("provision", student=False)
