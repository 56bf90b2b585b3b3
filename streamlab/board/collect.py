"""What the board shows of a student: asked of the stack, put together, and cut to size, whatever the stack says."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from streamlab.board import needs
from streamlab.engines import disk
from streamlab.errors import LabError
from streamlab.stacks import status
from streamlab.stacks.channel import shortened
from streamlab.students.student import Student
from streamlab.work import streams

#: Streams, jobs and applications of one student that are shown; of applications the last.
MOST_STREAMS, MOST_JOBS, MOST_APPLICATIONS = 12, 60, 12
#: Characters of a text, and the largest number.
LONGEST, LARGEST = 160, 10**15
#: Looks that a sparkline shows.
SHOWN = 60
#: Seconds for which a stack in which a stream runs is not asked for its health again.
STATUS_SECONDS = 8.0
#: Seconds for which a measurement of a Docker host's disk is good.
DISK_SECONDS = 60.0
_MB = 2**20

#: ``[seconds since the epoch, lag or None, input rows per second]``, the oldest first.
History = Mapping[tuple[str, str], Sequence[Sequence[float | None]]]


@dataclass(frozen=True)
class Facts:
    """What a stack, its engine and its streams said.

    Args:
        status: as `status.of_student` gives it.
        streams: as `streams.ask` gives them.
        streams_problem: why they are not known; empty where they are.
        disk_mb: what the stack uses; None where nobody has measured it.
    """

    status: Mapping[str, Any]
    streams: Sequence[Mapping[str, Any]] = ()
    streams_problem: str = ""
    disk_mb: int | None = None


class Collector:
    """Asks stacks, one student in a thread at a time."""

    def __init__(self, students: Sequence[Student]) -> None:
        self._disks = {host: _Disk() for host in {student.docker_host for student in students}}
        self._students = students
        self._statuses: dict[str, tuple[float, Mapping[str, Any]]] = {}  # when it was asked, and what it said
        self._history: dict[str, dict[tuple[str, str], deque[Sequence[float | None]]]] = {}

    def ask(self, student: Student) -> Facts:
        """What is known of a student's stack now. Where streams run, only they are asked about each time.

        Raises:
            LabError: its Docker host does not answer, or did not say what was asked.
        """
        asked, found = self._statuses.pop(student.name, (-math.inf, {}))
        if time.monotonic() - asked > STATUS_SECONDS:
            asked, found = time.monotonic(), status.of_student(student)
        used = self._disks[student.docker_host].of(student, self._students)
        if not any(app["state"] == "RUNNING" for app in found["applications"] or ()):
            return Facts(found, disk_mb=used)
        try:
            running = streams.ask(student)
        except LabError as error:
            return Facts(found, streams_problem=": ".join([error.what, *error.evidence[-1:]]), disk_mb=used)
        if running:
            self._statuses[student.name] = asked, found
        return Facts(found, running, disk_mb=used)

    def state(self, student: Student, facts: Facts) -> dict[str, Any]:
        """The student's state with what is remembered of the streams."""
        now, before = time.time(), self._history.get(student.name, {})
        after = {}
        for one in facts.streams:
            key = (one["application"], one["query"])
            after[key] = before.get(key, deque(maxlen=SHOWN))
            after[key].append((now, one["lag"], one["input_rows_per_second"]))
        self._history[student.name] = after
        return state(student, facts, after, now=now)


@dataclass
class _Disk:
    """The last measurement of one Docker host; it is made anew by whoever finds it too old, and by one at a time.

    The others go on with what is known; for the first one they wait.
    """

    lock: threading.Lock = field(default_factory=threading.Lock)
    at: float = -math.inf
    used: dict[str, int] = field(default_factory=dict)

    def of(self, student: Student, students: Sequence[Student]) -> int | None:
        if self._is_old() and self.lock.acquire(blocking=math.isinf(self.at)):
            try:
                if self._is_old():
                    mine = [one for one in students if one.docker_host == student.docker_host]
                    self.used = {usage.student.name: usage.mb for usage in disk.of_all(mine)}
                    self.at = time.monotonic()
            finally:
                self.lock.release()
        return self.used.get(student.name)

    def _is_old(self) -> bool:
        return time.monotonic() - self.at > DISK_SECONDS


def state(student: Student, facts: Facts, history: History, *, now: float) -> dict[str, Any]:
    """What the board shows of one student. Pure.

    Returns:
        ``{"now": seconds since the epoch, as all times are; "state": as `status.look` says it; "problem": why it is
        unreachable or unknown; "busy"; "nodes": [{"name", "problem", "memory_mb": [used, most]}]; "memory_mb",
        "disk_mb", "yarn_mb", "hdfs_mb": [used, most; 0 without a limit] or None; "applications": [{"id", "name",
        "state", "started", "finished"}], the oldest first; "jobs": [{"job", "lesson", "right", "of", "at",
        "attempts"}], where `of` is 0 without a check; "streams": as `streams.ask` gives them, each with its "history";
        "streams_problem"; "needs", "level": as `needs` gives them}``
    """
    said = facts.status
    known = said["state"] not in ("unreachable", "unknown")
    runs = known and said["state"] not in ("suspended", "missing")
    memory = [node["memory_bytes"] for node in said["nodes"]] if runs else []
    found = {
        "now": now,
        "state": said["state"],
        "problem": "" if known else said["nodes"][0]["problem"],
        "busy": said["busy"] or "",
        "nodes": [_node(node) for node in said["nodes"]] if known else [],
        "memory_mb": [sum(memory) // _MB, sum(node["memory_limit_bytes"] for node in said["nodes"]) // _MB]
        if memory
        else None,
        "disk_mb": [facts.disk_mb, student.disk_mb] if facts.disk_mb is not None else None,
        "yarn_mb": said["in_use"].get("yarn_mb"),
        "hdfs_mb": said["in_use"].get("hdfs_mb"),
        "applications": _applications(student, said["applications"] or [])[-MOST_APPLICATIONS:],
        "jobs": jobs(student, said)[:MOST_JOBS],
        "streams": [_stream(student, one, history) for one in facts.streams[:MOST_STREAMS]],
        "streams_problem": facts.streams_problem,
    }
    reasons = needs.needs(found)
    return tidy({**found, "needs": reasons, "level": needs.level(found, reasons)})


def unknown(student: Student, error: LabError) -> Facts:
    """The facts where nothing answered."""
    return Facts(status.unknown(student, error))


def _node(node: Mapping[str, Any]) -> dict[str, Any]:
    used, most = node["memory_bytes"], node["memory_limit_bytes"]
    return {"name": node["name"], "problem": node["problem"] or "", "memory_mb": [used // _MB, most // _MB]}


def _applications(student: Student, found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """With the names that a student knows, and with how it ended as the state."""
    return [
        {
            "id": app["id"],
            "name": _job_name(student, app["name"]),
            "state": app["final_status"] if app["state"] == "FINISHED" else app["state"],
            "started": app["started"],
            "finished": app["finished"],
        }
        for app in found
    ]


def _job_name(student: Student, name: str) -> str:
    """``ada-lesson03-read`` is lesson03/read; what the lab has not submitted keeps its name."""
    own, _, rest = name.partition("-")
    job, _, step = rest.partition("-")
    return f"{job}/{step}" if own == student.name and job and step else name


def jobs(student: Student, said: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is known of each job: what its check said last, and how often it was submitted.

    A submit is an application of YARN's; of a job with several steps the step counts that was submitted most often.
    """
    steps = Counter(_job_name(student, app["name"]) for app in said["applications"] or ())
    attempts: dict[str, int] = {}
    for name, times in steps.items():
        job, slash, _ = name.partition("/")
        if slash:
            attempts[job] = max(times, attempts.get(job, 0))
    checks = {one["job"]: one for one in said["checks"]}
    return [
        {
            "job": job,
            "lesson": checks.get(job, {}).get("exercise") or job,
            **{name: checks.get(job, {}).get(name, 0) for name in ("right", "of", "at")},
            "attempts": attempts.get(job, 0),
        }
        for job in sorted({*checks, *attempts})
    ]


def _stream(student: Student, said: Mapping[str, Any], history: History) -> dict[str, Any]:
    kept = history.get((said["application"], said["query"]), ())
    return {**said, "name": _job_name(student, said["name"]), "history": [list(one) for one in kept]}


def tidy(value: Any) -> Any:
    """The same as JSON that is small: texts in one line and cut, numbers finite and of a size that a browser knows."""
    if isinstance(value, str):
        return shortened(value, to=LONGEST)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return max(-LARGEST, min(LARGEST, round(value, 3))) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {tidy(str(key)): tidy(one) for key, one in value.items()}
    return [tidy(one) for one in value]
