"""Which pages a gateway has, what they are called, and where in a stack they are. Pure.

The login and everybody's own start page are at the gateway's domain itself. Each page of a stack has one host name
below it, ``STUDENT-LABEL.DOMAIN``: absolute links, WebSockets and paths made by JavaScript then work as they are, each
page is an origin of its own, and a wildcard certificate covers them all. A student's name has no dash in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from streamlab.students.addresses import address
from streamlab.students.student import Gateway, Student
from streamlab.students.topology import Node, nodes

#: Kind of daemon -> its label and the port at which it shows its pages.
DAEMONS = {
    "namenode": ("nn", 9870),
    "datanode": ("dn", 9864),
    "resourcemanager": ("rm", 8088),
    "nodemanager": ("nm", 8042),
}
#: The inventory's page -> its label, if that is shorter than the name.
LABELS = {
    "notebook": "jl",
    "spark": "ui",
    "spark-history": "hs",
    "mapred-history": "mr",
    "hbase": "hm",
    "hbase-regions": "hr",
}


@dataclass(frozen=True)
class GatewayPage:
    """One page of a stack.

    Args:
        label: what stands in the host name after the student, such as ``rm``.
        node: the name of the node that has it.
        port: of the node.
        title: as the inventory has it; the node's name if it has none.
    """

    label: str
    node: str
    port: int
    title: str

    @property
    def inside(self) -> str:
        """How the stack's own pages refer to it: ``resourcemanager:8088``."""
        return f"{self.node}:{self.port}"


def pages(student: Student) -> list[GatewayPage]:
    """Every page of a student's stack: those of the inventory in its order, then the other daemons' own."""
    there = {node.name: node for node in nodes(student)}
    titles = {(page["node"], int(page["port"])): (key, page["title"]) for key, page in student.pages.items()}
    wanted = [*titles, *(key for node in there.values() if (key := _daemon_page(node)) and key not in titles)]
    return [
        GatewayPage(_label(there[node], port, titles), node, port, titles.get((node, port), ("", node))[1])
        for node, port in wanted
        if node in there
    ]


def _daemon_page(node: Node) -> tuple[str, int] | None:
    return (node.name, DAEMONS[node.kind][1]) if node.kind in DAEMONS else None


def _label(node: Node, port: int, titles: dict[tuple[str, int], tuple[str, str]]) -> str:
    if (node.name, port) == _daemon_page(node):
        return DAEMONS[node.kind][0] + node.name.removeprefix(node.kind)
    key = titles[node.name, port][0]
    return LABELS.get(key) or re.sub("[^a-z0-9]", "", key.lower())


def host(student: str, label: str, gateway: Gateway) -> str:
    """The host name of a page: ``student01-rm.lab.localhost``."""
    return f"{student}-{label}.{gateway.domain}"


def origin(host_name: str, gateway: Gateway) -> str:
    """What a browser calls the origin: ``https://student01-rm.lab.localhost:8443``."""
    return f"https://{host_name}{'' if gateway.port == 443 else f':{gateway.port}'}"


def url(student: Student, page: GatewayPage) -> str:
    """The address of a student's page.

    Raises:
        ValueError: the student has no gateway.
    """
    if student.gateway is None:
        raise ValueError(f"{student.name} has no gateway")
    return origin(host(student.name, page.label, student.gateway), student.gateway) + "/"


def upstreams(students: Sequence[Student]) -> dict[str, str]:
    """``student01-rm`` -> the address of the page in the student's network, such as ``10.89.1.4:8088``."""
    return {
        f"{student.name}-{page.label}": f"{address(student, page.node)}:{page.port}"
        for student in students
        for page in pages(student)
    }


def kinds(students: Sequence[Student]) -> dict[str, GatewayPage]:
    """Label -> page, of all pages that any of the students has; what they have in common is one block of nginx's."""
    return {page.label: page for student in students for page in pages(student)}
