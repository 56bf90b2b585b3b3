"""`invoke roster`: an inventory out of a list of students, with names, ports and subnets that last.

The file is people's as much as this command's: made again, it gets the lines of those who are new and loses those of
who left. All other lines stay as they are: groups, variables, comments and students that were written by hand.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial as bind
from pathlib import Path
from typing import Any

import yaml

from streamlab.errors import WrongRequest
from streamlab.students import class_list, columns, inventory, sheet
from streamlab.students.class_list import Entry
from streamlab.students.places import PORTS_FROM, SUBNETS, Block, block, slots
from streamlab.students.problems import SAFE_NAME
from streamlab.students.student import Student
from streamlab.students.values import shown, some
from streamlab.students.yaml_lines import add_under, edited, pairs_at, put_under, take_out
from streamlab.ui import say
from streamlab.yamlfile import check_yaml

#: The variable in which the made file keeps both.
KEPT = "roster"
#: What this command writes for a student; anything else was written by hand.
WRITTEN = ("roster_name", "port_base", "subnet", "size", "docker_host", "id_number", "email", "username")

NEW_FILE = """\
# Made by `invoke roster --from {source}`. Made again, it adds who is new and takes out who left; all other lines stay,
# and nobody gets another place. Settings for all stand in group_vars/all.yml beside this file.
all:
  vars:
    lab_class: {lab_class}
  children:
    docker_hosts:
      hosts:
        this_machine:
          ansible_connection: local
    students:
      hosts:
"""


@dataclass(frozen=True)
class There:
    """The inventory that is there: its text, its data, and its students as they are placed."""

    text: str
    document: dict[str, Any]
    students: Mapping[str, Student]

    @property
    def names(self) -> dict[str, str]:
        """Host -> the name as it was written, of those who came by a roster."""
        hosts = _hosts(self.document)
        return {host: str(values["roster_name"]) for host, values in hosts.items() if "roster_name" in values}

    @property
    def known(self) -> set[str]:
        """Everybody who is a student there, also by a group that stands elsewhere in the file."""
        return {*_hosts(self.document), *self.students}

    def block(self, ports_from: Any, subnets: str | None) -> Block:
        """What was asked for now; else what the file was made with; else the default."""
        kept = self.document["all"]["vars"].get(KEPT, {})
        if not isinstance(kept, Mapping):
            raise WrongRequest(
                f"{KEPT} is {shown(kept)}", evidence="expected ports_from and subnets", fix="take it out"
            )
        return block(ports_from or kept.get("ports_from", PORTS_FROM), subnets or kept.get("subnets", SUBNETS))


def _hosts(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Host -> the variables beside it."""
    hosts = document["all"]["children"]["students"]["hosts"] or {}
    return {host: dict(values or {}) for host, values in hosts.items()}


def there_already(file: Path, lab_class: str, source: str) -> There:
    """The inventory as it is; one without students where there is none.

    Raises:
        WrongRequest: the file is another class's, has another shape, or cannot be provisioned as it is.
    """
    if not file.exists():
        text = NEW_FILE.format(source=source, lab_class=lab_class)
        return There(text, yaml.safe_load(text), {})
    document = check_yaml(file)
    try:
        hosts, its_class = _hosts(document), document["all"]["vars"]["lab_class"]
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
    students = {student.name: student for student in inventory.load(file).everybody} if hosts else {}
    text = file.read_bytes().decode("utf-8")
    return There(text if text.endswith("\n") else f"{text}\n", document, students)


def changed_settings(there: There, entries: Sequence[Entry]) -> dict[str, dict[str, Any]]:
    """Host -> what the roster says otherwise of somebody who is there. An empty cell says nothing."""
    own, changed = _hosts(there.document), {}
    for entry in entries:
        if entry.host in own:
            known = {"docker_host": there.students[entry.host].docker_host, **own[entry.host]}
            wanted = {"roster_name": entry.name, **entry.settings}
            changed[entry.host] = {name: value for name, value in wanted.items() if known.get(name) != value}
    return {host: values for host, values in changed.items() if values}


def edit(
    there: There,
    where: Block,
    *,
    new: Mapping[str, Mapping[str, Any]],
    changed: Mapping[str, Mapping[str, Any]],
    gone: Collection[str],
) -> str:
    """The file's text with these students' lines added, changed and taken out, and with the block in its variables.

    Raises:
        WrongRequest: the file is written in a way in which that cannot be done line by line.
    """
    text, root = there.text, yaml.compose(there.text, Loader=yaml.SafeLoader)
    students = pairs_at(root, "all", "children", "students", "hosts")
    edits = [put_under(text, pairs_at(root, "all")["vars"], KEPT, where.values)]
    edits += [put_under(text, students[host], *pair) for host, values in changed.items() for pair in values.items()]
    edits += [take_out(text, students[host]) for host in gone]
    if new:
        edits.append(add_under(text, pairs_at(root, "all", "children", "students")["hosts"], new))
    made, wanted = edited(text, edits), deepcopy(there.document)
    hosts = {host: {**values, **changed.get(host, {})} for host, values in _hosts(wanted).items() if host not in gone}
    wanted["all"]["vars"][KEPT] = where.values
    wanted["all"]["children"]["students"]["hosts"] = {**hosts, **new}
    try:
        found = yaml.safe_load(made)
        found["all"]["children"]["students"]["hosts"] = _hosts(found)
    except (yaml.YAMLError, LookupError, TypeError, ValueError):
        found = None
    if found != wanted:
        raise WrongRequest(
            "the inventory's layout does not allow changing single lines",
            evidence="every student needs lines of their own below students: hosts:, and no alias (*name)",
            fix="write it that way, or choose another --to",
        )
    return made


def _require_nobody_moves(before: Mapping[str, Student], after: Iterable[Student], file: Path) -> None:
    """Refuse another Docker host, port or subnet for somebody who is there: the stack would be made anew, empty."""

    def place(student: Student) -> str:
        return f"{student.docker_host}, ports from {student.port_base}, {student.subnet}"

    moved = [
        f"{new.name}: {place(before[new.name])} -> {place(new)}"
        for new in after
        if new.name in before and place(new) != place(before[new.name])
    ]
    if moved:
        raise WrongRequest(
            f"{some([line.partition(':')[0] for line in moved])} would move, and leave the stack and its data behind",
            evidence=moved,
            fix="leave the place as it is; to move somebody, snapshot and destroy the stack, then take the student "
            f"out of {file.name}",
        )


def make(
    source: str,
    to: str,
    lab_class: str,
    *,
    ports_from: Any = None,
    subnets: str | None = None,
    given_columns: str | None = None,
    encoding: str | None = None,
) -> None:
    """Write the inventory `to` for the roster `source`, or bring it up to date, and say who came and went.

    Args:
        ports_from, subnets: where those who are new get places; else as when the file was made.

    Raises:
        WrongRequest: the roster or the inventory that it makes cannot be used, or somebody would move; the file that
            was there is unchanged.
    """
    if not SAFE_NAME.fullmatch(lab_class):
        raise WrongRequest(
            f"a class cannot be called {lab_class!r}", evidence="lower-case letters and digits, a letter first",
            fix="--name spring",
        )  # fmt: skip
    file, name = Path(to), Path(source).name
    read = sheet.read(Path(source), encoding)
    found = columns.find(read, given_columns, file=name)
    if file.is_dir() or not file.parent.is_dir():
        what = "it is a folder" if file.is_dir() else f"there is no folder {file.parent}"
        raise WrongRequest(f"{file} cannot be written", evidence=what, fix="--to inventory/class.yml")
    there = there_already(file, lab_class, name)
    where = there.block(ports_from, subnets)
    entries = class_list.entries_of(read, found, there.names)
    class_list.require_usable(read, found, entries, file=name)
    _write(there, entries, where, file, name)
    say(f"{file}: {len(entries)} {'student' if len(entries) == 1 else 'students'} of the class {lab_class}")
    for note in [*class_list.notes_of(read, found, entries), *changes(there, entries, where, file)]:
        say(f"  {note}")


def _write(there: There, entries: Sequence[Entry], where: Block, file: Path, source: str) -> None:
    new = {e.host: {"roster_name": e.name, **e.settings} for e in entries if e.host not in there.known}
    gone = _gone(there, entries)
    text_with = bind(edit, there, where, changed=changed_settings(there, entries), gone=gone)
    partial = file.with_name(f"{file.stem}.partial.yml")
    try:
        # Which engine a student without a docker_host has is for Ansible to say: groups and other files may set it.
        partial.write_bytes(text_with(new=new).encode())
        newcomers = {host: its for host, its in inventory.docker_hosts(partial).items() if host in new}
        kept, left = ([one for one in there.students.values() if (one.name in gone) is out] for out in (False, True))
        placed = slots(newcomers, kept, left, where)
        new = {host: values | where.place(placed[host]) for host, values in new.items()}
        partial.write_bytes(text_with(new=new).encode())
        _require_nobody_moves(there.students, _loaded(partial, source), file)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def _loaded(partial: Path, source: str) -> Sequence[Student]:
    """The new inventory's students; what is wrong is said in the roster's name, since the file is gone in a moment."""
    try:
        return inventory.load(partial).students
    except WrongRequest as error:
        raise WrongRequest(
            f"{source} does not give a usable inventory",
            evidence=[error.what.replace(partial.name, "it"), *error.evidence],
            fix="correct the roster",
        ) from None


def _gone(there: There, entries: Sequence[Entry]) -> list[str]:
    """Who came by a roster and is in it no more; whom people wrote themselves they take out themselves."""
    hosts = {entry.host for entry in entries}
    return [host for host in there.names if host not in hosts]


def changes(there: There, entries: Sequence[Entry], where: Block, file: Path) -> list[str]:
    """What is otherwise than before, a line each: who came, who went, who has another host name or other settings."""
    before, hosts, gone = _hosts(there.document), {entry.host: entry.name for entry in entries}, _gone(there, entries)
    come = [host for host in hosts if host not in there.known]
    # A login was given, or changed: the stack of the old name, which may still run, has the old ports.
    renamed = {old: new for old in gone for new in come if there.names[old] == hosts[new]}
    lines = [f"renamed: {old} is {new} now, with other ports" for old, new in renamed.items()]
    new = [host for host in come if host not in renamed.values()]
    lines += [f"new: {', '.join(new)}"] if new else []
    lines += [
        f"{host}: {name} is {value} now" + (f", it was {before[host][name]}" if name in before[host] else "")
        for host, values in changed_settings(there, entries).items()
        for name, value in values.items()
    ]
    stays = f"a stack stays until invoke destroy --inventory {file} --student NAME"
    lines += [f"gone: {', '.join(gone)}; {stays}"] if gone else []
    by_hand = {host: {n: v for n, v in before[host].items() if n not in WRITTEN} for host in gone}
    lines += [f"written by hand, and gone with {host}: {shown(values)}" for host, values in by_hand.items() if values]
    if there.students and where != there.block(None, None):
        lines.append(
            f"from now on: ports from {where.ports_from}, subnets of {where.subnets}; who was there keeps theirs"
        )
    others = [host for host in there.students if host not in hosts and host not in gone]
    return lines + ([f"not in the roster, and kept: {', '.join(others)}"] if others else [])
