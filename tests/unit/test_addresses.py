"""Which address of its stack's network a node has."""

from __future__ import annotations

from dataclasses import replace

from streamlab.students import addresses
from streamlab.students.student import Student
from streamlab.students.topology import nodes


def test_a_node_keeps_its_address_when_others_come_and_go(student: Student) -> None:
    larger = replace(student, node_counts={**student.node_counts, "datanode": 3, "kafka": 3, "cassandra": 2})
    before, after = ({n.name: n.address for n in nodes(s)} for s in (student, larger))
    assert before == {name: after[name] for name in before}
    assert len(set(after.values())) == len(after) == 12
    assert after["datanode1"] == "10.89.1.3"
    assert after["cassandra2"] == addresses.address(student, "cassandra2") == "10.89.1.14"


def test_names_are_thought_of_in_advance_as_far_as_there_is_room_and_to_thirty_of_a_kind(student: Student) -> None:
    wide = replace(student, subnet="10.89.0.0/16", node_counts={**student.node_counts, "kafka": 40})
    names = addresses.possible_names(wide)
    assert sum(name.startswith("kafka") for name in names) == 40
    assert sum(name.startswith("datanode") for name in names) == 30
