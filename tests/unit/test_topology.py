"""Which nodes a stack has, what they are called, and what they may use."""

from __future__ import annotations

import json
from dataclasses import replace

from streamlab import __version__
from streamlab.students import services, topology
from streamlab.students.services import SERVICE_OF
from streamlab.students.student import Student


def named(student: Student) -> dict[str, topology.Node]:
    return {node.name: node for node in topology.nodes(student)}


def test_a_small_stack_has_seven_nodes_in_reading_order(student: Student) -> None:
    assert [(n.name, n.service, n.image) for n in topology.nodes(student)] == [
        ("namenode", "hdfs", "hadoop"),
        ("datanode1", "hdfs", "hadoop"),
        ("resourcemanager", "yarn", "hadoop"),
        ("nodemanager1", "yarn", "spark"),
        ("kafka1", "kafka", "kafka"),
        ("cassandra1", "cassandra", "cassandra"),
        ("edge", "spark", "spark"),
    ]


def test_more_nodes_of_a_kind_are_numbered_and_those_of_which_there_is_one_are_not(student: Student) -> None:
    assert services.node_names("kafka", 3) == ["kafka1", "kafka2", "kafka3"]
    assert services.node_names("edge", 1) == ["edge"]
    larger = replace(student, node_counts={**student.node_counts, "datanode": 2, "nodemanager": 3})
    assert list(named(larger)) == [
        *("namenode", "datanode1", "datanode2", "resourcemanager"),
        *("nodemanager1", "nodemanager2", "nodemanager3", "kafka1", "cassandra1", "edge"),
    ]


def test_containers_carry_class_and_student_since_two_classes_may_share_an_engine(student: Student) -> None:
    assert named(student)["kafka1"].container == "spring-ada-kafka1"
    assert named(replace(student, lab_class="autumn"))["kafka1"].container == "autumn-ada-kafka1"
    assert student.network == "spring-ada"


def test_what_yarn_hands_out_comes_on_top_of_every_nodemanager(student: Student) -> None:
    assert {n.name: n.memory_mb for n in topology.nodes(student)} == {
        "namenode": 100, "datanode1": 101, "resourcemanager": 102, "nodemanager1": 4103,
        "kafka1": 104, "cassandra1": 105, "edge": 106,
    }  # fmt: skip
    assert student.idle_mb == sum(range(50, 57))
    assert student.yarn_total_mb == 4000
    two = replace(student, node_counts={**student.node_counts, "nodemanager": 2})
    assert two.idle_mb == student.idle_mb + 53
    assert two.yarn_total_mb == 8000


def test_pages_are_published_at_the_student_s_base(student: Student) -> None:
    (page,) = named(student)["namenode"].pages
    assert (page.title, page.container_port, page.url) == ("HDFS NameNode", 9870, "http://127.0.0.1:20070/")
    assert named(student)["kafka1"].pages == ()
    (moved,) = named(replace(student, port_base=30000))["resourcemanager"].pages
    assert moved.host_port == 30088


def test_a_plan_is_plain_data_that_ansible_can_read(student: Student) -> None:
    plan = topology.plan(student)
    assert json.loads(json.dumps(plan)) == json.loads(json.dumps(plan, default=str))
    assert {key: value for key, value in plan.items() if key not in ("nodes", "names", "missing_commands")} == {
        "version": __version__,
        "docker_host": "unix:///var/run/docker.sock",
        "owner": "",
        "prefix": "spring-ada",
        "network": "spring-ada",
        "kafka_cluster_id": student.kafka_cluster_id,
        "yarn_memory_mb": 4000,
        "yarn_vcores": 8,
        "replication": {"hdfs": 1, "kafka": 1, "cassandra": 1},
        "disk_mb": 0,
        "disk_reserve_mb": 0,
        "services": [],
        "host_ports": {"namenode": 20070, "resourcemanager": 20088},
        "gateway": None,
    }
    assert plan["nodes"][0] == {
        "name": "namenode",
        "kind": "namenode",
        "service": "hdfs",
        "image": "hadoop",
        "container": "spring-ada-namenode",
        "address": "10.89.1.2",
        "memory_mb": 100,
        "pages": ({"title": "HDFS NameNode", "container_port": 9870, "host_port": 20070},),
        "pids": 1024,
    }


def test_a_plan_names_every_node_that_there_may_ever_be(student: Student) -> None:
    """It is in each container's environment: with the nodes of today alone, one more would make all of them anew."""
    names = topology.plan(student)["names"]
    assert names == topology.plan(replace(student, node_counts={**student.node_counts, "kafka": 4}))["names"]
    assert (names[0], names[-2:]) == ("namenode", ["edge", "10.89.1.0/27"])
    assert [name for name in names if name.startswith("kafka")] == ["kafka1", "kafka2", "kafka3", "kafka4"]


def test_every_kind_has_an_image_and_a_service() -> None:
    assert set(services.IMAGE_OF) == set(SERVICE_OF)
    assert services.SERVICES == ("hdfs", "yarn", "kafka", "cassandra", "spark")
