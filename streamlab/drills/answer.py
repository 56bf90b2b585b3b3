"""`invoke drill` where a student sits: what there is to do, whether an answer is right, and whether it is repaired."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from streamlab.drills.catalogue import digest, drills
from streamlab.drills.state import SECONDS, State, ask
from streamlab.errors import LabError
from streamlab.paths import STATE, private_file, private_folder
from streamlab.stacks import operation
from streamlab.stacks.operation import Access, Operation
from streamlab.stacks.stack import open_stack
from streamlab.students.student import Student
from streamlab.ui import say
from streamlab.yamlfile import texts

NOTE, ANSWERS = "drill.json", "drill-answers.json"
TEXTS = Path(__file__).with_name("texts.yml")
#: Answers that are kept.
MOST = 100


def show(student: Student) -> None:
    """Print what there is to do, if a drill is on."""
    said, note = texts(TEXTS, student.language), _read(NOTE)
    say(_handout(said, note).rstrip() if note else said["none"])


def _handout(said: dict[str, Any], note: dict[str, str]) -> str:
    job = note["job"]
    if not job:
        return said["handout"].format(began=note["began"])
    goal = said["goals"][note["like"]].format(job=job).replace("\n", "\n  ")
    return said["handout_records"].format(began=note["began"], job=job, like=note["like"], goal=goal)


def give(student: Student, answer: str) -> None:
    """Say whether an answer is right and, if it is, what happened; keep it for the instructor.

    Raises:
        LabError: no drill is on, or the answer is not right.
    """
    said, note = texts(TEXTS, student.language), _read(NOTE)
    if not note:
        raise LabError(said["none"])
    given = [*(_read(ANSWERS) or []), {"at": int(time.time()), "answer": answer}]
    with private_file(private_folder(STATE) / ANSWERS) as file:
        file.write(json.dumps(given[-MOST:]).encode())
    drill = next((one for one in drills().values() if digest(note["salt"], one.name, answer) in note["right"]), None)
    if drill is None:
        raise LabError(said["wrong"].format(answer=answer))
    say(said["right"].format(answer=answer))
    say(drill.found.get(student.language, drill.found["en"]))


def check(student: Student) -> None:
    """Say whether what the student can repair is repaired.

    Raises:
        LabError: no drill is on, something is not repaired, or a service does not answer.
    """
    said, note = texts(TEXTS, student.language), _read(NOTE)
    if not note:
        raise LabError(said["none"])
    if not (note["fill"] or note["job"]):
        say(said["not_yours"])
        return

    def look(student: Student) -> State:
        with open_stack(student) as stack:
            return ask(stack)

    found = operation.act(look, student, Operation("drill --check", Access.USE, SECONDS + 30))
    if found.wrong:
        raise LabError(
            said["open"],
            evidence=[said["codes"][code].format(count=count, job=note["job"]) for code, count in found.wrong],
        )
    say(said["repaired"])


def _read(name: str) -> Any:
    try:
        return json.loads((STATE / name).read_bytes())
    except (OSError, ValueError):
        return None
