"""Addresses in a stack's network: of its nodes, of the gateway, and those that are left. Pure."""

from __future__ import annotations

import ipaddress

from streamlab.students.services import SERVICE_OF, all_kinds, kind_of, node_names
from streamlab.students.student import Student

#: Of a network with room for thousands of nodes, so many of a kind are named before there are so many.
MOST_NAMED = 30


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
    return [name for name in student.node_names if kind_of(name) not in SERVICE_OF]


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
    taken = {gateway_address(student), *(address(student, name) for name in student.node_names)}
    hosts = list(ipaddress.IPv4Network(student.subnet).hosts())[1:]  # the first is the gateway's
    return [str(one) for one in reversed(hosts) if str(one) not in taken]
