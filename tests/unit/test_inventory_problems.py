"""What makes an inventory impossible, said before anything is touched."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import pytest

from streamlab.students.problems import find_problems
from streamlab.students.services import SERVICE_OF
from streamlab.students.student import Student

NAME = "use lower-case letters and digits only, a letter first, 31 at most"


def test_two_different_students_fit_together(student: Student) -> None:
    assert find_problems([student, replace(student, name="bob", port_base=21000, subnet="10.89.2.0/27")]) == []


def test_two_docker_hosts_may_use_the_same_ports_and_subnets(student: Student) -> None:
    assert find_problems([student, replace(student, name="bob", docker_host="ssh://lab@second")]) == []


def test_one_overlapping_port_is_enough(student: Student) -> None:
    bob = replace(student, name="bob", subnet="10.89.2.0/27", port_base=20018)  # bob's 20088 is ada's 20088
    assert find_problems([student, bob]) == [
        "bob's namenode and ada's resourcemanager both publish port 20088: set another port_base"
    ]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"name": "Ada"}, f"student 'Ada': {NAME}"),
        ({"name": "a" * 32}, f"student '{'a' * 32}': {NAME}"),
        ({"name": "ada-b"}, f"student 'ada-b': {NAME}"),
        ({"lab_class": "1st"}, f"lab_class '1st': {NAME}"),
        ({"docker_host": "lab2"}, "ada: docker_host 'lab2' is no unix:///path or ssh://user@machine"),
        ({"port_base": 80}, "ada: port_base 80 is not between 1024 and 65000"),
        ({"port_base": 65001}, "ada: port_base 65001 is not between 1024 and 65000"),
        ({"subnet": "10.89.1.5/27"}, "ada: subnet '10.89.1.5/27' is no IPv4 network such as 10.89.1.0/27"),
        ({"subnet": "here"}, "ada: subnet 'here' is no IPv4 network such as 10.89.1.0/27"),
        ({"subnet": "10.89.1.0/29"}, "ada: subnet 10.89.1.0/29 is too small for 7 nodes"),
        ({"node_memory_mb": dict.fromkeys(list(SERVICE_OF)[2:], 1)}, "ada: node_memory_mb lacks namenode, datanode"),
    ],
)  # fmt: skip
def test_an_impossible_student_is_said_in_one_line(student: Student, changes: dict[str, Any], line: str) -> None:
    assert find_problems([replace(student, **changes)]) == [line]


def test_a_port_that_no_machine_has_is_refused(student: Student) -> None:
    far = {"namenode": {**student.pages["namenode"], "offset": 50000}}
    assert find_problems([replace(student, pages=far)]) == [
        "ada's namenode publishes port 70000: set a lower port_base, or a lower offset"
    ]


@pytest.mark.parametrize(
    ("kind", "count", "line"),
    [
        ("kafka", 0, "ada: 0 nodes of kind kafka; there must be at least one"),
        ("namenode", 2, "ada: 2 nodes of kind namenode; there must be one"),
    ],
)
def test_a_stack_with_a_wrong_number_of_nodes_is_refused(student: Student, kind: str, count: int, line: str) -> None:
    assert find_problems([replace(student, node_counts={**student.node_counts, kind: count})]) == [line]


def test_a_network_needs_room_for_its_ends_and_its_gateway(student: Student) -> None:
    """16 addresses hold two of every kind, each at its own place; a third lies beyond them."""
    fits = replace(student, subnet="10.89.1.0/28", node_counts={**student.node_counts, "datanode": 2, "cassandra": 2})
    assert find_problems([fits]) == []
    too_many = replace(fits, node_counts={**student.node_counts, "datanode": 3})
    assert find_problems([too_many]) == ["ada: subnet 10.89.1.0/28 is too small for 9 nodes"]


def test_more_copies_than_nodes_are_refused(student: Student) -> None:
    """What is asked for by name is not lowered in silence when nodes go."""
    two = replace(student, node_counts={**student.node_counts, "kafka": 2}, asked_copies={"kafka": 2})
    assert find_problems([two]) == []
    ask = "ask for at least one copy and at most as many as nodes, or keep the nodes"
    assert find_problems([replace(two, node_counts=student.node_counts)]) == [
        f"ada: replication.kafka is 2, and there are 1 nodes of kind kafka: {ask}"
    ]
    assert find_problems([replace(two, asked_copies={"hdfs": 0})]) == [
        f"ada: replication.hdfs is 0, and there are 1 nodes of kind datanode: {ask}"
    ]


def test_all_problems_are_said_at_once(student: Student) -> None:
    assert len(find_problems([replace(student, name="A", port_base=1), replace(student, name="B")])) == 3


def test_two_classes_in_one_inventory_are_refused(student: Student) -> None:
    bob = replace(student, name="bob", lab_class="autumn", port_base=21000, subnet="10.89.2.0/27")
    assert find_problems([student, bob]) == [
        "lab_class has 2 values: spring (ada), autumn (bob); give each class an inventory of its own"
    ]


@pytest.mark.parametrize(
    ("subnets", "lines"),
    [
        (("10.89.1.0/27", "10.89.0.0/16"), ["s1: subnet 10.89.0.0/16 overlaps s0's 10.89.1.0/27"]),
        (("10.89.0.0/16", "10.89.1.0/27"), ["s1: subnet 10.89.1.0/27 overlaps s0's 10.89.0.0/16"]),
        # The small one between does not hide the wide one.
        (
            ("10.89.0.0/16", "10.89.1.0/27", "10.89.2.0/27"),
            [f"s{i}: subnet 10.89.{i}.0/27 overlaps s0's 10.89.0.0/16" for i in (1, 2)],
        ),
        (("10.89.1.0/27", "10.89.1.32/27", "10.88.0.0/16", "10.90.0.0/16"), []),
    ],
)
def test_subnets_that_overlap_are_found_in_any_order(
    student: Student, subnets: tuple[str, ...], lines: list[str]
) -> None:
    students = [replace(student, name=f"s{i}", pages={}, subnet=subnet) for i, subnet in enumerate(subnets)]
    assert find_problems(students) == lines


def test_the_work_grows_with_the_number_of_students_and_not_with_its_square(student: Student) -> None:
    """Every module of a playbook loads the inventory: the square of 300 was 200 s of a processor in one provision."""

    def calls(count: int) -> int:
        students = [
            replace(student, name=f"s{i}", port_base=2000 + 100 * i, subnet=f"10.{i // 250}.{i % 250}.0/27")
            for i in range(count)
        ]
        seen = [0]
        sys.setprofile(lambda frame, event, argument: seen.__setitem__(0, seen[0] + event.endswith("call")))
        try:
            assert find_problems(students) == []
        finally:
            sys.setprofile(None)
        return seen[0]

    assert calls(400) < 4.5 * calls(100)
