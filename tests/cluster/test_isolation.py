"""No node of one student reaches another's, by name or by address; the same probe succeeds inside the own stack.

Nor do two stacks share an id, although the images bring them what a first start would make.
"""

from __future__ import annotations

import ipaddress
import json
import urllib.request
from collections.abc import Iterator

import pytest

from lab_runner import LabRunner, write_inventory
from streamlab.engines import engine, labelled
from streamlab.students import inventory, topology

#: Prints, for each "host:port" given, what came of connecting to it: "open", or the error.
PROBE = """
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor
def probe(target):
    host, _, port = target.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=3).close()
        return "open"
    except OSError as error:
        return str(error) or type(error).__name__
targets = sys.argv[1:]
with ThreadPoolExecutor(32) as pool:
    print(json.dumps(dict(zip(targets, pool.map(probe, targets)))))
"""
#: Ports on which a node listens for others, from the kernel's tables: state 0A, not bound to loopback alone.
LISTENING = "cat /proc/net/tcp /proc/net/tcp6"


#: Node -> prints what it is told apart by, one a line.
IDS = {
    "namenode": "grep -hE '^(clusterID|blockpoolID)=' /data/name/current/VERSION",
    "datanode1": "grep -h ^datanodeUuid= /data/data/current/VERSION",
    "resourcemanager": "sha256sum </data/state/FSRMStateRoot/ProxyCARoot/caPrivateKey",
    "kafka1": "grep -hE '^(cluster|directory)[.]id=' /data/kafka/meta.properties",
    "edge": "cqlsh -e 'SELECT host_id FROM system.local' | grep -E '[0-9a-f]{8}-'",
}


@pytest.fixture(scope="module")
def neighbour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabRunner]:
    """Another student of another class on the same engine."""
    student = {"neighbour": {"port_base": 24500, "subnet": "10.89.225.0/27"}}
    lab = LabRunner(str(write_inventory(tmp_path_factory.mktemp("inventory"), "labnext", student)), "neighbour")
    with lab.provisioned():
        yield lab


def listening(lab: LabRunner, node: str) -> list[int]:
    ports = set()
    for line in lab.inside(LISTENING, node=node).splitlines():
        fields = line.split()
        if len(fields) > 3 and fields[3] == "0A":
            address, _, port = fields[1].partition(":")
            if not address.endswith("0100007F") and not address.startswith("0B00007F"):  # loopback, Docker's resolver
                ports.add(int(port, 16))
    return sorted(ports)


def addresses(lab: LabRunner) -> dict[str, str]:
    """Node -> its address, from the engine."""
    student = inventory.load(lab.inventory).student(lab.student)
    with engine.connect(student.docker_host) as client:
        found = labelled.containers(client, student)
        return {name: c.attrs["NetworkSettings"]["Networks"][student.network]["IPAddress"] for name, c in found.items()}


def targets(lab: LabRunner) -> tuple[list[str], list[str]]:
    """Every address and port, and every name and port, on which this student's nodes listen."""
    places = [(node, address, port) for node, address in addresses(lab).items() for port in listening(lab, node)]
    return [f"{address}:{port}" for _, address, port in places], [f"{node}:{port}" for node, _, port in places]


def probe(lab: LabRunner, wanted: list[str]) -> dict[str, str]:
    script = PROBE.replace("'", '"')
    return json.loads(lab.inside(f"python3 -c '{script}' {' '.join(wanted)}"))


def test_own_nodes_are_reached_and_a_neighbours_are_not(lab: LabRunner, neighbour: LabRunner) -> None:
    by_address, by_name = targets(lab)
    theirs, _ = targets(neighbour)
    assert len(by_address) >= 12
    assert len(theirs) >= 12
    assert set(probe(lab, by_address + by_name).values()) == {"open"}
    assert set(probe(neighbour, theirs).values()) == {"open"}
    for outcome in (*probe(lab, theirs).values(), *probe(neighbour, by_address).values()):
        assert outcome == "timed out" or "refused" in outcome or "unreachable" in outcome, outcome


def test_a_neighbours_names_are_not_known(lab: LabRunner, neighbour: LabRunner) -> None:
    student = inventory.load(neighbour.inventory).student()
    names = [f"{student.prefix}-{node}:9092" for node in addresses(neighbour)]
    assert {"not known" in outcome or "resolution" in outcome for outcome in probe(lab, names).values()} == {True}


def test_no_id_is_shared(lab: LabRunner, neighbour: LabRunner) -> None:
    own, other = (
        [line.strip() for node, command in IDS.items() for line in one.inside(command, node=node).splitlines()]
        for one in (lab, neighbour)
    )
    assert len(own) == len(other) == 7
    assert set(own) & set(other) == set()


def test_pages_published_on_the_host_are_not_reached_through_its_bridge(lab: LabRunner, neighbour: LabRunner) -> None:
    """127.0.0.1 of the machine is not the machine's address in a student's network."""
    own, other = (inventory.load(one.inventory).student(one.student) for one in (lab, neighbour))
    gateway = next(ipaddress.IPv4Network(own.subnet).hosts())
    pages = [page for student in (own, other) for node in topology.nodes(student) for page in node.pages]
    for page in pages[:3]:  # served by daemons; the others open when a student starts something
        urllib.request.urlopen(page.url, timeout=10).close()
    outcomes = probe(lab, [f"{gateway}:{page.host_port}" for page in pages])
    assert "open" not in outcomes.values(), outcomes


def test_taking_one_away_and_making_it_anew_touches_no_other(lab: LabRunner, neighbour: LabRunner) -> None:
    own = inventory.load(lab.inventory).student(lab.student)

    def stack() -> dict[str, tuple[str, str]]:
        """Node -> its container and since when it runs."""
        with engine.connect(own.docker_host) as client:
            return {name: (c.id, c.attrs["State"]["StartedAt"]) for name, c in labelled.containers(client, own).items()}

    before = stack()
    neighbour("destroy", "--yes", student=False)
    assert stack() == before
    neighbour("provision")
    assert stack() == before
