"""Filters that give the playbooks the control program's own answers, so that no name is computed twice."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from streamlab.engines import registries
from streamlab.gateway import edge_ssh
from streamlab.students import topology
from streamlab.students.student import student_from
from streamlab.yamlfile import check_yaml


def stack_plan(name: str, variables: dict) -> dict:
    """The plan of the stack of the student `name`, from that host's variables."""
    return topology.plan(student_from(name, variables, where="the inventory"))


def hadoop_xml(properties: dict) -> str:
    """A mapping as one of Hadoop's configuration files, sorted by name."""
    lines = ["<configuration>"]
    for name, value in sorted(properties.items()):
        text = str(value).lower() if isinstance(value, bool) else escape(str(value))
        lines.append(f"  <property><name>{escape(name)}</name><value>{text}</value></property>")
    return "\n".join([*lines, "</configuration>", ""])


def role_options(roles: list[str], playbooks: str) -> dict[str, dict]:
    """What may be set of all these roles, from their argument specs: variable -> type, description …."""
    files = [Path(playbooks) / "roles" / role / "meta" / "argument_specs.yml" for role in roles]
    specs = [check_yaml(file) for file in files]
    return {name: option for spec in specs for name, option in spec["argument_specs"]["main"]["options"].items()}


class FilterModule:
    def filters(self) -> dict:
        return {
            "stack_plan": stack_plan,
            "hadoop_xml": hadoop_xml,
            "role_options": role_options,
            "quoteattr": quoteattr,
            "extra_certificates": lambda _: registries.extra_certificates(),
            "maven_mirror": lambda _: registries.maven_mirror(),
            "sshd_algorithms": lambda _: edge_ssh.SERVER_ALGORITHMS,
        }
