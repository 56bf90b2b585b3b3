"""One submit of a lesson at a time: a file for each lesson, locked until YARN has the application."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from common.channel import emit

LOCK = "/tmp/streamlab-{}.lock"


def lock(lesson: str) -> None:
    """Exclude other submits of the lesson: both would create what is missing, and start the same step.

    The lock is this process's, and `spark-submit`'s that takes its place: it ends with them, however they end.
    """
    file = os.open(LOCK.format(lesson), os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(file, True)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        emit(waiting=f"another submit of {lesson} is at work")
        fcntl.flock(file, fcntl.LOCK_EX)


def locked() -> list[str]:
    """The lessons of which a submit is at work on this node, by name."""
    pattern = Path(LOCK)
    before, after = pattern.name.split("{}")
    found = pattern.parent.glob(f"{before}*{after}")
    return sorted(path.name.removeprefix(before).removesuffix(after) for path in found if _is_locked(path))


def _is_locked(path: Path) -> bool:
    file = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: two that look do not see each other
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False
