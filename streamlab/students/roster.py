"""`invoke roster`: an inventory out of a list of students, with names, ports and subnets that last."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from streamlab.errors import WrongRequest
from streamlab.students import class_list, columns, inventory, sheet
from streamlab.students.class_list import Entry
from streamlab.students.problems import SAFE_NAME
from streamlab.ui import say
from streamlab.yamlfile import check_yaml

#: Each student's ports are a block of so many; pages lie in it at the offsets of group_vars.
PORTS_EACH = 100
#: Where the operating system begins to give ports to outgoing connections.
PORTS_END = 32768
#: Addresses for 27 nodes of one student.
PREFIX = 27


def slots(entries: Sequence[Entry], there: Mapping[str, int], *, room: int) -> dict[str, int]:
    """A slot for every student: who has one keeps it, who is new gets the lowest that nobody had.

    Args:
        there: host -> slot of the inventory as it is.
        room: how many slots there are.

    Raises:
        WrongRequest: there are more students than slots.
    """
    if len(entries) > room:
        raise WrongRequest(
            f"{len(entries)} students do not fit", evidence=f"there are ports or subnets for {room}",
            fix="give --ports-from a lower port or --subnets a larger network, or make two classes",
        )  # fmt: skip
    kept = {entry.host: there[entry.host] for entry in entries if there.get(entry.host, room) < room}
    # A slot that somebody has just left may still be in use by a stack; it goes last.
    free = sorted(set(range(room)) - set(kept.values()), key=lambda slot: (slot in there.values(), slot))
    return {entry.host: kept[entry.host] if entry.host in kept else free.pop(0) for entry in entries}


@dataclass(frozen=True)
class Block:
    """Where a class's ports and subnets begin."""

    ports_from: int
    subnets: ipaddress.IPv4Network

    @property
    def room(self) -> int:
        """How many students have a place."""
        ports = (PORTS_END - self.ports_from) // PORTS_EACH
        return min(ports, self.subnets.num_addresses // 2 ** (32 - PREFIX))

    def place(self, slot: int) -> dict[str, Any]:
        first = self.subnets.network_address + slot * 2 ** (32 - PREFIX)
        return {"port_base": self.ports_from + slot * PORTS_EACH, "subnet": f"{first}/{PREFIX}"}

    def slot_of(self, port_base: Any) -> int | None:
        """The slot with this port_base; None when it is none of ours."""
        slot, rest = divmod(port_base - self.ports_from, PORTS_EACH) if isinstance(port_base, int) else (-1, 0)
        return slot if rest == 0 and 0 <= slot < self.room else None


def block(ports_from: Any, subnets: str) -> Block:
    """The block that was asked for, checked."""
    try:
        made = Block(int(ports_from), ipaddress.IPv4Network(subnets))
    except ValueError as error:
        raise WrongRequest(
            "--ports-from or --subnets cannot be used",
            evidence=str(error),
            fix="--ports-from 24000 --subnets 10.90.0.0/16",
        ) from None
    if not 1024 <= made.ports_from < PORTS_END - PORTS_EACH or made.room < 1:
        raise WrongRequest(
            f"--ports-from {ports_from} and --subnets {subnets} leave no room",
            evidence=f"a student takes {PORTS_EACH} ports below {PORTS_END}, and a /{PREFIX} of the network",
            fix="--ports-from 24000 --subnets 10.90.0.0/16",
        )
    return made


def document(lab_class: str, entries: Sequence[Entry], places: Mapping[str, int], where: Block) -> dict[str, Any]:
    """The inventory, as YAML will have it."""
    hosts = {
        entry.host: {"roster_name": entry.name, **where.place(places[entry.host]), **entry.settings}
        for entry in entries
    }
    machine = {"hosts": {"this_machine": {"ansible_connection": "local"}}}
    return {
        "all": {"vars": {"lab_class": lab_class}, "children": {"docker_hosts": machine, "students": {"hosts": hosts}}}
    }


@dataclass(frozen=True)
class There:
    """What an inventory that was made before gave: host -> slot, and host -> name as it was written."""

    slots: Mapping[str, int]
    names: Mapping[str, str]


def made_before(file: Path, lab_class: str, where: Block) -> There:
    """What the inventory that is there already has; nothing when there is none.

    Raises:
        WrongRequest: the file is another class's, or was not made by this command.
    """
    if not file.exists():
        return There({}, {})
    try:
        found = check_yaml(file)["all"]
        hosts, its_class = found["children"]["students"]["hosts"] or {}, found["vars"]["lab_class"]
        there = {str(host): dict(values or {}) for host, values in hosts.items()}
    except (AttributeError, KeyError, TypeError, ValueError):
        raise WrongRequest(
            f"{file} was not made from a roster", evidence="it has another shape", fix="choose another --to"
        ) from None
    if its_class != lab_class:
        raise WrongRequest(
            f"{file.name} is of the class {its_class}",
            evidence=f"asked for: {lab_class}",
            fix=f"--name {its_class}, or another --to",
        )
    places = {host: where.slot_of(values.get("port_base")) for host, values in there.items()}
    return There(
        {host: slot for host, slot in places.items() if slot is not None},
        {host: str(values.get("roster_name", "")) for host, values in there.items()},
    )


def _check(partial: Path, source: str) -> None:
    """Refuse what cannot be provisioned in the roster's name: the inventory that is refused is gone in a moment."""
    try:
        inventory.load(partial)
    except WrongRequest as error:
        raise WrongRequest(
            f"{Path(source).name} makes no inventory that could be provisioned",
            evidence=[error.what.replace(partial.name, "it"), *error.evidence],
            fix="correct the roster",
        ) from None


HEAD = """\
# Made by `invoke roster --from {source}`. Who stays in the roster keeps ports and subnet when it is made again;
# settings for all stand in group_vars/all.yml beside this file.
"""


def make(
    source: str,
    to: str,
    lab_class: str,
    *,
    ports_from: Any,
    subnets: str,
    given_columns: str | None = None,
    encoding: str | None = None,
) -> None:
    """Write the inventory `to` for the roster `source`, and say who came and went.

    Raises:
        WrongRequest: the roster or the inventory that it makes cannot be used; the file that was there is unchanged.
    """
    if not SAFE_NAME.fullmatch(lab_class):
        raise WrongRequest(
            f"a class cannot be called {lab_class!r}", evidence="lower-case letters and digits, a letter first",
            fix="--name spring",
        )  # fmt: skip
    where, file = block(ports_from, subnets), Path(to)
    read = sheet.read(Path(source), encoding)
    found = columns.find(read, given_columns, file=Path(source).name)
    if file.is_dir() or not file.parent.is_dir():
        what = "it is a folder" if file.is_dir() else f"there is no folder {file.parent}"
        raise WrongRequest(f"{file} cannot be written", evidence=what, fix="--to inventory/class.yml")
    there = made_before(file, lab_class, where)
    entries = class_list.entries_of(read, found, there.names)
    class_list.require_usable(read, found, entries, file=Path(source).name)
    places = slots(entries, there.slots, room=where.room)
    text = HEAD.format(source=Path(source).name) + yaml.safe_dump(
        document(lab_class, entries, places, where), sort_keys=False, allow_unicode=True
    )
    partial = file.with_name(f"{file.stem}.partial.yml")
    partial.write_text(text, encoding="utf-8")
    try:
        _check(partial, source)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
    say(f"{file}: {len(entries)} {'student' if len(entries) == 1 else 'students'} of the class {lab_class}")
    for note in [*class_list.notes_of(read, found, entries), *changes(entries, there, file)]:
        say(f"  {note}")


def changes(entries: Sequence[Entry], there: There, file: Path) -> list[str]:
    """Who came, who went, and who has another host name than before, a line each."""
    hosts = {entry.host: entry.name for entry in entries}
    come = [host for host in hosts if host not in there.slots]
    gone = [host for host in there.slots if host not in hosts]
    # A login was given, or changed: the stack of the old name, which may still run, has the old ports.
    renamed = {old: new for old in gone for new in come if there.names.get(old) == hosts[new]}
    stays = f"a stack stays until invoke destroy --inventory {file} --student NAME"
    lines = [f"renamed: {old} is {new} now, with other ports" for old, new in renamed.items()]
    new = [host for host in come if host not in renamed.values()]
    lines += [f"new: {', '.join(new)}"] if new else []
    return lines + ([f"gone: {', '.join(gone)}; {stays}"] if gone else [])
