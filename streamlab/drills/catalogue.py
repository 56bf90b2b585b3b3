"""The drills: what each does, what a student may call it, and what is said to who has found it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from streamlab.errors import unknown
from streamlab.students.student import Student
from streamlab.students.topology import nodes

#: The fault that is none of a node: HDFS fills up, with this file.
FILL, FILE = "fill", "/data/archive/2019/clicks.csv"


@dataclass(frozen=True)
class Drill:
    """What happens in a drill: a fault of a node, of HDFS, or records that come into a topic.

    Args:
        title: what it is, for who begins it.
        found: language -> what a student reads who has found it.
        fault: as `faults` has it, or `FILL`; empty where it is records.
        kind: of node, the last of which the fault is done to; empty where it is none of a node.
        like: the lesson into a copy of which records come; empty where none do.
        named: what a student may call the cause in the records.
    """

    name: str
    title: str
    found: Mapping[str, str]
    fault: str = ""
    kind: str = ""
    like: str = ""
    named: Sequence[str] = ()

    @property
    def job(self) -> str:
        """The copy of the lesson, whose topics and folders are the drill's; empty where there is none."""
        return f"drill{self.like.removeprefix('lesson')}" if self.like else ""

    @property
    def is_repairable(self) -> bool:
        """Whether it is for the student to repair."""
        return self.fault == FILL or bool(self.like)

    def answers(self, student: Student) -> list[str]:
        """What a student may call it: a node, a file and the folders that hold nothing else, or what is named."""
        if self.fault == FILL:
            parts = FILE.split("/")
            return ["/".join(parts[:number]) for number in range(len(parts), 2, -1)]
        return list(self.named) or [self.node(student)]

    def node(self, student: Student) -> str:
        """The node to which it is done."""
        return [node.name for node in nodes(student) if node.kind == self.kind][-1]


@cache
def drills() -> Mapping[str, Drill]:
    """Every drill by name."""
    said = yaml.safe_load(Path(__file__).with_name("drills.yml").read_text(encoding="utf-8"))
    return {name: Drill(name, **values) for name, values in said.items()}


def lessons() -> Mapping[str, str]:
    """Job of a drill -> the lesson of which it is a copy."""
    return {drill.job: drill.like for drill in drills().values() if drill.like}


def find(name: str) -> Drill:
    if name not in drills():
        raise unknown("drill", name, drills(), usage="--name {}")
    return drills()[name]


def digest(salt: str, drill: str, answer: str) -> str:
    """How a student's note has a right answer: it can be recognised, and not read."""
    return hashlib.sha256(f"{salt}\n{drill}\n{answer.strip().rstrip('/').lower()}".encode()).hexdigest()
