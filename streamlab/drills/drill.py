"""`invoke drill`: a fault is begun in students' stacks, looked after, and taken back."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any

from streamlab.drills import faults, records
from streamlab.drills.catalogue import FILE, FILL, Drill, digest, drills, find
from streamlab.drills.state import SECONDS, State, ask
from streamlab.engines import labelled
from streamlab.errors import LabError, WrongRequest
from streamlab.stacks import parallel
from streamlab.stacks.operation import Access, Operation
from streamlab.stacks.prove import require_proved
from streamlab.stacks.stack import StackOnEngine, open_on_engine
from streamlab.students.student import Student
from streamlab.students.topology import nodes
from streamlab.ui import say, table

#: Seconds in which a fault is begun, and in which it is taken back and every service has proved itself.
BEGIN_SECONDS, END_SECONDS = 300, 500


def show() -> None:
    """Print every drill."""
    say(table(["drill", "what happens"], [[drill.name, drill.title] for drill in drills().values()]))


def begin(students: Sequence[Student], name: str) -> None:
    """Begin a drill in every student's stack.

    Raises:
        WrongRequest: there is no such drill, one is on already, or a node does not run; nothing was done to that stack.
    """
    drill = find(name)

    def one(student: Student) -> None:
        with open_on_engine(student) as stack:
            _require_ready(stack)
            salt = secrets.token_hex(16)
            note = {
                "began": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()),
                "salt": salt,
                "fill": drill.fault == FILL,
                "job": drill.job,
                "like": drill.like,
                "right": [digest(salt, drill.name, answer) for answer in drill.answers(student)],
            }
            try:
                stack.answer("edge.drill", "begin", FILE, json.dumps(note), seconds=SECONDS, read=bool)
                if drill.kind:
                    faults.inflict(stack.client, student, drill.node(student), drill.fault)
                elif drill.like:
                    records.send(stack, drill)
            except BaseException:
                _take_back(stack)
                if drill.like:
                    records.take_back(stack)
                raise
        say(f"{student.name}: {drill.name} has begun; invoke drill on the edge node tells the student")

    parallel.each(students, one, Operation(f"drill {name}", Access.CHANGE, BEGIN_SECONDS))


def _require_ready(stack: StackOnEngine) -> None:
    student = stack.student
    found = labelled.summaries(stack.client, student)
    states = {node.name: found[node.name].status if node.name in found else "missing" for node in nodes(student)}
    down = [f"{name} is {state}" for name, state in states.items() if state != "running"]
    if down:
        raise WrongRequest(
            f"{student.name}: a drill begins in a stack that is whole",
            evidence=down,
            fix=f"invoke drill --end --student {student.name} takes back a drill; for all else: invoke provision",
        )
    said = ask(stack)
    if said.waiting:
        raise WrongRequest(
            f"{student.name}: hand-ins wait in the outbox, and a drill could lose them",
            evidence=[str(one) for one in said.waiting][:3],
            fix=f"invoke collect --student {student.name}, then the drill",
        )
    if said.note:
        raise WrongRequest(f"{student.name}: a drill is on already", fix=f"invoke drill --end --student {student.name}")


def check(students: Sequence[Student]) -> None:
    """Print for every student whether the fault was found, and whether what a student can repair is repaired.

    Raises:
        LabError: somebody has not found it, or a stack does not answer.
    """

    def one(student: Student) -> list[str]:
        with open_on_engine(student) as stack:
            said = ask(stack)
            return [student.name, *_judged(student, said)]

    operation = Operation("drill --check", Access.USE, SECONDS + 30)
    outcomes = parallel.run(students, one, operation)
    rows = [outcome.answer for outcome in outcomes if not outcome.error]
    say(table(["student", "drill", "begun", "found", "repaired"], rows))
    parallel.require_done(outcomes, operation)
    missing = [row[0] for row in rows if not row[3].startswith("yes")]
    if missing:
        raise LabError(
            f"{len(missing)} of {len(rows)} students have not found it",
            evidence=", ".join(missing),
            fix="let them go on, or take the fault back: invoke drill --end",
        )


def _judged(student: Student, said: State) -> list[str]:
    """Drill, begin, whether it was found, and whether it is repaired. A student may change the note: it is no proof."""
    note = said.note
    if not isinstance(note, dict):
        return ["none", "", "", ""]
    right = {
        digest(str(note.get("salt")), drill.name, answer): drill
        for drill in drills().values()
        for answer in drill.answers(student)
    }
    drill = next((right[one] for one in note.get("right", ()) if one in right), None)
    if drill is None:
        return ["unknown", "", "", ""]
    given = [str(one.get("answer", "")) for one in said.answers if isinstance(one, dict)]
    tries = next((n for n, one in enumerate(given, 1) if digest(note["salt"], drill.name, one) in note["right"]), 0)
    found = f"yes, answer {tries}" if tries else f"no, {len(given)} answers" if given else "no answer"
    return [drill.name, str(note.get("began", "")), found, _repaired(drill, note, said.wrong)]


def _repaired(drill: Drill, note: Mapping[str, Any], wrong: Sequence[tuple[str, int]]) -> str:
    if not drill.is_repairable:
        return "by --end"
    if (note.get("fill"), note.get("job")) != (drill.fault == FILL, drill.job):
        return "no: the note was changed"  # by which the edge node knows what to look at
    return f"no: {', '.join(f'{count} {code}' for code, count in wrong)}" if wrong else "yes"


def end(students: Sequence[Student]) -> None:
    """Take back whatever a drill has done to these stacks, also where none is known of, and prove every service."""

    def one(student: Student) -> None:
        with open_on_engine(student) as stack:
            _take_back(stack)
            require_proved(student)
            records.take_back(stack)
        say(f"{student.name}: as before the drill, and proved")

    parallel.each(students, one, Operation("drill --end", Access.CHANGE, END_SECONDS))


def _take_back(stack: StackOnEngine) -> None:
    for node in nodes(stack.student):
        faults.release(stack.client, stack.student, node.name)
    stack.answer("edge.drill", "end", FILE, seconds=SECONDS, read=bool)
