"""The nodes of a student's stack and their limits. Pure: nothing is touched here.

Ansible reads the same answers through the filter `stack_plan`, so neither side computes a name twice.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from streamlab import __version__
from streamlab.students.addresses import address, gateway_address, possible_names
from streamlab.students.services import all_kinds, image_of, missing_commands, node_names
from streamlab.students.student import Student

#: The most processes and threads of a node, and of one of these kinds: a NodeManager's are those of applications, too.
PIDS = 1024
PIDS_OF = {"nodemanager": 4096}


@dataclass(frozen=True)
class Page:
    """A web page of a node, published on the Docker host's loopback; with a gateway there is none."""

    title: str
    container_port: int
    host_port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.host_port}/"


@dataclass(frozen=True)
class Node:
    """One container of a stack."""

    name: str
    kind: str
    service: str
    image: str
    container: str
    address: str
    memory_mb: int
    pages: tuple[Page, ...] = ()
    pids: int = PIDS


def nodes(student: Student) -> list[Node]:
    """All nodes of a student's stack, in reading order; a description names none."""
    made: list[Node] = []
    if student.cluster is not None:
        return made
    for kind, service in all_kinds().items():
        for name in node_names(kind, student.node_counts.get(kind, 0)):
            memory = student.node_memory_mb[kind] + (student.yarn_memory_mb if kind == "nodemanager" else 0)
            pages = tuple(
                Page(title=page["title"], container_port=page["port"], host_port=student.port_base + page["offset"])
                for page in student.pages.values()
                if page["node"] == name and student.gateway is None
            )
            container, at = f"{student.prefix}-{name}", address(student, name)
            pids = PIDS_OF.get(kind, PIDS)
            image = image_of(kind, student.services)
            made.append(Node(name, kind, service, image, container, at, memory, pages, pids))
    return made


def plan(student: Student) -> dict[str, Any]:
    """What Ansible needs to know of a stack, as plain data."""
    return {
        "version": __version__,
        "prefix": student.prefix,
        "docker_host": student.docker_host,
        "owner": student.owner,
        "network": student.network,
        "names": [*possible_names(student), student.subnet],
        "kafka_cluster_id": student.kafka_cluster_id,
        "yarn_memory_mb": student.yarn_memory_mb,
        "yarn_vcores": student.yarn_vcores,
        "replication": student.replication,
        "services": list(student.services),
        "missing_commands": missing_commands(student),
        "disk_mb": student.disk_mb,
        "disk_reserve_mb": student.disk_reserve_mb,
        "host_ports": student.host_ports,
        "gateway": gateway_address(student) if student.gateway else None,
        "nodes": [asdict(node) for node in nodes(student)],
    }
