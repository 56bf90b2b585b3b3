"""Which ports and subnet a student gets: a block of each per slot, and slots per machine. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from streamlab.errors import WrongRequest
from streamlab.students.docker_hosts import machine
from streamlab.students.student import Student

#: Each student's ports are a block of so many; pages lie in it at the offsets of group_vars.
PORTS_EACH = 100
#: Where the operating system begins to give ports to outgoing connections.
PORTS_END = 32768
#: Addresses for 27 nodes of one student.
PREFIX = 27
ADDRESSES_EACH = 2 ** (32 - PREFIX)
#: Where ports and subnets begin where nobody says, and the options that say it.
PORTS_FROM, SUBNETS = 24000, "10.90.0.0/16"
EXAMPLE = f"--ports-from {PORTS_FROM} --subnets {SUBNETS}"


@dataclass(frozen=True)
class Block:
    """Where the ports and subnets of each Docker host's students begin."""

    ports_from: int
    subnets: ipaddress.IPv4Network

    @property
    def room(self) -> int:
        """How many students of one Docker host have a place."""
        ports = (PORTS_END - self.ports_from) // PORTS_EACH
        return min(ports, self.subnets.num_addresses // ADDRESSES_EACH)

    def place(self, slot: int) -> dict[str, Any]:
        first = self.subnets.network_address + slot * ADDRESSES_EACH
        return {"port_base": self.ports_from + slot * PORTS_EACH, "subnet": f"{first}/{PREFIX}"}

    @property
    def values(self) -> dict[str, Any]:
        """As the file keeps it."""
        return {"ports_from": self.ports_from, "subnets": str(self.subnets)}

    def slots_of(self, port_base: int, subnet: str) -> set[int]:
        """The slots of which this place, which may be of another block, takes ports or addresses."""
        network = ipaddress.IPv4Network(subnet)
        ports = range(port_base - self.ports_from, port_base - self.ports_from + PORTS_EACH)
        first = int(network.network_address) - int(self.subnets.network_address)
        addresses = range(first, first + network.num_addresses)
        return {
            slot
            for each, taken in ((PORTS_EACH, ports), (ADDRESSES_EACH, addresses))
            for slot in range(max(0, taken[0] // each), min(self.room, taken[-1] // each + 1))
        }


def block(ports_from: Any, subnets: str) -> Block:
    """The block that was asked for, checked."""
    try:
        made = Block(int(ports_from), ipaddress.IPv4Network(subnets))
    except ValueError as error:
        raise WrongRequest("--ports-from or --subnets cannot be used", evidence=str(error), fix=EXAMPLE) from None
    if not 1024 <= made.ports_from < PORTS_END - PORTS_EACH or made.room < 1:
        raise WrongRequest(
            f"--ports-from {ports_from} and --subnets {subnets} leave no room",
            evidence=f"a student takes {PORTS_EACH} ports below {PORTS_END}, and a /{PREFIX} of the network",
            fix=EXAMPLE,
        )
    return made


def slots(
    newcomers: Mapping[str, str], kept: Iterable[Student], left: Iterable[Student], where: Block
) -> dict[str, int]:
    """A slot for everybody who is new: on each machine the lowest that nobody there has or had.

    Args:
        newcomers: host -> Docker host.
        left: whose stacks may still use their ports and subnets; their slots go last.

    Raises:
        WrongRequest: a machine has more students than slots.
    """
    taken, late = _slots_by_machine(kept, where), _slots_by_machine(left, where)
    by_machine: dict[str, list[str]] = {}
    for host, docker_host in newcomers.items():
        by_machine.setdefault(machine(docker_host), []).append(host)
    made: dict[str, int] = {}
    for its, hosts in by_machine.items():
        free = [slot for slot in range(where.room) if slot not in taken.get(its, ())]
        if len(hosts) > len(free):
            raise WrongRequest(
                f"{len(hosts)} new students do not fit on {newcomers[hosts[0]]}",
                evidence=f"there are ports or subnets for {where.room} on a machine, and {len(free)} of these are free",
                fix="give some of them another docker_host, --ports-from a lower port, or --subnets a larger network",
            )
        had = late.get(its, set())
        in_order = [slot for slot in free if slot not in had] + [slot for slot in free if slot in had]
        made.update(zip(hosts, in_order, strict=False))
    return made


def _slots_by_machine(students: Iterable[Student], where: Block) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for student in students:
        there = found.setdefault(machine(student.docker_host), set())
        there.update(where.slots_of(student.port_base, student.subnet))
    return found
