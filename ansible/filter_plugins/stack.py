"""Filters that give the playbooks the control program's own answers, so that no name is computed twice."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.sax.saxutils import escape

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from streamlab.students import inventory, topology


def stack_plan(name: str, variables: dict) -> dict:
    """The plan of the stack of the student `name`, from that host's variables."""
    return topology.plan(inventory.student_from(name, variables, where="the inventory"))


def hadoop_xml(properties: dict) -> str:
    """A mapping as one of Hadoop's configuration files, sorted by name."""
    lines = ["<configuration>"]
    for name, value in sorted(properties.items()):
        text = str(value).lower() if isinstance(value, bool) else escape(str(value))
        lines.append(f"  <property><name>{escape(name)}</name><value>{text}</value></property>")
    return "\n".join([*lines, "</configuration>", ""])


class FilterModule:
    def filters(self) -> dict:
        return {
            "stack_plan": stack_plan,
            "hadoop_xml": hadoop_xml,
        }
