"""Takes an exercise in Flink's SQL apart: which of its gaps are filled in, and the script that runs these alone.

A gap is what stands between ``-- BEGIN GAP 1`` and ``-- END GAP 1``. The statements that follow, up to the next one,
are given, and run with it. Flink ends a script at the first statement that it refuses; so what is open, or needs what
is open, is left out of the script, and the rest of it runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from common.errors import WrongRequest
from common.gap_states import FAILED, OPEN, RUNS, WAITS, WORDS
from common.settings import Settings
from common.words import described

PROGRAM = "exercise.sql"
_GAP = re.compile(r"^-- BEGIN GAP (\d+)\n(.*?)^-- END GAP \1\n", re.MULTILINE | re.DOTALL)
#: Text in quotes, which is kept, or a comment, which is not.
_COMMENT = re.compile(r"('[^']*'|`[^`]*`)|--[^\n]*|/\*.*?\*/", re.DOTALL)

States = dict[int, dict[str, str]]


def needs_of(gaps: list[dict[str, Any]]) -> dict[int, list[int]]:
    """The gaps without which each one cannot run, as exercise.yml has them; all earlier ones where it says nothing."""
    return {number: gap.get("needs", list(range(1, number))) for number, gap in enumerate(gaps, start=1)}


def split(text: str, settings: Settings, fill: Callable[[str], str]) -> tuple[str, States]:
    """The script that runs what is filled in, and the state of each gap, with its words.

    Args:
        fill: fills in settings, and raises WrongRequest where there is no such setting.
    """
    head, *rest = _GAP.split(text)
    found = {int(number): (own, given) for number, own, given in zip(rest[::3], rest[1::3], rest[2::3], strict=True)}
    script, states = [fill(head)], States()
    for number, needs in needs_of(described(settings.exercise, "exercise.yml")["gaps"]).items():
        own, given = found.get(number, (None, ""))
        if own is None:
            states[number] = _failed(f"the lines `-- BEGIN GAP {number}` and `-- END GAP {number}` are missing")
        elif not (bare := _COMMENT.sub(r"\1", own).strip()):
            states[number] = {"state": OPEN, "words": WORDS[OPEN]}
        elif any(states[one]["state"] != RUNS for one in needs):
            states[number] = {"state": WAITS, "words": WORDS[WAITS]}
        else:
            try:
                script.append(fill(own) + ("" if bare.endswith(";") else ";\n") + fill(given))
                states[number] = {"state": RUNS, "words": WORDS[RUNS]}
            except WrongRequest as error:
                states[number] = _failed(error.what)
    return "".join(script), states


def _failed(words: str) -> dict[str, str]:
    return {"state": FAILED, "words": words}
