"""The files of an inventory as they are written: their shape, before Ansible is asked, and which of them sets what.

Ansible only warns of a file that has another shape, and goes on without it.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamlab.errors import WrongRequest
from streamlab.paths import ANSIBLE
from streamlab.students.values import OF_A_SIZE, VARIABLES, Check, option, shown, some, wrong_in
from streamlab.yamlfile import check_yaml

#: What a group of an inventory consists of.
PARTS = ("hosts", "vars", "children")
#: How close an unknown variable's name must be to a known one to be taken for a slip of the pen.
SLIP = 0.75


def shape_problems(document: Any) -> list[str]:
    """What keeps an inventory's file from being groups of hosts, one line each."""
    if document is None or (isinstance(document, Mapping) and "plugin" in document):
        return []  # empty, or made by a plugin of Ansible's
    if not isinstance(document, Mapping):
        return [f"the file is {shown(document)}; expected groups: all: {{vars: …, children: …}}"]
    return [problem for name, group in document.items() for problem in _of_group(str(name), group)]


def _of_group(path: str, group: Any) -> Iterator[str]:
    if group is None:
        return
    if not isinstance(group, Mapping):
        yield f"{path} is {shown(group)}; expected a group with {', '.join(PARTS)}"
        return
    for name, part in group.items():
        if name not in PARTS:
            yield f"{path}.{name} is no part of a group; expected {', '.join(PARTS)}"
        elif part is None:
            continue
        elif not isinstance(part, Mapping):
            yield f"{path}.{name} is {shown(part)}; expected a mapping"
        elif name == "children":
            for child, below in part.items():
                yield from _of_group(f"{path}.{name}.{child}", below)
        elif name == "hosts":
            for host, values in part.items():
                if not isinstance(host, str):
                    yield f"{path}.hosts has {shown(host)}; expected a name"
                elif values is not None and not isinstance(values, Mapping):
                    yield f"{path}.hosts.{host} is {shown(values)}; expected a mapping of variables"


@dataclass(frozen=True)
class Place:
    """Where a variable is set, and to what."""

    file: Path
    value: Any


def places_of(documents: Mapping[Path, Any], source: Path) -> dict[str, list[Place]]:
    """Variable -> where it is set, for somebody or for all: in the inventory `source`, or beside it."""
    found: dict[str, list[Place]] = {}
    for file, document in documents.items():
        pairs = _of_inventory(document) if file == source else document.items() if isinstance(document, Mapping) else ()
        for name, value in pairs:
            found.setdefault(str(name), []).append(Place(file, value))
    return found


def _of_inventory(group: Any) -> Iterator[tuple[str, Any]]:
    """Every variable of an inventory whose shape is right, with its value: of groups, at any depth, and of hosts."""
    for part, content in (group or {}).items():
        if part == "vars":
            yield from (content or {}).items()
        elif part == "hosts":
            for values in (content or {}).values():
                yield from (values or {}).items()
        elif isinstance(content, Mapping):  # a group by its name, or `children`
            yield from _of_inventory(content)


def slips(names: Collection[str]) -> dict[str, str]:
    """Variable -> what is wrong with its name, of those that nothing reads and that are nearly one which is read."""
    problems = {}
    for name in sorted(names):
        near = difflib.get_close_matches(name, VARIABLES, n=1, cutoff=SLIP)
        if name in OF_A_SIZE:
            problems[name] = "belongs in a size: sizes: {small: {" + name + ": …}}"
        elif near:
            problems[name] = f"is read by nothing, and nearly {near[0]}; give it another name if that is not meant"
    return problems


def role_options(places: Mapping[str, object]) -> dict[str, Check]:
    """What the roles' argument specs say of those variables that are options of theirs."""
    if set(places) <= set(VARIABLES):
        return {}
    specs = [check_yaml(file)["argument_specs"]["main"] for file in ANSIBLE.glob("roles/*/meta/argument_specs.yml")]
    kinds = {name: spec["type"] for role in specs for name, spec in (role.get("options") or {}).items()}
    return {name: option(kinds[name]) for name in places if name in kinds}


def require_kinds(
    variables: Mapping[str, Mapping[str, Any]],
    places: Mapping[str, Sequence[Place]],
    checks: Mapping[str, Check],
    *,
    source: Path,
) -> None:
    """Refuse a variable of a wrong kind, or one that nothing reads, and name the file that sets it.

    Students who have the same wrong value are named together.

    Raises:
        WrongRequest: there is such a variable.
    """

    def files(variable: str, value: Any = None) -> str:
        """Where a variable has this value; where it is set at all, if the value is one that Ansible has made of it."""
        there = places.get(variable, ())
        same = [place for place in there if shown(place.value) == shown(value)] or there
        names = dict.fromkeys(place.file.relative_to(source.parent).as_posix() for place in same)
        return f" in {' or '.join(names) or source.name}"

    unknown = slips(set(places) - set(checks))
    whose: dict[str, list[str]] = {f"{variable}{files(variable)} {what}": [] for variable, what in unknown.items()}
    for name, values in variables.items():
        for wrong in wrong_in(values, checks):
            whose.setdefault(wrong.described(files(wrong.variable, values[wrong.variable])), []).append(name)
    if whose:
        raise WrongRequest(
            f"{source.name} has variables that cannot be used",
            evidence=[f"{some(names)}: {what}" if names else what for what, names in whose.items()],
            fix=f"correct {'this' if len(whose) == 1 else 'these'} and try again",
        )
