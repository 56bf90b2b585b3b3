"""What checks said last on this edge node, as the student's own `invoke check` keeps it (`streamlab.lessons.results`).

The student may write there whatever pleases: it is read with care, and no grade is taken from it.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

FOLDER = Path("~/.streamlab/checks")
#: Results that are read, the newest, and bytes of one.
MOST, LONGEST = 100, 1000
_NAME = re.compile(r"[a-z][a-z0-9]{0,40}")


def kept() -> list[dict[str, Any]]:
    """``[{"job", "exercise": the lesson whose exercise the job is, or "", "at": seconds since the epoch, "right",
    "of"}]``, by job.
    """
    try:
        with os.scandir(FOLDER.expanduser()) as entries:
            files = {Path(entry.path): entry.stat().st_mtime for entry in entries if entry.is_file()}
    except (OSError, RuntimeError):  # no folder, or a user without a home
        return []
    newest = sorted(files, key=lambda file: -files[file])[:MOST]
    return sorted((said for file in newest if (said := _read(file))), key=lambda said: said["job"])


def _read(file: Path) -> dict[str, Any]:
    """One result; empty where the file holds something else."""
    try:
        with file.open("rb") as opened:
            said = json.loads(opened.read(LONGEST))
        numbers = {name: said[name] for name in ("at", "right", "of")}
        exercise = said.get("exercise", "")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
    named = _NAME.fullmatch(file.stem) and isinstance(exercise, str) and (not exercise or _NAME.fullmatch(exercise))
    counted = all(type(number) is int and 0 <= number < 10**12 for number in numbers.values())
    return {"job": file.stem, "exercise": exercise, **numbers} if named and counted else {}
