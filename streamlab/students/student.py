"""One student: what an inventory host, or the description of a cluster, says of a stack. Pure."""

from __future__ import annotations

import base64
import os
import pwd
import socket
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from streamlab.errors import WrongRequest, unknown
from streamlab.paths import ROOT
from streamlab.students import endpoint
from streamlab.students.clusters import Cluster
from streamlab.students.public_keys import public_key
from streamlab.students.services import SERVICE_OF, SERVICES, all_kinds, in_order, kinds, node_names
from streamlab.students.values import wrong_in

#: Services that keep copies of data -> the kind of node that holds them.
HOLDER_OF = {"hdfs": "datanode", "kafka": "kafka", "cassandra": "cassandra"}

#: The share of a class that runs applications at the same time, where the inventory does not say: one in three.
AT_WORK = 0.33

#: Copies that a service keeps where the size does not say, as far as there are nodes for them.
COPIES = 3

#: What every student must have; only `docker_host` has a default of its own (see `endpoint`).
_NEEDED = (
    "lab_class",
    "port_base",
    "subnet",
    "size",
    "sizes",
    "node_memory_mb",
    "node_idle_mb",
    "pages",
)


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
    def node_names(self) -> list[str]:
        """The names of the stack's nodes, kind by kind."""
        return [name for kind, count in self.node_counts.items() for name in node_names(kind, count)]

    @property
    def host_ports(self) -> dict[str, int]:
        """Page -> the port at which the Docker host has it."""
        return {name: self.port_base + page["offset"] for name, page in self.pages.items()}

    @property
    def idle_mb(self) -> int:
        """What this stack uses while nobody works in it, as measured."""
        return sum(self.node_idle_mb[kind] * count for kind, count in self.node_counts.items())

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


def student_from(name: str, values: Mapping[str, Any], *, where: str) -> Student:
    """One inventory host as a `Student`; `where` names the inventory in errors."""
    missing = [key for key in _NEEDED if key not in values]
    if missing:
        raise WrongRequest(
            f"{name} in {where} lacks {', '.join(missing)}",
            evidence=f"set: {', '.join(sorted(values))}",
            fix=f"give {name} {missing[0]}, or set it for the group in group_vars",
        )
    wrong = wrong_in(values)
    if wrong:
        raise WrongRequest(
            f"{name} in {where} has variables that cannot be used",
            evidence=[one.described() for one in wrong],
            fix=f"correct {wrong[0].variable}",
        )
    size = values["sizes"].get(str(values["size"]))
    if size is None:
        raise unknown("size", str(values["size"]), map(str, values["sizes"]), usage="size: {}")
    _check_pages(values, where=where)
    asked = size.get("replication") or {}
    for service in asked:
        if service not in HOLDER_OF:
            raise unknown("service with copies of its data", service, HOLDER_OF, usage="replication: {{{}: 1}}")
    services = in_order(values.get("services") or ())
    return Student(
        name=name,
        lab_class=str(values["lab_class"]),
        docker_host=str(values["docker_host"] if "docker_host" in values else endpoint.current().address),
        port_base=int(values["port_base"]),
        subnet=str(values["subnet"]),
        node_counts={kind: _count(size, kind) for kind in kinds(services)},
        services=services,
        yarn_memory_mb=int(size["yarn_memory_mb"]),
        yarn_vcores=int(size["yarn_vcores"]),
        node_memory_mb=_numbers(values["node_memory_mb"]),
        node_idle_mb=_numbers(values["node_idle_mb"]),
        pages={
            key: {**page, "title": str(page["title"]), **_numbers({part: page[part] for part in ("port", "offset")})}
            for key, page in values["pages"].items()
        },
        asked_copies=_numbers(asked),
        owner=str(values.get("lab_owner") or this_owner()),
        at_work=share if isinstance(share := values.get("at_work", AT_WORK), float) else int(share),
        disk_mb=int(values.get("disk_mb", 0)),
        disk_reserve_mb=int(values.get("disk_reserve_mb", 0)),
        gateway=_gateway(values["gateway"]) if "gateway" in values and not values.get("grading") else None,
        language=str(values.get("language", "en")),
        ssh_keys=tuple(map(public_key, values.get("ssh_keys") or ())),
        grading=values.get("grading", False),
        roster_name=str(values.get("roster_name", "")),
        id_number=str(values.get("id_number", "")),
        email=str(values.get("email", "")),
        username=str(values.get("username", "")),
    )


def _count(size: Mapping[str, Any], kind: str) -> int:
    """How many nodes of a kind a size has; an optional service has one of its own."""
    return int(size["nodes"].get(kind, 0)) if kind in SERVICE_OF else 1


def _gateway(values: Mapping[str, Any]) -> Gateway:
    given = {name: value for name, value in values.items() if value is not None}
    kinds: dict[str, Any] = {name: int if name in ("port", "ssh_port") else str for name in given}
    return Gateway(**{name: kinds[name](value) for name, value in given.items()})


def this_owner() -> str:
    """The owner of new stacks unless the inventory names one: this user, in this checkout, on this machine."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # an account without a name
        user = f"uid {os.getuid()}"
    return f"{user}@{socket.gethostname()}:{ROOT}"


def _check_pages(values: Mapping[str, Any], *, where: str) -> None:
    """Refuse a page that nobody could open. A node that a smaller size lacks is no mistake; one that none has is."""
    known = {
        node
        for size in values["sizes"].values()
        for kind, count in size["nodes"].items()
        if kind in SERVICE_OF
        for node in node_names(kind, int(count))
    } | {node for kind in all_kinds() if kind not in SERVICE_OF for node in node_names(kind, 1)}
    for name, page in values["pages"].items():
        if page["node"] not in known:
            error = unknown("node", str(page["node"]), known, usage="node: {}")
            raise WrongRequest(
                f"page {name} in {where} is on a node that no size has: {page['node']}",
                evidence=error.evidence,
                fix=error.fix,
            )


def _numbers(values: Mapping[str, Any]) -> dict[str, int]:
    return {name: int(value) for name, value in values.items()}
