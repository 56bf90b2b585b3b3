"""The Docker hosts on which this checkout has provisioned students, until nothing of theirs is left there.

A file says where to ask, nothing else: what runs there, the engine is asked.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from streamlab.paths import STATE, private_file, private_folder
from streamlab.students.docker_hosts import is_known
from streamlab.students.student import Student

#: Class -> student -> Docker hosts.
FILE = STATE / "docker_hosts.json"


def of_class(lab_class: str) -> dict[str, list[str]]:
    """Student -> the Docker hosts on which this checkout has provisioned the student, and removed nothing since."""
    return {
        name: [host for host in hosts if isinstance(host, str) and is_known(host)]
        for name, hosts in _read().get(lab_class, {}).items()
    }


def remember(students: Sequence[Student]) -> None:
    """Keep where these students' stacks are made. Before they are: what an interrupted command leaves is found too."""
    with _changing() as known:
        for student in students:
            hosts = known.setdefault(student.lab_class, {}).setdefault(student.name, [])
            if student.docker_host not in hosts:
                hosts.append(student.docker_host)


def forget(lab_class: str, name: str, docker_host: str) -> None:
    """Nothing of a student is left on a Docker host."""
    if docker_host not in _read().get(lab_class, {}).get(name, ()):
        return
    with _changing() as known:
        known[lab_class][name] = [host for host in known[lab_class][name] if host != docker_host]
        known[lab_class] = {name: hosts for name, hosts in known[lab_class].items() if hosts}
        if not known[lab_class]:
            del known[lab_class]


@contextmanager
def _changing() -> Iterator[dict[str, dict[str, list[str]]]]:
    """What the file says, to be changed in the block; one command at a time."""
    private_folder(FILE.parent)
    with FILE.with_suffix(".lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = _read()
        before = json.dumps(known)
        yield known
        if json.dumps(known) != before:
            with private_file(FILE) as file:
                file.write(json.dumps(known, indent=2, sort_keys=True).encode())


def _read() -> dict[str, dict[str, list[str]]]:
    try:
        known = json.loads(FILE.read_text(encoding="utf-8"))
        return {name: {one: list(hosts) for one, hosts in students.items()} for name, students in known.items()}
    except (OSError, ValueError, AttributeError, TypeError):  # none yet, or not ours
        return {}
