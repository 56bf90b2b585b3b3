"""What makes an inventory impossible, found before anything is touched."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence

from streamlab.students.docker_hosts import is_known, machine
from streamlab.students.topology import HOLDER_OF, SERVICE_OF, SINGLE, Student, node_names, nodes, place
from streamlab.students.values import some

#: Safe as a container name, a host name and an application name alike.
SAFE_NAME = re.compile(r"[a-z][a-z0-9]{0,30}")


def find_problems(students: Sequence[Student]) -> list[str]:
    """Everything that makes this inventory impossible, one line each; an empty list when nothing does.

    The work grows as n log n: a playbook's modules each load the whole inventory, several times per student.
    """
    problems = [*_class_problems(students), *(problem for student in students for problem in _problems_of(student))]
    return problems or [*_port_problems(students), *_subnet_problems(students)]


def _class_problems(students: Sequence[Student]) -> Iterator[str]:
    """Labels, snapshots and the engine's names carry the class: what is done for one class leaves the other alone."""
    members: dict[str, list[str]] = {}
    for student in students:
        members.setdefault(student.lab_class, []).append(student.name)
    if len(members) > 1:
        classes = ", ".join(f"{lab_class} ({some(names)})" for lab_class, names in members.items())
        yield f"lab_class has {len(members)} values: {classes}; give each class an inventory of its own"


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
        missing = [kind for kind in SERVICE_OF if kind not in given]
        if missing:
            problems.append(f"{student.name}: {name} lacks {', '.join(missing)}")
    if not is_known(student.docker_host):
        problems.append(f"{student.name}: docker_host {student.docker_host!r} is no unix:///path or ssh://user@machine")
    if not 1024 <= student.port_base <= 65000:
        problems.append(f"{student.name}: port_base {student.port_base} is not between 1024 and 65000")
    network = _network(student.subnet)
    names = [name for kind, count in student.node_counts.items() for name in node_names(kind, count)]
    if network is None:
        problems.append(f"{student.name}: subnet {student.subnet!r} is no IPv4 network such as 10.89.1.0/27")
    elif max((place(name) for name in names), default=0) > network.num_addresses - 2:
        problems.append(f"{student.name}: subnet {network} is too small for {len(names)} nodes")
    return problems


def _network(text: str) -> ipaddress.IPv4Network | None:
    try:
        return ipaddress.IPv4Network(text)
    except ValueError:
        return None
