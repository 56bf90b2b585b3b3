"""The nodes of a student's stack, their names and their limits. Pure: nothing is touched here.

Ansible reads the same answers through the filter `stack_plan`, so neither side computes a name twice.
"""

from __future__ import annotations

import base64
import ipaddress
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import Any, Protocol, TypeVar

from streamlab import __version__
from streamlab.students.clusters import Cluster
from streamlab.students.docker_hosts import is_here
from streamlab.students.services import SERVICE_OF, SERVICES, all_kinds, image_of, in_order

#: Kinds of which a stack has exactly one; their nodes carry no number.
SINGLE = ("namenode", "resourcemanager", "edge")

#: Services that keep copies of data -> the kind of node that holds them.
HOLDER_OF = {"hdfs": "datanode", "kafka": "kafka", "cassandra": "cassandra"}

#: The share of a class that runs applications at the same time, where the inventory does not say: one in three.
AT_WORK = 0.33

#: Copies that a service keeps where the size does not say, as far as there are nodes for them.
COPIES = 3

#: The most processes and threads of a node, and of one of these kinds: a NodeManager's are those of applications, too.
PIDS = 1024
PIDS_OF = {"nodemanager": 4096}

#: Of a network with room for thousands of nodes, so many of a kind are named before there are so many.
MOST_NAMED = 30


class Placed(Protocol):
    """What is on a Docker host: a student, or what is left of one."""

    @property
    def name(self) -> str: ...

    @property
    def docker_host(self) -> str: ...


P = TypeVar("P", bound=Placed)


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


@dataclass(frozen=True)
class Gateway:
    """Where browsers reach the stacks of a class on one Docker host; the inventory's `gateway`.

    Every page has a host name of its own below `domain`, and all of them are at one TCP port of the Docker host.

    Args:
        address: the Docker host's address at which the ports are published.
        tls: "own" for a certificate of the class's own authority, "files" for `certificate` and `key` (paths).
    """

    domain: str = "lab.localhost"
    address: str = "127.0.0.1"
    port: int = 8443
    ssh_port: int = 2222
    tls: str = "own"
    certificate: str = ""
    key: str = ""


@dataclass(frozen=True)
class Student:
    """One inventory host of the group `students`, with every variable that a stack depends on."""

    name: str
    lab_class: str
    docker_host: str
    port_base: int
    subnet: str
    node_counts: Mapping[str, int]
    yarn_memory_mb: int
    yarn_vcores: int
    node_memory_mb: Mapping[str, int]
    node_idle_mb: Mapping[str, int]
    pages: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    asked_copies: Mapping[str, int] = field(default_factory=dict)
    #: Whose stack it is: another's is not touched.
    owner: str = ""
    #: How many of a Docker host's students run applications at the same time: a number, or a share of them (0.33).
    at_work: int | float = AT_WORK
    #: Disk that the stack may use (MB), and what is kept free on its Docker host (MB); 0 is no limit.
    disk_mb: int = 0
    disk_reserve_mb: int = 0
    #: Public keys of ssh with which the student logs in to the edge node.
    ssh_keys: tuple[str, ...] = ()
    #: None: pages are published on the Docker host's loopback, and there is no login.
    gateway: Gateway | None = None
    #: The optional services that the stack has besides those of every stack, in reading order.
    services: tuple[str, ...] = ()
    #: The language of what a student reads: "en" or "ru".
    language: str = "en"
    #: Whether it is no student's stack, but one on which hand-ins are graded: `grade` makes it anew for each.
    grading: bool = False
    #: What a roster says of the student, for a gradebook: the name as it is written, and the id number, e-mail and
    #: user name on a learning platform.
    roster_name: str = ""
    id_number: str = ""
    email: str = ""
    username: str = ""
    #: The description by which the stack is reached where that is not through an engine; what stands above is then
    #: empty, but for the name.
    cluster: Cluster | None = None

    @property
    def replication(self) -> dict[str, int]:
        """Service -> copies of its data: what the size asks for, else three where there are nodes for them."""
        return {
            service: self.asked_copies.get(service, min(COPIES, self.node_counts[kind]))
            for service, kind in HOLDER_OF.items()
        }

    @property
    def all_services(self) -> tuple[str, ...]:
        """The services that the stack has."""
        return (*SERVICES, *self.services)

    @property
    def prefix(self) -> str:
        """What the engine's names of this stack begin with; two classes may share one engine."""
        return f"{self.lab_class}-{self.name}"

    @property
    def network(self) -> str:
        return self.prefix

    @property
    def kafka_cluster_id(self) -> str:
        """A Kafka cluster id (22 characters of URL-safe base64) that is stable and differs between stacks.

        One that begins with a dash, as one in 64 does, would be an option to Kafka's tools; Kafka makes none either.
        """
        seed, made = self.prefix, "-"
        while made.startswith("-"):
            made = base64.urlsafe_b64encode(uuid.uuid5(uuid.NAMESPACE_DNS, seed).bytes).decode().rstrip("=")
            seed += "+"
        return made

    @property
    def host_ports(self) -> dict[str, int]:
        """Page -> the port at which the Docker host has it."""
        return {name: self.port_base + page["offset"] for name, page in self.pages.items()}

    @property
    def idle_mb(self) -> int:
        """What this stack uses while nobody works in it, as measured."""
        return sum(self.node_idle_mb[node.kind] for node in nodes(self))

    @property
    def yarn_total_mb(self) -> int:
        """The most that its applications may use on top while somebody does: all that its YARN may hand out."""
        return self.yarn_memory_mb * self.node_counts["nodemanager"]


def described(cluster: Cluster) -> Student:
    """The student whose cluster a description is."""
    return Student(
        cluster.student, lab_class="", docker_host="", port_base=0, subnet="", node_counts={}, yarn_memory_mb=0,
        yarn_vcores=0, node_memory_mb={}, node_idle_mb={}, services=in_order(cluster.services), cluster=cluster,
    )  # fmt: skip


def node_names(kind: str, count: int) -> list[str]:
    """``kafka, 2`` -> ``["kafka1", "kafka2"]``; kinds of which there is one carry no number."""
    return [kind] if kind in SINGLE else [f"{kind}{i}" for i in range(1, count + 1)]


def kind_of(name: str) -> str:
    """``kafka2`` -> ``kafka``."""
    return name.rstrip("0123456789")


def service_of(name: str) -> str:
    """The service of a node by its name, or by a name that begins with its kind: ``kafka at broker:9092``."""
    return all_kinds()[kind_of(name.partition(" ")[0])]


def place(name: str) -> int:
    """A node's place in its stack's subnet, after the network's own address and the gateway's; no optional service's.

    The first node of every kind, then the second of every kind, and so on: the place says nothing of how many there
    are, so that no node's address changes when others come or go. A ring of Cassandra nodes whose addresses had
    changed hands, as they do where the engine gives them out, would take one for another.
    """
    kind = kind_of(name)
    number = int(name.removeprefix(kind) or 1)
    return 2 + (number - 1) * len(SERVICE_OF) + list(SERVICE_OF).index(kind)


def possible_names(student: Student) -> list[str]:
    """Every name for which the stack's network has a place, and so whatever numbers of nodes its size comes to have.

    What is made of these does not change when a node comes or goes.
    """
    room = ipaddress.IPv4Network(student.subnet).num_addresses - 2
    counts = {kind: max(MOST_NAMED, student.node_counts[kind]) for kind in SERVICE_OF}
    named = (name for kind in SERVICE_OF for name in node_names(kind, counts[kind]))
    return [*(name for name in named if place(name) <= room), *_optional_nodes(student)]


def _optional_nodes(student: Student) -> list[str]:
    """The nodes of the stack's optional services."""
    optional = {kind: count for kind, count in student.node_counts.items() if kind not in SERVICE_OF}
    return [name for kind, count in optional.items() for name in node_names(kind, count)]


def address(student: Student, name: str) -> str:
    """A node's address in its stack's network, also that of one which has left the plan.

    An optional service's node has one of the highest, below the gateway's: the others keep theirs when it comes.
    """
    network, kind = ipaddress.IPv4Network(student.subnet), kind_of(name)
    if kind in SERVICE_OF:
        return str(network.network_address + place(name))
    return str(network.broadcast_address - 2 - [one for one in all_kinds() if one not in SERVICE_OF].index(kind))


def last_place(student: Student) -> int:
    """The last place in the stack's subnet, below the addresses of the gateway and of optional services' nodes."""
    network = ipaddress.IPv4Network(student.subnet)
    taken = [gateway_address(student)] if student.gateway else []
    taken += [address(student, name) for name in _optional_nodes(student)]
    first = min(map(ipaddress.IPv4Address, taken), default=network.broadcast_address)
    return int(first) - int(network.network_address) - 1


def gateway_address(student: Student) -> str:
    """The gateway's address in the stack's network: the highest, whether there is a gateway or not."""
    return str(ipaddress.IPv4Network(student.subnet).broadcast_address - 1)


def spare_addresses(student: Student) -> list[str]:
    """Addresses of the stack's network that neither a node nor a gateway has, from the highest down."""
    taken = {gateway_address(student), *(node.address for node in nodes(student))}
    hosts = list(ipaddress.IPv4Network(student.subnet).hosts())[1:]  # the first is the gateway's
    return [str(one) for one in reversed(hosts) if str(one) not in taken]


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


def by_docker_host(students: Sequence[P]) -> Iterator[tuple[str, list[P]]]:
    """The students of each Docker host together; the hosts of this machine come first."""
    ordered = sorted(students, key=lambda student: (not is_here(student.docker_host), student.docker_host))
    return ((host, list(group)) for host, group in groupby(ordered, key=lambda student: student.docker_host))


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
        "disk_mb": student.disk_mb,
        "disk_reserve_mb": student.disk_reserve_mb,
        "host_ports": student.host_ports,
        "gateway": gateway_address(student) if student.gateway else None,
        "nodes": [asdict(node) for node in nodes(student)],
    }
