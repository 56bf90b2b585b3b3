"""Public keys of ssh that students have entered themselves: kept here, and written for the bastion."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.public_keys import public_key

#: Keys that a student may have entered.
MOST = 10


@dataclass(frozen=True)
class Owner:
    """A student who may enter keys.

    Args:
        opens: what the bastion lets them reach (``permitopen="ADDRESS:PORT"``).
        credential: which secret is good now; keys that were entered with another one are worth nothing any more.
    """

    opens: str
    credential: str


class Keys:
    """All keys that were entered.

    Args:
        folder: of the portal's state; the bastion reads `authorized_keys` there at each login.
        owners: by name.
    """

    def __init__(self, folder: Path, owners: Mapping[str, Owner]) -> None:
        self._file, self._lines = folder / "keys.json", folder / "authorized_keys"
        self._kept: dict[str, dict[str, Any]] = json.loads(self._file.read_text()) if self._file.exists() else {}
        self.reload(owners)

    def reload(self, owners: Mapping[str, Owner]) -> None:
        """The class has changed: who is gone, or has a new secret, has no key any more."""
        self._owners = owners
        self._kept = {
            name: one for name, one in self._kept.items()
            if name in owners and one["credential"] == owners[name].credential
        }  # fmt: skip
        self._write()

    def of(self, student: str) -> list[str]:
        """A student's keys, each as its kind and base64."""
        return list(self._kept.get(student, {}).get("keys", ()))

    def add(self, student: str, text: str) -> None:
        """Take a key, as it is pasted; one that is there already stays.

        Raises:
            ValueError: it is none, or there are too many.
        """
        key, keys = public_key(text), self.of(student)
        if key not in keys:
            if len(keys) >= MOST:
                raise ValueError(f"more than {MOST} keys")
            self._keep(student, [*keys, key])

    def remove(self, student: str, of_key: str) -> None:
        """Forget the key with this fingerprint, if there is one."""
        self._keep(student, [key for key in self.of(student) if fingerprint(key) != of_key])

    def _keep(self, student: str, keys: list[str]) -> None:
        self._kept[student] = {"credential": self._owners[student].credential, "keys": keys}
        self._write()

    def _write(self) -> None:
        reached: dict[str, list[str]] = {}
        for student in self._kept:
            for key in self.of(student):
                reached.setdefault(key, []).append(student)
        opens = {name: owner.opens for name, owner in self._owners.items()}
        lines = (authorized_key(key, students, opens) for key, students in reached.items())
        for file, text in ((self._file, json.dumps(self._kept)), (self._lines, "".join(lines))):
            new = file.with_suffix(".new")
            new.touch(mode=0o600)
            new.write_text(text, encoding="ascii")
            new.replace(file)


def authorized_key(key: str, students: list[str], opens: Mapping[str, str]) -> str:
    """A line for the bastion: sshd looks at one line of a key only, so it has the edge nodes of all who entered it."""
    return f"restrict,port-forwarding,{','.join(opens[one] for one in students)} {key} {'+'.join(students)}\n"


def fingerprint(key: str) -> str:
    """As `ssh-keygen -l` shows it: ``SHA256:…``."""
    digest = hashlib.sha256(base64.b64decode(key.split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
