"""What each lesson's check said last, in the student's own folder of the edge node.

The student may write there whatever pleases: it is shown to nobody else, and no grade is taken from it.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import Any

from streamlab.errors import WrongRequest
from streamlab.lessons import jobs
from streamlab.paths import STATE, private_file, private_folder

#: Bytes of a result that are read.
LONGEST = 1000


def keep(job: str, *, right: int, of: int) -> None:
    """Keep how many of a lesson's assertions held just now. Where no file can be written, nothing is kept."""
    said = {"at": int(time.time()), "right": right, "of": of}
    with suppress(OSError, WrongRequest):  # such as a full disk: the check has been made all the same
        folder = private_folder(STATE / "checks")
        with private_file(folder / f"{job}.json") as file:
            file.write(json.dumps(said).encode())


def kept() -> list[dict[str, Any]]:
    """What is kept of the lab's own lessons: ``[{"job", "at": seconds since the epoch, "right", "of"}]``."""
    return [{"job": job, **said} for job in jobs.known_jobs() if (said := _read(job))]


def _read(job: str) -> dict[str, int]:
    try:
        with (STATE / "checks" / f"{job}.json").open("rb") as file:
            said = json.loads(file.read(LONGEST))
        found = {name: said[name] for name in ("at", "right", "of")}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return found if all(type(number) is int and number >= 0 for number in found.values()) else {}
