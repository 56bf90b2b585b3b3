"""What makes an inventory impossible, found before anything is touched."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence

from streamlab.students.addresses import last_place, place
from streamlab.students.docker_hosts import is_known, machine
from streamlab.students.services import SERVICE_OF, SINGLE, kind_of
from streamlab.students.student import HOLDER_OF, Gateway, Student
from streamlab.students.topology import nodes
from streamlab.students.values import some

#: Safe as a container name, a host name and an application name alike.
SAFE_NAME = re.compile(r"[a-z][a-z0-9]{0,30}")
#: A domain of a gateway; labels of pages come before it.
DOMAIN = re.compile(r"(?=.{1,180}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+")
#: Who opens every student's pages; no student's name where there is a gateway.
INSTRUCTOR = "instructor"
#: The languages of the texts that a student reads in a browser.
LANGUAGES = ("en", "ru")


def find_problems(students: Sequence[Student]) -> list[str]:
    """Everything that makes this inventory impossible, one line each; an empty list when nothing does.

    The work grows as n log n: a playbook's modules each load the whole inventory, several times per student.
    """
    problems = [*_class_problems(students), *(problem for student in students for problem in _problems_of(student))]
    return problems or [*_port_problems(students), *_subnet_problems(students), *_several_gateways(students)]


def _class_problems(students: Sequence[Student]) -> Iterator[str]:
    """Labels, snapshots and the engine's names carry the class: what is done for one class leaves the other alone."""
    members: dict[str, list[str]] = {}
    for student in students:
        members.setdefault(student.lab_class, []).append(student.name)
    if len(members) > 1:
        classes = ", ".join(f"{lab_class} ({some(names)})" for lab_class, names in members.items())
        yield f"lab_class has {len(members)} values: {classes}; give each class an inventory of its own"
    for gateway in dict.fromkeys(student.gateway for student in students):
        yield from _gateway_problems(gateway) if gateway else ()


def _port_problems(students: Sequence[Student]) -> Iterator[str]:
    owners: dict[tuple[str, int], str] = {}
    for student in students:
        where = machine(student.docker_host)
        for node in nodes(student):
            for page in node.pages:
                owner = f"{student.name}'s {node.name}"
                if page.host_port > 65535:
                    yield f"{owner} publishes port {page.host_port}: set a lower port_base, or a lower offset"
                other = owners.setdefault((where, page.host_port), owner)
                if other != owner:
                    yield f"{owner} and {other} both publish port {page.host_port}: set another port_base"


def _several_gateways(students: Sequence[Student]) -> Iterator[str]:
    """A Docker host has one gateway for all students of the class, or none."""
    first: dict[str, Student] = {}
    for student in students:
        other = first.setdefault(machine(student.docker_host), student) if not student.grading else student
        if (other.gateway, other.language) != (student.gateway, student.language):
            yield f"{student.name} and {other.name} are on one Docker host and differ in gateway or language"


def _gateway_problems(gateway: Gateway) -> Iterator[str]:
    if not DOMAIN.fullmatch(gateway.domain):
        yield f"gateway.domain {gateway.domain!r} is no host name with a dot in it, such as lab.example.org"
    try:
        ipaddress.IPv4Address(gateway.address)
    except ValueError:
        yield f"gateway.address {gateway.address!r} is no IPv4 address such as 127.0.0.1"
    if gateway.port == gateway.ssh_port:
        yield f"gateway.port and gateway.ssh_port are both {gateway.port}"
    if gateway.tls not in ("own", "files"):
        yield f"gateway.tls is {gateway.tls!r}; it may be own or files"
    if (gateway.tls == "files") != bool(gateway.certificate and gateway.key):
        yield "gateway.certificate and gateway.key go with tls: files, and both are needed"


def _subnet_problems(students: Sequence[Student]) -> list[str]:
    """One line for every subnet that overlaps one of a student on the same machine.

    Sorted by address, a network overlaps an earlier one exactly if it begins before the one that reaches furthest ends.
    """
    networks = sorted(
        (machine(student.docker_host), int(network.network_address), int(network.broadcast_address), number)
        for number, student in enumerate(students)
        for network in [ipaddress.IPv4Network(student.subnet)]
    )
    found, furthest = [], None
    for network in networks:
        if furthest and network[0] == furthest[0] and network[1] <= furthest[2]:
            found.append(sorted((network[3], furthest[3]), reverse=True))
        if not furthest or (network[0], network[2]) > (furthest[0], furthest[2]):
            furthest = network
    return [
        f"{students[later].name}: subnet {students[later].subnet} overlaps "
        f"{students[earlier].name}'s {students[earlier].subnet}"
        for later, earlier in sorted(found)
    ]


def _problems_of(student: Student) -> list[str]:
    problems = []
    for name, what in ((student.name, "student"), (student.lab_class, "lab_class")):
        if not SAFE_NAME.fullmatch(name):
            problems.append(f"{what} {name!r}: use lower-case letters and digits only, a letter first, 31 at most")
    for kind, count in student.node_counts.items():
        if count < 1 or (kind in SINGLE and count != 1):
            wanted = "one" if kind in SINGLE else "at least one"
            problems.append(f"{student.name}: {count} nodes of kind {kind}; there must be {wanted}")
    for service, copies in student.asked_copies.items():
        count, kind = student.node_counts[HOLDER_OF[service]], HOLDER_OF[service]
        if not 1 <= copies <= count:
            problems.append(
                f"{student.name}: replication.{service} is {copies}, and there are {count} nodes of kind {kind}: "
                "ask for at least one copy and at most as many as nodes, or keep the nodes"
            )
    for name, given in (("node_memory_mb", student.node_memory_mb), ("node_idle_mb", student.node_idle_mb)):
        missing = [kind for kind in student.node_counts if kind not in given]
        if missing:
            problems.append(f"{student.name}: {name} lacks {', '.join(missing)}")
    if student.gateway and student.name == INSTRUCTOR:
        problems.append(f"student {INSTRUCTOR!r}: with a gateway, the instructor logs in under this name")
    if student.language not in LANGUAGES:
        problems.append(f"{student.name}: language {student.language!r} is none of {', '.join(LANGUAGES)}")
    if not is_known(student.docker_host):
        problems.append(f"{student.name}: docker_host {student.docker_host!r} is no unix:///path or ssh://user@machine")
    if not 1024 <= student.port_base <= 65000:
        problems.append(f"{student.name}: port_base {student.port_base} is not between 1024 and 65000")
    network = _network(student.subnet)
    placed = [place(name) for name in student.node_names if kind_of(name) in SERVICE_OF]
    if network is None:
        problems.append(f"{student.name}: subnet {student.subnet!r} is no IPv4 network such as 10.89.1.0/27")
    elif max(placed, default=0) > last_place(student):
        what = f"{len(student.node_names)} nodes{' and the gateway' if student.gateway else ''}"
        problems.append(f"{student.name}: subnet {network} is too small for {what}")
    return problems


def _network(text: str) -> ipaddress.IPv4Network | None:
    try:
        return ipaddress.IPv4Network(text)
    except ValueError:
        return None
