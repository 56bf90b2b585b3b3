"""`invoke drill` where a student sits: what there is to do, and whether an answer is right."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import yaml

from streamlab.drills.catalogue import digest, drills
from streamlab.errors import LabError
from streamlab.paths import STATE, private_file, private_folder
from streamlab.students.topology import Student
from streamlab.ui import say

NOTE, ANSWERS = "drill.json", "drill-answers.json"
#: Answers that are kept.
MOST = 100


def texts(language: str) -> dict[str, str]:
    """What is said to a student, in English where it is not written in this language."""
    said = yaml.safe_load(Path(__file__).with_name("texts.yml").read_text(encoding="utf-8"))
    return said.get(language, said["en"])


def show(student: Student) -> None:
    """Print what there is to do, if a drill is on."""
    said, note = texts(student.language), _read(NOTE)
    say(said["handout"].format(began=note["began"]).rstrip() if note else said["none"])


def give(student: Student, answer: str) -> None:
    """Say whether an answer is right and, if it is, what happened; keep it for the instructor.

    Raises:
        LabError: no drill is on, or the answer is not right.
    """
    said, note = texts(student.language), _read(NOTE)
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


def _read(name: str) -> Any:
    try:
        return json.loads((STATE / name).read_bytes())
    except (OSError, ValueError):
        return None
