"""The lab's commands inside a stack: what a student types on the edge node is the code of the control machine.

Docker is only one way to a node. On the edge the same commands run without it, for the stack in which they are typed.
"""

from __future__ import annotations

import hashlib
import json

from docker.models.containers import Container

from streamlab.engines.inside import has_path, tar_of
from streamlab.lessons import handouts
from streamlab.lessons.bundle import files_below
from streamlab.paths import ROOT
from streamlab.students.student import Student
from streamlab.students.topology import nodes
from streamlab.work import look

#: Where the edge node has the lab; images/spark/bin/invoke runs it from there. It belongs to root: what a student
#: changes is in the student's own folders.
PARENT, NAME = "/opt", "lab"


def contents(student: Student) -> dict[str, bytes]:
    """Every file of the lab on the edge node, by its path: the code, the lessons, and what is known of the stack."""
    stack = {
        "nodes": [node.name for node in nodes(student)], "pages": look.pages(student),
        "gateway": student.gateway is not None, "services": list(student.services),
    }  # fmt: skip
    return {
        **files_below(ROOT / "streamlab", under="streamlab"),
        **handouts.for_students(student.language, under="jobs"),
        "tasks.py": (ROOT / "tasks.py").read_bytes(),
        "stack.json": json.dumps(stack, indent=2).encode(),
    }


def place(edge: Container, student: Student) -> bool:
    """Put the lab on the edge node unless it is there as it is here; whether it had to be.

    Each version has a folder of its own, and a link leads to the last: a command that runs meanwhile keeps its code.
    """
    files = contents(student)
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path}\0{len(files[path])}\0".encode() + files[path])
    folder = f"{NAME}-{digest.hexdigest()[:12]}"
    if has_path(edge, f"{PARENT}/{folder}/tasks.py"):
        return False
    archive = tar_of({f"{folder}/{path}": data for path, data in files.items()}, uid=0, links={NAME: folder})
    edge.put_archive(PARENT, archive)
    return True
