"""Where a student's hand-ins wait on the edge node, and what their files are called: known to all who look there.

An outbox is the student's own folder: what is in it may be anything, and is taken for no more than the student's word.
The number in a name tells one hand-in from an earlier one with the same contents.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

#: Below the folder that the lab's commands keep things in.
FOLDER = "hand-ins"
#: Bytes of one hand-in, and hand-ins of one student.
MOST_BYTES, MOST = 1_000_000, 200
_NAME = re.compile(r"(?P<number>\d{4})-(?P<job>[a-z][a-z0-9]{0,30})-(?P<sha256>[0-9a-f]{64})")
_ZIP, _RECEIPT = ".zip", ".receipt.json"


@dataclass(frozen=True, order=True)
class Name:
    """What one hand-in is called: its number among the student's, the folder that it is of, its zip's SHA-256."""

    number: int
    job: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.number:04}-{self.job}-{self.sha256}"

    def zip(self, folder: Path) -> Path:
        return folder / f"{self}{_ZIP}"

    def receipt(self, folder: Path) -> Path:
        return folder / f"{self}{_RECEIPT}"


def name_of(text: str) -> Name | None:
    """A hand-in's name out of its text; None where it is none."""
    found = _NAME.fullmatch(text)
    return Name(int(found["number"]), found["job"], found["sha256"]) if found else None


def names_in(folder: Path) -> list[Name]:
    """The hand-ins in a folder, by number; files that are called otherwise are none."""
    if not folder.is_dir():
        return []
    found = (name_of(file.name.removesuffix(_ZIP)) for file in folder.iterdir() if file.name.endswith(_ZIP))
    return sorted(name for name in found if name)


def read(file: Path, *, most: int = MOST_BYTES) -> bytes | None:
    """A regular file's bytes; None where there is none, it is a link or something else, or larger than `most`."""
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(handle, "rb") as opened:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return None
        data = opened.read(most + 1)
    return data if len(data) <= most else None
