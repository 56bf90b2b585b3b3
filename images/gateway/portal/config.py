"""What the control machine has written for the portal: people, pages, lessons, texts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from portal.keys import Owner

FOLDER = Path("/etc/gateway")


@dataclass(frozen=True)
class Person:
    """Somebody who may log in.

    Args:
        secret_hash: ``scrypt$n$r$p$salt$hash``.
        students: whose pages they may open.
        instructor: whether the board is theirs, too.
    """

    name: str
    secret_hash: str
    students: frozenset[str]
    instructor: bool = False

    @property
    def credential(self) -> str:
        """Differs when the secret does: a session that was begun with another one is over."""
        return hashlib.sha256(self.secret_hash.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Config:
    """portal.json.

    Args:
        port: where browsers reach the gateway.
        pages: student -> ``[{"label", "title"}]``.
        lessons: ``[{"name", "title"}]``; each has a handout.
        texts: key -> text in the class's language.
        fingerprint: of the authority's certificate, empty where the certificate is another's.
        ssh: student -> ``{"config", "known_hosts", "keys", "opens"}``: the lines of the two files on a laptop, the
            inventory's public keys, and what the bastion lets the student's keys reach.
    """

    lab_class: str
    domain: str
    port: int
    language: str
    people: Mapping[str, Person]
    pages: Mapping[str, list[Mapping[str, str]]]
    lessons: list[Mapping[str, str]]
    texts: Mapping[str, str]
    fingerprint: str
    ssh: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def origin(self, host: str) -> str:
        """What a browser calls the origin of a host name."""
        return f"https://{host}{'' if self.port == 443 else f':{self.port}'}"

    def owners(self) -> dict[str, Owner]:
        """Who may enter public keys of ssh."""
        return {name: Owner(one["opens"], self.people[name].credential) for name, one in self.ssh.items()}

    def student_of(self, host: str) -> str | None:
        """Whose page has this host name; None where it is nobody's."""
        student, dash, label = host.removesuffix(f".{self.domain}").partition("-")
        known = host.endswith(f".{self.domain}") and any(page["label"] == label for page in self.pages.get(student, ()))
        return student if dash and known else None


def load(folder: Path = FOLDER) -> Config:
    """Read the configuration that is there now."""
    found: dict[str, Any] = json.loads((folder / "portal.json").read_text(encoding="utf-8"))
    people = {
        one["name"]: Person(one["name"], one["hash"], frozenset(one["students"]), one["instructor"])
        for one in found.pop("people")
    }
    return Config(people=people, **found)
