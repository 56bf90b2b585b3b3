"""How much disk each stack uses, as its engine measures it: volumes, and what containers have written beside them.

The engine looks at every file of every volume: 0.06 s for three stacks, and 0.3 s for each 100,000 files. `du` in
a container would need one container for each stack, and the services know of their own files only.
"""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from streamlab.engines import engine
from streamlab.errors import LabError
from streamlab.students.docker_hosts import by_docker_host, is_here
from streamlab.students.services import all_kinds, kind_of
from streamlab.students.student import Student

if TYPE_CHECKING:
    import docker

#: Seconds for one measurement. An engine before 23.0 measures for one caller at a time and refuses others.
SECONDS = 120
_REFUSAL = "already running"
#: Parts of a stack that a description of its usage names.
_NAMED = 3
_MB = 2**20

#: (class, student) -> node, or "other", -> bytes.
Stacks = Mapping[tuple[str, str], Mapping[str, int]]


@dataclass(frozen=True)
class Usage:
    """What one student's stack uses, in bytes by node; what belongs to no node is "other"."""

    student: Student
    nodes: Mapping[str, int]

    @property
    def mb(self) -> int:
        return sum(self.nodes.values()) // _MB

    @property
    def is_over(self) -> bool:
        """Whether the stack exceeds its allowance."""
        return 0 < self.student.disk_mb < self.mb

    def __str__(self) -> str:
        """``12300 of 10240 MB of disk, too much (kafka1 9000, cassandra1 3000, edge 300)``"""
        allowed = f" of {self.student.disk_mb}" if self.student.disk_mb else ""
        verdict = ", too much" if self.is_over else ""
        most = Counter(self.nodes).most_common(_NAMED)
        parts = ", ".join(f"{name} {size // _MB}" for name, size in most if size >= _MB)
        return f"{self.mb}{allowed} MB of disk{verdict}" + (f" ({parts})" if parts else "")


def stacks(client: docker.DockerClient) -> Stacks:
    """What every stack on this engine uses, of any class. A file counts with its length, holes included.

    Raises:
        LabError: the engine was busy with other callers' measurements until the deadline.
    """
    found: dict[tuple[str, str], Counter[str]] = {}
    answer = _measured(client)
    for labels, name, size in [
        *((one["Labels"], one["Name"], (one["UsageData"] or {}).get("Size")) for one in answer["Volumes"] or ()),
        *((one["Labels"], one["Names"][0][1:], one.get("SizeRw")) for one in answer["Containers"] or ()),
    ]:
        labels = labels or {}
        if "streamlab.class" in labels and "streamlab.student" in labels:
            key = labels["streamlab.class"], labels["streamlab.student"]
            # -1 is a volume that the engine could not measure.
            found.setdefault(key, Counter())[_node(name, "-".join(key))] += max(0, size or 0)
    return found


def _node(name: str, prefix: str) -> str:
    node = name.removeprefix(f"{prefix}-")
    return node if kind_of(node) in all_kinds() else "other"


def _measured(client: docker.DockerClient) -> Mapping[str, list[dict]]:
    from docker.errors import APIError

    ends = time.monotonic() + SECONDS
    while True:
        try:
            return client.df()
        except APIError as error:
            if _REFUSAL not in str(error.explanation):
                raise
            if time.monotonic() > ends:
                raise LabError(
                    "the Docker Engine does not measure its disk",
                    evidence=f"for {SECONDS} s it said: {error.explanation}",
                    fix="end other programs that ask it, such as docker system df; then try again",
                ) from error
        time.sleep(0.2)


def free_gb(client: docker.DockerClient, docker_host: str) -> tuple[str, float] | None:
    """The engine's folder and the room left there (GB); None for an engine on another machine."""
    folder = client.info()["DockerRootDir"]
    if not is_here(docker_host) or not Path(folder).exists():
        return None
    return folder, shutil.disk_usage(folder).free / 1e9


def usages(client: docker.DockerClient, students: Sequence[Student]) -> list[Usage]:
    """What the stacks of these students use, all on this engine; the largest first."""
    found = stacks(client)
    all_ = [Usage(student, found.get((student.lab_class, student.name), {})) for student in students]
    return sorted(all_, key=lambda usage: -usage.mb)


def of_all(students: Sequence[Student]) -> list[Usage]:
    """What the stacks of these students use; all Docker hosts are asked at the same time."""

    def ask(host: str, group: Sequence[Student]) -> list[Usage]:
        with engine.connect(host, seconds=SECONDS) as client:
            return usages(client, group)

    hosts = list(by_docker_host(students))
    with ThreadPoolExecutor(max(1, len(hosts))) as pool:
        return [usage for found in pool.map(lambda one: ask(*one), hosts) for usage in found]
