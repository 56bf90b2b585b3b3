"""What a stack says of its drill: the student's note and answers, and what is still to be repaired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from streamlab.drills.catalogue import FILE
from streamlab.stacks.channel import fields
from streamlab.stacks.stack import Stack

#: Seconds in which the edge node answers; to fill HDFS and to read a topic take the longest.
SECONDS = 60


@dataclass(frozen=True)
class State:
    """A drill as it is now. Note and answers are the student's own files, and may be anything.

    Args:
        wrong: code and count of what the student has still to repair; empty also where nothing is.
        waiting: the hand-ins that nobody has taken yet.
    """

    note: Any
    answers: Sequence[Any]
    wrong: Sequence[tuple[str, int]]
    waiting: Sequence[str]


def ask(stack: Stack) -> State:
    """Ask the edge node.

    Raises:
        LabError: it does not answer, or a service that holds what is to be repaired does not.
    """
    return stack.answer("edge.drill", "state", FILE, seconds=SECONDS, read=_state)


def _state(said: Any) -> State:
    found = fields(answers=list, wrong=list, waiting=[str])(said)
    wrong = [(str(code), int(count)) for code, count in found["wrong"]]
    return State(found["note"], found["answers"], wrong, found["waiting"])
