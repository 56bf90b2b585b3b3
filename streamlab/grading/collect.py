"""`invoke collect`: bring hand-ins to the control machine, each with the time at which it was received."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from streamlab.edge.outbox import MOST, MOST_BYTES, name_of
from streamlab.errors import LabError
from streamlab.gateway import hand_ins as gateway
from streamlab.grading import packing
from streamlab.grading.store import CONTROL_MACHINE, GATEWAY, HandIn, Store
from streamlab.stacks import parallel
from streamlab.stacks.channel import fields, list_of
from streamlab.stacks.operation import Access, Operation
from streamlab.stacks.stack import Stack, StackOnEngine, open_stack
from streamlab.students.student import Student
from streamlab.ui import say

SECONDS = 60
COLLECT = Operation("collect", Access.USE, 600)

_sent = list_of(fields(name=str, data=str))


def collect_each(students: Sequence[Student], to: str | None) -> None:
    """Fetch what is new from every student's outbox, and leave a receipt there. Nothing that is here is lost.

    Raises:
        LabError: it failed for some students, or something is no hand-in; the rest was fetched.
    """
    store = Store(students[0].lab_class, to)
    say(f"hand-ins are kept in {store.folder}")
    parallel.each(students, lambda student: collect(student, store), COLLECT)


def collect(student: Student, store: Store) -> None:
    """One student's new hand-ins, a line for each: first those that the gateway has taken, by its clock."""
    known = store.known(student.name)
    intake = Intake(student.name, store, receipts=dict(known))
    with open_stack(student) as stack:
        if student.gateway and isinstance(stack, StackOnEngine):
            for name, (data, at) in gateway.taken(stack.client, student).items():
                intake.take(name, data, at=at, clock=GATEWAY)
        while sent := _ask(stack, {*known, *intake.seen}, intake.receipts):
            at, intake.receipts = datetime.now(UTC).replace(microsecond=0), {}
            for name, data in sent.items():
                intake.take(name, data, at=at, clock=CONTROL_MACHINE)
    say(f"{student.name}: {intake.new} new, {len(known) + intake.new} in all")
    if intake.wrong:
        raise LabError(
            f"{student.name}: {len(intake.wrong)} files in the outbox are no hand-ins",
            evidence=[f"{one.what}: {' '.join(one.evidence)}" for one in intake.wrong],
            fix="the student hands in again",
        )


@dataclass
class Intake:
    """One student's hand-ins as they come.

    Args:
        receipts: those that the student is to get next, by name.
        seen: names that need not come again.
    """

    student: str
    store: Store
    receipts: dict[str, HandIn]
    seen: set[str] = field(default_factory=set)
    wrong: list[LabError] = field(default_factory=list)
    new: int = 0

    def take(self, name: str, data: bytes, *, at: datetime, clock: str) -> None:
        """Keep one hand-in, unless it is kept already or is none."""
        self.seen.add(name)
        try:
            hand_in = accepted(self.student, name, data, at=at, clock=clock)
        except LabError as error:
            self.wrong.append(error)
            return
        self.receipts.setdefault(name, hand_in)
        if self.store.add(hand_in, data):
            self.new += 1
            say(f"{self.student}: {describe(hand_in)}")


def describe(hand_in: HandIn) -> str:
    """One line about a hand-in."""
    at = f"{hand_in.received_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC by the clock of the {hand_in.clock}"
    return f"hand-in {hand_in.number}, {hand_in.job} of {hand_in.lesson}, {hand_in.size / 1e3:.1f} kB, received {at}"


def accepted(student: str, text: str, data: bytes, *, at: datetime, clock: str) -> HandIn:
    """The record of what came under a name.

    Raises:
        LabError: it is no hand-in, or not the one that the name says.
    """
    about, name = f"{student}'s {text[:60]}", name_of(text)
    if name is None or len(data) > MOST_BYTES:
        raise LabError(f"{about} is not a hand-in", evidence=f"{len(data)} bytes", fix="the student hands in again")
    found = packing.unpack(data, sha256=name.sha256, about=about)
    if found.job != name.job:
        raise LabError(f"{about} is not a hand-in", evidence=f"it holds {found.job}", fix="the student hands in again")
    return HandIn(student, found.job, found.lesson, name.number, at, clock, name.sha256, len(data))


def _ask(stack: Stack, known: set[str], receipts: Mapping[str, HandIn]) -> dict[str, bytes]:
    """The next hand-ins out of an outbox that are not known; none when all are."""
    if len(known) > 2 * MOST:
        raise LabError(
            f"{stack.student.name}'s outbox gives more than {MOST} hand-ins",
            evidence="what had come before is kept",
            fix="look at ~/.streamlab/hand-ins on the edge node: invoke shell",
        )
    request: dict[str, Any] = {
        "known": sorted(known),
        "receipts": {
            name: {"received_at": one.received_at.astimezone(UTC).isoformat(), "clock": one.clock}
            for name, one in receipts.items()
        },
    }
    said = stack.answer("edge.hand_ins", json.dumps(request), seconds=SECONDS, read=_sent)
    return {one["name"]: base64.b64decode(one["data"]) for one in said if one["name"] not in known}
