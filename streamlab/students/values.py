"""The kinds of value that an inventory's variables may have. Pure: values in, descriptions of the wrong ones out."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from streamlab.students.public_keys import EXPECTED, public_key
from streamlab.students.services import OPTIONAL

#: Characters of a value that are shown.
SHOWN = 60


@dataclass(frozen=True)
class Wrong:
    """One value of a wrong kind; `path` begins with the variable's name."""

    path: str
    found: Any
    expected: str

    @property
    def variable(self) -> str:
        return self.path.partition(".")[0]

    def described(self, where: str = "") -> str:
        """In one line, for people; `where` says in which file it is set."""
        return f"{self.path} is {shown(self.found)}{where}; expected {self.expected}"


#: What Ansible takes for a text.
_SCALAR = (str, int, float, bool)

Check = Callable[[str, Any], Iterator[Wrong]]


def shown(value: Any) -> str:
    """A value as it may be written in YAML, as far as it fits a line."""
    return textwrap.shorten(json.dumps(value, ensure_ascii=False, default=str), SHOWN, placeholder=" …")


def some(names: Sequence[str]) -> str:
    """The first few of many names, and how many there are more."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def as_whole(value: Any) -> int | None:
    """The whole number that a value is, also in quotation marks; true and false are none."""
    if isinstance(value, str) and value.removeprefix("-").isdecimal():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def whole(least: int, most: int | None = None) -> Check:
    """A whole number, from `least` to `most`."""
    expected = f"a whole number from {least}" + (f" to {most}" if most is not None else "")

    def check(path: str, value: Any) -> Iterator[Wrong]:
        number = as_whole(value)
        if number is None or number < least or (most is not None and number > most):
            no_template = ", and no template" if "{{" in str(value) else ""
            yield Wrong(path, value, expected + no_template)

    return check


def number_or_share(path: str, value: Any) -> Iterator[Wrong]:
    """A whole number from 1, or a share of more than 0 and at most 1.0."""
    share = isinstance(value, float) and 0 < value <= 1
    if not share and (as_whole(value) or 0) < 1:
        yield Wrong(path, value, "a number of students such as 10, or a share of them such as 0.33")


def text(path: str, value: Any) -> Iterator[Wrong]:
    """A word or more. A number is one, too: YAML reads `2026` as such."""
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        yield Wrong(path, value, "a text")


def flag(path: str, value: Any) -> Iterator[Wrong]:
    """True or false."""
    if not isinstance(value, bool):
        yield Wrong(path, value, "true or false")


def public_keys(path: str, value: Any) -> Iterator[Wrong]:
    """Public keys of ssh, in a list."""
    if not isinstance(value, list):
        yield Wrong(path, value, "a list of public keys")
        return
    for number, key in enumerate(value):
        try:
            public_key(str(key))
        except ValueError:
            yield Wrong(f"{path}.{number}", key, EXPECTED)


def optional_services(path: str, value: Any) -> Iterator[Wrong]:
    """Names of optional services, in a list."""
    known = ", ".join(OPTIONAL)
    if not isinstance(value, list):
        yield Wrong(path, value, f"a list of {known}")
        return
    for number, name in enumerate(value):
        if name not in OPTIONAL:
            yield Wrong(f"{path}.{number}", name, f"one of {known}")


def mapping(each: Check) -> Check:
    """Names of any kind, each with a value of one kind."""

    def check(path: str, value: Any) -> Iterator[Wrong]:
        if not isinstance(value, Mapping):
            yield Wrong(path, value, "a mapping")
            return
        for name, one in value.items():
            yield from each(f"{path}.{name}", one)

    return check


def record(needed: Mapping[str, Check], maybe: Mapping[str, Check], example: str) -> Check:
    """These names and no other, each with a value of its own kind."""

    def check(path: str, value: Any) -> Iterator[Wrong]:
        if not isinstance(value, Mapping):
            yield Wrong(path, value, f"a mapping such as {example}")
            return
        lacking = [name for name in needed if name not in value]
        if lacking:
            yield Wrong(path, value, f"{', '.join(lacking)} in it, too, as in {example}")
        for name, one in value.items():
            kind = needed.get(name) or maybe.get(name)
            if kind is None:
                yield Wrong(f"{path}.{name}", one, f"nothing: known are {', '.join((*needed, *maybe))}")
            elif not (name in maybe and one is None):
                yield from kind(f"{path}.{name}", one)

    return check


_SIZE = record(
    {"nodes": mapping(whole(0, 99)), "yarn_memory_mb": whole(1), "yarn_vcores": whole(1)},
    {"replication": mapping(whole(0))},
    "{nodes: {kafka: 1, …}, yarn_memory_mb: 4096, yarn_vcores: 8}",
)
_PAGE = record(
    {"node": text, "port": whole(1, 65535), "offset": whole(0, 64511), "title": text},
    {},
    "{node: kafka1, port: 9092, offset: 92, title: Kafka}",
)
_GATEWAY = record(
    {},
    {
        "domain": text, "address": text, "port": whole(1, 65535), "ssh_port": whole(1, 65535), "tls": text,
        "certificate": text, "key": text,
    },
    "{domain: lab.localhost, port: 8443}",
)  # fmt: skip

#: Every variable that the lab itself reads.
VARIABLES: Mapping[str, Check] = {
    "lab_class": text,
    "lab_owner": text,
    "docker_host": text,
    "port_base": whole(0),
    "subnet": text,
    "size": text,
    "sizes": mapping(_SIZE),
    "node_memory_mb": mapping(whole(1)),
    "node_idle_mb": mapping(whole(0)),
    "pages": mapping(_PAGE),
    "services": optional_services,
    "at_work": number_or_share,
    "disk_mb": whole(0),
    "disk_reserve_mb": whole(0),
    "gateway": _GATEWAY,
    "language": text,
    "ssh_keys": public_keys,
    "grading": flag,
    "roster_name": text,
    "id_number": text,
    "email": text,
    "username": text,
}
#: The parts of a size, which mean nothing outside of one.
OF_A_SIZE = ("nodes", "yarn_memory_mb", "yarn_vcores", "replication")


def wrong_in(values: Mapping[str, Any], checks: Mapping[str, Check] = VARIABLES) -> list[Wrong]:
    """The variables of one student that are of another kind than they should be."""
    return [wrong for name, check in checks.items() if name in values for wrong in check(name, values[name])]


def option(kind: str) -> Check:
    """What a role's argument spec calls `kind`; a template is what Ansible makes of it later, and left to it."""
    types: Mapping[str, Any] = {"dict": Mapping, "list": list, "str": _SCALAR, "path": str}
    words = {"int": "a whole number", "bool": "yes or no", "dict": "a mapping", "list": "a list"}

    def check(path: str, value: Any) -> Iterator[Wrong]:
        if isinstance(value, str) and "{{" in value:
            return
        if kind == "int":
            right = as_whole(value) is not None
        elif kind == "bool":
            right = isinstance(value, bool) or str(value).lower() in ("yes", "no", "true", "false", "0", "1")
        else:
            right = isinstance(value, types.get(kind, object))
        if not right:
            yield Wrong(path, value, words.get(kind, "a text"))

    return check
