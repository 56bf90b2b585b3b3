"""Hand-ins on the control machine: a folder for each lesson and student, which only its user may enter.

Beside each zip are its record and, once it has been graded, the result and the report. Nothing is ever replaced by
another hand-in: the number and the SHA-256 are in the name.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from streamlab.edge.outbox import FOLDER, MOST_BYTES, Name, name_of, read
from streamlab.errors import LabError
from streamlab.grading import packing
from streamlab.grading.packing import Contents
from streamlab.paths import STATE, private_file, private_folder, typed

#: Who states when a hand-in was received.
GATEWAY, CONTROL_MACHINE = "gateway", "control machine"
RECORD, RESULT, REPORT = ".record.json", ".result.json", ".report.md"
_STUDENT = re.compile(r"[a-z][a-z0-9]{0,30}")


@dataclass(frozen=True)
class HandIn:
    """The record of one hand-in.

    Args:
        received_at: with its time zone.
        clock: whose clock that is.
        size: of the zip, in bytes.
    """

    student: str
    job: str
    lesson: str
    number: int
    received_at: datetime
    clock: str
    sha256: str
    size: int

    @property
    def name(self) -> Name:
        return Name(self.number, self.job, self.sha256)

    def __str__(self) -> str:
        return f"hand-in {self.number} of {self.student}"


class Store:
    """The hand-ins of one class.

    Args:
        to: the folder below which they are; the lab's own, if none.
    """

    def __init__(self, lab_class: str, to: str | None = None) -> None:
        self.folder = private_folder((typed(to) if to else STATE / FOLDER) / lab_class)

    def _place(self, lesson: str, student: str) -> Path:
        return self.folder / lesson / student

    def path(self, hand_in: HandIn, kind: str) -> Path:
        """Where the zip's record, result or report is."""
        return self._place(hand_in.lesson, hand_in.student) / f"{hand_in.name}{kind}"

    def add(self, hand_in: HandIn, data: bytes) -> bool:
        """Keep a hand-in unless it is there; whether it was new. The record comes last: without one there is none."""
        place = private_folder(self._place(hand_in.lesson, hand_in.student))
        record = self.path(hand_in, RECORD)
        if record.exists():
            return False
        with private_file(hand_in.name.zip(place)) as file:
            file.write(data)
        self._write(record, {**asdict(hand_in), "received_at": hand_in.received_at.isoformat()})
        return True

    def hand_ins(self, lesson: str) -> list[HandIn]:
        """All hand-ins of one lesson, by student and in the order in which they were received.

        Raises:
            LabError: a record cannot be read.
        """
        found = [self._record(file) for file in sorted((self.folder / lesson).glob(f"*/*{RECORD}"))]
        return sorted(found, key=lambda one: (one.student, one.received_at, one.number))

    def known(self, student: str) -> dict[str, HandIn]:
        """Name -> record of all that a student has handed in, whatever the lesson."""
        found = [self._record(file) for file in sorted(self.folder.glob(f"*/{student}/*{RECORD}"))]
        return {str(one.name): one for one in found}

    def contents(self, hand_in: HandIn) -> Contents:
        """What is in a hand-in.

        Raises:
            LabError: the zip is gone, or is not the one that was received.
        """
        file = hand_in.name.zip(self._place(hand_in.lesson, hand_in.student))
        return packing.unpack(read(file, most=MOST_BYTES) or b"", sha256=hand_in.sha256, about=str(file))

    def result(self, hand_in: HandIn, *, seed: int) -> dict[str, Any] | None:
        """What grading has found under a seed; None where it has not been graded under it."""
        try:
            found = json.loads(self.path(hand_in, RESULT).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return found if found.get("seed") == seed else None

    def keep_result(self, hand_in: HandIn, result: Mapping[str, Any]) -> None:
        self._write(self.path(hand_in, RESULT), result)

    def keep_report(self, hand_in: HandIn, text: str) -> Path:
        with private_file(self.path(hand_in, REPORT)) as file:
            file.write(text.encode())
        return self.path(hand_in, REPORT)

    @cached_property
    def secret(self) -> bytes:
        """From which seeds are made that no student can know; made once for each store."""
        file = self.folder / "secret"
        if not file.exists():
            with private_file(file) as new:
                new.write(secrets.token_hex(16).encode())
        return file.read_bytes()

    def _record(self, file: Path) -> HandIn:
        try:
            said = json.loads(file.read_text(encoding="utf-8"))
            made = HandIn(**{**said, "received_at": datetime.fromisoformat(said["received_at"])})
            is_here = made.lesson == file.parent.parent.name and made.student == file.parent.name
            if not (is_here and _STUDENT.fullmatch(made.student) and name_of(str(made.name))):
                raise ValueError(f"it is of {made.student}, {made.lesson}")
            if made.received_at.tzinfo is None:
                raise ValueError("received_at has no time zone")
        except (ValueError, KeyError, TypeError) as error:
            raise LabError(
                f"{file} is not the record of a hand-in",
                evidence=f"{type(error).__name__}: {error}",
                fix="remove it, and collect again",
            ) from error
        return made

    @staticmethod
    def _write(file: Path, said: Mapping[str, Any]) -> None:
        with private_file(file) as new:
            new.write(json.dumps(said, indent=1, ensure_ascii=False).encode())
