"""What each job's check said last, in the student's own folder of the edge node; `edge.checks` reads it there.

The student may write there whatever pleases: the start page and the instructor's board show it, and no grade is taken
from it.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress

from streamlab.errors import WrongRequest
from streamlab.paths import STATE, private_file, private_folder


def keep(job: str, *, right: int, of: int, exercise: str = "") -> None:
    """Keep how many of a job's assertions held just now. Where no file can be written, nothing is kept.

    Args:
        exercise: the lesson whose exercise the job is; empty for any other job.
    """
    said = {"at": int(time.time()), "right": right, "of": of, "exercise": exercise}
    with suppress(OSError, WrongRequest):  # such as a full disk: the check has been made all the same
        folder = private_folder(STATE / "checks")
        with private_file(folder / f"{job}.json") as file:
            file.write(json.dumps(said).encode())
