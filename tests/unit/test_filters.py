"""The filters through which the playbooks get the control program's own answers."""

from __future__ import annotations

import importlib.util
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

from streamlab.paths import ANSIBLE
from streamlab.students import topology
from streamlab.students.services import SERVICE_OF
from streamlab.students.student import _NEEDED, Student, this_owner

_spec = importlib.util.spec_from_file_location("stack", ANSIBLE / "filter_plugins" / "stack.py")
stack = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(stack)
FILTERS = stack.FilterModule().filters()


def test_hadoop_s_files_are_sorted_and_escaped() -> None:
    text = FILTERS["hadoop_xml"]({"b.dirs": "a,<b>&c", "a.on": True, "a.off": False, "a.size": 128})
    assert text == (
        "<configuration>\n"
        "  <property><name>a.off</name><value>false</value></property>\n"
        "  <property><name>a.on</name><value>true</value></property>\n"
        "  <property><name>a.size</name><value>128</value></property>\n"
        "  <property><name>b.dirs</name><value>a,&lt;b&gt;&amp;c</value></property>\n"
        "</configuration>\n"
    )
    values = {p.findtext("name"): p.findtext("value") for p in ElementTree.fromstring(text)}
    assert values["b.dirs"] == "a,<b>&c"


def test_an_empty_file_of_hadoop_s_is_still_xml() -> None:
    assert FILTERS["hadoop_xml"]({}) == "<configuration>\n</configuration>\n"


def test_a_plan_is_the_control_program_s(student: Student) -> None:
    size = {"nodes": dict.fromkeys(SERVICE_OF, 1), "yarn_memory_mb": 4000, "yarn_vcores": 8}
    variables = {name: getattr(student, name, None) for name in _NEEDED} | {"size": "s", "sizes": {"s": size}}
    assert FILTERS["stack_plan"]("ada", variables) == topology.plan(replace(student, owner=this_owner()))
