"""Which nodes a stack has, what they are called, and what they may use."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

from streamlab import __version__
from streamlab.students import services, topology
from streamlab.students.services import SERVICE_OF
from streamlab.students.topology import Student


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
    assert topology.node_names("kafka", 3) == ["kafka1", "kafka2", "kafka3"]
    assert topology.node_names("edge", 1) == ["edge"]
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


def test_a_plan_is_plain_data_that_ansible_can_read(student: Student) -> None:
    plan = topology.plan(student)
    assert json.loads(json.dumps(plan)) == json.loads(json.dumps(plan, default=str))
    assert {key: value for key, value in plan.items() if key not in ("nodes", "names")} == {
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
    wide = replace(student, subnet="10.89.0.0/16", node_counts={**student.node_counts, "kafka": 40})
    assert [sum(name.startswith(kind) for name in topology.possible_names(wide)) for kind in ("kafka", "datanode")] == [
        40,
        30,
    ]


def test_every_kind_has_an_image_and_a_service() -> None:
    assert set(services.IMAGE_OF) == set(SERVICE_OF)
    assert services.SERVICES == ("hdfs", "yarn", "kafka", "cassandra", "spark")


def test_a_node_keeps_its_address_when_others_come_and_go(student: Student) -> None:
    larger = replace(student, node_counts={**student.node_counts, "datanode": 3, "kafka": 3, "cassandra": 2})
    before, after = ({n.name: n.address for n in topology.nodes(s)} for s in (student, larger))
    assert before == {name: after[name] for name in before}
    assert len(set(after.values())) == len(after) == 12
    assert after["datanode1"] == "10.89.1.3"
    assert after["cassandra2"] == topology.address(student, "cassandra2") == "10.89.1.14"


def test_three_copies_are_kept_where_there_are_nodes_for_them(student: Student) -> None:
    assert student.replication == {"hdfs": 1, "kafka": 1, "cassandra": 1}
    larger = replace(student, node_counts={**student.node_counts, "datanode": 2, "kafka": 3, "cassandra": 4})
    assert larger.replication == {"hdfs": 2, "kafka": 3, "cassandra": 3}
    assert replace(larger, asked_copies={"kafka": 1}).replication == {"hdfs": 2, "kafka": 1, "cassandra": 3}
