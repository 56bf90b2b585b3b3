"""`invoke roster`: an inventory out of a list of students, with names, ports and subnets that last."""

from __future__ import annotations

import csv
import ipaddress
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from streamlab.errors import WrongRequest
from streamlab.students import inventory
from streamlab.students.inventory import GROUPS
from streamlab.students.problems import SAFE_NAME
from streamlab.ui import say
from streamlab.yamlfile import check_yaml

#: Columns of a roster; `name` must be there, an empty cell of another leaves the class's own value.
COLUMNS = ("name", "size", "docker_host")
#: Each student's ports are a block of so many; pages lie in it at the offsets of group_vars.
PORTS_EACH = 100
#: Where the operating system begins to give ports to outgoing connections.
PORTS_END = 32768
#: Addresses for 27 nodes of one student.
PREFIX = 27


@dataclass(frozen=True)
class Entry:
    """One line of a roster; `host` is the name made safe for containers, hosts and applications."""

    line: int
    name: str
    host: str
    settings: Mapping[str, str]


def safe(name: str) -> str:
    """``Zoë de Wit`` -> ``zoedewit``: letters and digits without accents, at most 31; empty when nothing is left."""
    plain = unicodedata.normalize("NFKD", name.casefold().replace("ł", "l").replace("ø", "o"))
    return re.sub(r"[^a-z0-9]", "", plain)[:31]


def read(file: Path) -> list[Entry]:
    """The students of a CSV file, in its order.

    Raises:
        WrongRequest: the file, its columns or a name cannot be used; every bad line is named.
    """
    if not file.is_file():
        raise WrongRequest(f"no roster {file}", evidence="there is no such file", fix="--from students.csv")
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise WrongRequest(
            f"{file.name} is not text in UTF-8", evidence=f"{file}: {error.reason}", fix="save it as CSV in UTF-8"
        ) from None
    rows = csv.DictReader(text.splitlines(), strict=True)
    try:
        rows.fieldnames = _columns(file, rows.fieldnames or ())
        entries = [_entry(rows.line_num, row) for row in rows if any(row.values())]
    except csv.Error as error:
        line = max(1, rows.line_num)
        raise WrongRequest(
            f"{file.name} is not CSV", evidence=f"line {line}: {error}", fix=f"correct line {line}, or the next"
        ) from None
    problems = problems_of(entries)
    if problems:
        raise WrongRequest(f"{file.name} has names that cannot be used", evidence=problems, fix="correct these lines")
    return entries


def _columns(file: Path, found: Sequence[str]) -> list[str]:
    columns = [column.strip() for column in found]
    if "name" not in columns or set(columns) - set(COLUMNS) or len(set(columns)) < len(columns):
        raise WrongRequest(
            f"{file.name} has the wrong columns",
            evidence=[
                f"line 1: {', '.join(columns) or 'nothing'}",
                f"known: {', '.join(COLUMNS)}, each once; name must be there",
            ],
            fix="name the columns in the first line, for example: name,size",
        )
    return columns


def _entry(line: int, row: Mapping[str | None, Any]) -> Entry:
    if None in row:
        raise csv.Error("it has more cells than the first line")
    cells = {column: (value or "").strip() for column, value in row.items()}
    name = cells.pop("name")
    return Entry(line, name, safe(name), {column: value for column, value in cells.items() if value})


def problems_of(entries: Sequence[Entry]) -> list[str]:
    """What makes a roster unusable, one line each."""
    problems, seen = [], {}
    if not entries:
        return ["it names no student"]
    for entry in entries:
        first = seen.setdefault(entry.host, entry)
        if not entry.name:
            problems.append(f"line {entry.line}: the name is empty")
        elif not SAFE_NAME.fullmatch(entry.host):
            problems.append(
                f"line {entry.line}: {entry.name!r} becomes {entry.host!r}; it must begin with a letter a-z"
            )
        elif entry.host in GROUPS:
            problems.append(f"line {entry.line}: {entry.name!r} becomes {entry.host!r}, which stands for everybody")
        elif first is not entry:
            problems.append(
                f"line {entry.line}: {entry.name!r} becomes {entry.host!r}, as {first.name!r} of line {first.line}"
            )
    return problems


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
    free = (slot for slot in range(room) if slot not in kept.values())
    # A slot that somebody has just left may still be in use by a stack; it goes last.
    free = sorted(free, key=lambda slot: (slot in there.values(), slot))
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


def known_slots(file: Path, lab_class: str, where: Block) -> dict[str, int]:
    """Host -> slot, of the inventory that is there already; empty when there is none.

    Raises:
        WrongRequest: the file is another class's, or was not made by this command.
    """
    if not file.exists():
        return {}
    try:
        found = check_yaml(file)["all"]
        hosts, its_class = found["children"]["students"]["hosts"] or {}, found["vars"]["lab_class"]
    except (KeyError, TypeError):
        raise WrongRequest(
            f"{file} was not made from a roster", evidence="it has another shape", fix="choose another --to"
        ) from None
    if its_class != lab_class:
        raise WrongRequest(
            f"{file.name} is of the class {its_class}",
            evidence=f"asked for: {lab_class}",
            fix=f"--name {its_class}, or another --to",
        )
    slots_there = {host: where.slot_of((values or {}).get("port_base")) for host, values in hosts.items()}
    return {host: slot for host, slot in slots_there.items() if slot is not None}


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


def make(source: str, to: str, lab_class: str, *, ports_from: Any, subnets: str) -> None:
    """Write the inventory `to` for the roster `source`, and say who came and went.

    Raises:
        WrongRequest: the roster or the inventory that it makes cannot be used; the file that was there is unchanged.
    """
    if not SAFE_NAME.fullmatch(lab_class):
        raise WrongRequest(
            f"a class cannot be called {lab_class!r}", evidence="lower-case letters and digits, a letter first",
            fix="--name spring",
        )  # fmt: skip
    entries, where, file = read(Path(source)), block(ports_from, subnets), Path(to)
    if file.is_dir() or not file.parent.is_dir():
        what = "it is a folder" if file.is_dir() else f"there is no folder {file.parent}"
        raise WrongRequest(f"{file} cannot be written", evidence=what, fix="--to inventory/class.yml")
    there = known_slots(file, lab_class, where)
    text = HEAD.format(source=Path(source).name) + yaml.safe_dump(
        document(lab_class, entries, slots(entries, there, room=where.room), where), sort_keys=False, allow_unicode=True
    )
    partial = file.with_name(f"{file.stem}.partial.yml")
    partial.write_text(text, encoding="utf-8")
    try:
        _check(partial, source)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
    hosts = [entry.host for entry in entries]
    come, gone = [h for h in hosts if h not in there], [h for h in there if h not in hosts]
    say(f"{file}: {len(entries)} {'student' if len(entries) == 1 else 'students'} of the class {lab_class}")
    if come:
        say(f"  new: {', '.join(come)}")
    if gone:
        say(f"  gone: {', '.join(gone)}; a stack stays until invoke destroy --inventory {file} --student NAME")
