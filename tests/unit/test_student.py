"""What one student is: made from an inventory's variables, and what follows from them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from streamlab.students.services import SERVICE_OF
from streamlab.students.student import Student, student_from
from streamlab.students.topology import nodes

YARN = {"yarn_memory_mb": 4096, "yarn_vcores": 8}
VALUES = {
    "lab_class": "spring",
    "docker_host": "unix:///var/run/docker.sock",
    "port_base": "20000",
    "subnet": "10.89.1.0/27",
    "size": "small",
    "sizes": {"small": {"nodes": dict.fromkeys(SERVICE_OF, 1), **YARN}},
    "node_memory_mb": dict.fromkeys(SERVICE_OF, 256),
    "node_idle_mb": dict.fromkeys(SERVICE_OF, 128),
    "pages": {},
}


def test_variables_become_a_student() -> None:
    student = student_from("ada", VALUES, where="class.yml")
    assert (student.prefix, student.port_base, student.yarn_memory_mb) == ("spring-ada", 20000, 4096)
    assert (student.disk_mb, student.disk_reserve_mb) == (0, 0)
    limited = student_from("ada", {**VALUES, "disk_mb": "10240", "disk_reserve_mb": 512}, where="class.yml")
    assert (limited.disk_mb, limited.disk_reserve_mb) == (10240, 512)


@pytest.mark.parametrize("given", [0.5, 1.0, 1, 12])
def test_who_is_at_work_is_a_share_or_a_number(given: float) -> None:
    found = student_from("ada", {**VALUES, "at_work": given}, where="class.yml").at_work
    assert (found, type(found)) == (given, type(given))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"port_base": "{{ base }}"}, 'port_base is "{{ base }}"; expected a whole number from 0, and no template'),
        ({"at_work": 0}, "at_work is 0; expected a number of students such as 10, or a share of them such as 0.33"),
        ({"at_work": 1.5}, "at_work is 1.5; expected a number of students such as 10, or a share of them such as 0.33"),
        ({"disk_mb": "10 GB"}, 'disk_mb is "10 GB"; expected a whole number from 0'),
        ({"disk_reserve_mb": -1}, "disk_reserve_mb is -1; expected a whole number from 0"),
        ({"port_base": True}, "port_base is true; expected a whole number from 0"),
        ({"node_memory_mb": {"kafka": "448m"}}, 'node_memory_mb.kafka is "448m"; expected a whole number from 1'),
        ({"node_memory_mb": [1]}, "node_memory_mb is [1]; expected a mapping"),
        (
            {"sizes": {"small": {"yarn_vcores": 8}}},
            'sizes.small is {"yarn_vcores": 8}; expected nodes, yarn_memory_mb in it, too, as in '
            "{nodes: {kafka: 1, …}, yarn_memory_mb: 4096, yarn_vcores: 8}",
        ),
        (
            {"sizes": {"small": {"nodes": {"kafka": "three"}, **YARN}}},
            'sizes.small.nodes.kafka is "three"; expected a whole number from 0 to 99',
        ),
        (
            {"sizes": {"small": {"nodes": {"kafka": 3}, "replication": {"kafka": "all"}, **YARN}}},
            'sizes.small.replication.kafka is "all"; expected a whole number from 0',
        ),
    ],
)
def test_a_variable_of_a_wrong_kind_is_named(changes: dict[str, Any], told: str, error_of: Callable) -> None:
    variable = next(iter(changes))
    assert error_of(student_from, "ada", {**VALUES, **changes}, where="class.yml") == (
        f"error: ada in class.yml has variables that cannot be used\n  {told}\n  fix: correct {variable}"
    )


KAFKA_PAGE = {"node": "kafka2", "port": 1, "offset": 2, "title": "Kafka"}


def test_a_page_of_a_node_that_a_smaller_size_lacks_is_no_mistake() -> None:
    large = {**VALUES["sizes"]["small"], "nodes": {**VALUES["sizes"]["small"]["nodes"], "kafka": 2}}
    values = {**VALUES, "sizes": {**VALUES["sizes"], "large": large}, "pages": {"kafka": KAFKA_PAGE}}
    small, bigger = (student_from("ada", {**values, "size": size}, where="class.yml") for size in ("small", "large"))
    assert [page.title for node in nodes(small) for page in node.pages] == []
    assert [page.title for node in nodes(bigger) for page in node.pages] == ["Kafka"]


@pytest.mark.parametrize(
    ("page", "error"),
    [
        (
            KAFKA_PAGE,
            "error: page mine in class.yml is on a node that no size has: kafka2\n"
            "  known: cassandra1, datanode1, edge, hbase1, kafka1, namenode, nodemanager1, resourcemanager\n"
            "  fix: did you mean node: kafka1?",
        ),
        (
            {"node": "kafka1", "port": 1},
            "error: ada in class.yml has variables that cannot be used\n"
            '  pages.mine is {"node": "kafka1", "port": 1}; expected offset, title in it, too, as in '
            "{node: kafka1, port: 9092, offset: 92, title: Kafka}\n"
            "  fix: correct pages",
        ),
        (
            None,
            "error: ada in class.yml has variables that cannot be used\n"
            "  pages.mine is null; expected a mapping such as {node: kafka1, port: 9092, offset: 92, title: Kafka}\n"
            "  fix: correct pages",
        ),
    ],
)
def test_a_page_that_nobody_could_open_is_refused(page: dict[str, Any] | None, error: str, error_of: Callable) -> None:
    assert error_of(student_from, "ada", {**VALUES, "pages": {"mine": page}}, where="class.yml") == error


def test_copies_of_what_keeps_none_are_refused(error_of: Callable) -> None:
    size = {"nodes": dict.fromkeys(SERVICE_OF, 1), "replication": {"kafak": 1}, **YARN}
    assert error_of(student_from, "ada", {**VALUES, "sizes": {"small": size}}, where="class.yml") == (
        "error: no service with copies of its data named 'kafak'\n  known: cassandra, hdfs, kafka\n"
        "  fix: did you mean replication: {kafka: 1}?"
    )


def test_a_kafka_cluster_id_is_stable_and_its_own(student: Student) -> None:
    mine = student.kafka_cluster_id
    assert mine == "D4Pn5xysVTOD06YMsLNN_Q"  # a volume formatted with one id is refused under another
    assert len(mine) == 22
    assert len(base64.urlsafe_b64decode(mine + "==")) == 16
    others = {
        mine,
        replace(student, name="bob").kafka_cluster_id,
        replace(student, lab_class="autumn").kafka_cluster_id,
    }
    assert len(others) == 3


def test_no_kafka_cluster_id_looks_like_an_option(student: Student) -> None:
    ids = [replace(student, lab_class="local", name=f"student{i:02}").kafka_cluster_id for i in range(1, 200)]
    assert len(set(ids)) == 199
    assert [i for i in ids if i.startswith("-")] == []  # before this was seen to, student22's broker never started


def test_three_copies_are_kept_where_there_are_nodes_for_them(student: Student) -> None:
    assert student.replication == {"hdfs": 1, "kafka": 1, "cassandra": 1}
    larger = replace(student, node_counts={**student.node_counts, "datanode": 2, "kafka": 3, "cassandra": 4})
    assert larger.replication == {"hdfs": 2, "kafka": 3, "cassandra": 3}
    assert replace(larger, asked_copies={"kafka": 1}).replication == {"hdfs": 2, "kafka": 1, "cassandra": 3}
