"""A provisioned stack: that it changes nothing when it is right, answers, is closed, and says what is wrong."""

from __future__ import annotations

import json
import re
import time
import urllib.request

import docker
import pytest

from lab_runner import LabRunner
from streamlab.engines import engine, labelled
from streamlab.students import inventory, topology
from streamlab.students.student import Student

NODES = ["namenode", "datanode1", "resourcemanager", "nodemanager1", "kafka1", "cassandra1", "edge"]
SERVICES = ["hdfs", "yarn", "kafka", "cassandra", "spark"]

#: Each course command without further set-up, and what it must print.
COMMANDS = {
    "hdfs dfs -ls /": "/user",
    "hdfs dfsadmin -report": "Live datanodes (1)",
    "yarn node -list": "nodemanager1",
    "yarn application -list -appStates ALL": "Application-Id",
    "mapred job -list": "Total jobs:0",
    "kafka-topics.sh --bootstrap-server kafka1:9092 --list": "",
    "kafka-consumer-groups.sh --bootstrap-server kafka1:9092 --list": "",
    "kafka-metadata-quorum.sh --bootstrap-server kafka1:9092 describe --status": "LeaderId",
    "cqlsh -e 'DESCRIBE KEYSPACES'": "system_schema",
    "spark-submit --version": "",
    "python3 -c 'import pyspark, pandas, pyarrow, matplotlib, kafka, cassandra; print(pyspark.__version__)'": "3.5.7",
}

#: Says what stands beside a driver, and who may do what with it.
BESIDE = """
import os
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
files = [name for name in os.listdir(".") if name != "__spark_conf__"]
print(*sorted(f"{name}:{os.stat(name).st_mode & 0o777:o}" for name in files))
spark.stop()
"""


@pytest.fixture(scope="module")
def student(lab: LabRunner) -> Student:
    return inventory.load(lab.inventory).student(lab.student)


def test_a_second_provision_changes_nothing(lab: LabRunner) -> None:
    assert f"{lab.student}: provisioned and answering, 0 changed" in lab("provision")


def test_a_stack_whose_proofs_did_not_pass_is_proved_though_nothing_changed(lab: LabRunner) -> None:
    """A proof that failed, or was interrupted, is not forgotten because the daemons answer."""
    lab.inside("rm /tmp/streamlab-proved-*")
    assert "spark: counted 1000 rows on YARN" in lab("provision")
    assert "spark: counted" not in lab("provision")


def test_a_first_start_takes_what_the_image_brings(lab: LabRunner) -> None:
    """Else it would be made again, later and slower, and nobody would be told."""
    yarn = lab("logs", "--node", "resourcemanager", "--lines", "100000")
    assert "Recovering CA Certificate and Private Key" in yarn
    assert "Couldn't find Proxy CA data" not in yarn
    assert "Could not verify Certificate" not in yarn
    cassandra = lab("logs", "--node", "cassandra1", "--lines", "100000").partition("Startup complete")[0]
    assert "No host ID found, created" in cassandra
    assert "Enqueuing flush of system_schema" not in cassandra


def test_yarns_daemons_have_their_own_local_files(lab: LabRunner) -> None:
    """A class of ours, without a process for each permission: it writes no checksums, as Hadoop's own would."""
    lab.inside(f"cat >/tmp/beside.py <<'END'{BESIDE}END")
    said = lab.inside("spark-submit --deploy-mode cluster /tmp/beside.py 2>&1")
    app_id = re.search(r"application_\d+_\d+", said)[0]
    log = lab.inside(f"yarn logs -applicationId {app_id} -am 1 -log_files stdout 2>/dev/null")
    scripts = "default_container_executor.sh:700 default_container_executor_session.sh:700 launch_container.sh:700"
    assert f"beside.py:500 container_tokens:644 {scripts} tmp:710\n" in log
    state = f"/data/state/FSRMStateRoot/RMAppRoot/{app_id}"
    kept = lab.inside(f"stat -c %a:%n {state}/* {state}/.*.crc", node="resourcemanager").split()
    assert [path.partition(":")[0] for path in kept] == ["644"] * 4


@pytest.mark.parametrize("key", ["fs.file.impl", "fs.AbstractFileSystem.file.impl"])
def test_clients_have_hadoops_local_files(lab: LabRunner, key: str) -> None:
    assert lab.inside(f"hdfs getconf -confKey {key}").startswith("org.apache.hadoop.fs.")


def test_images_that_are_there_are_not_built_again(lab: LabRunner) -> None:
    assert lab("images", student=False) == "nothing to do: every image is built\n"


def test_every_service_proves_itself(lab: LabRunner) -> None:
    lines = lab("prove").splitlines()
    assert sorted(line.split()[1] for line in lines if " proved: " in line) == sorted(SERVICES)


def test_status_tells_health_memory_and_limits(lab: LabRunner) -> None:
    (found,) = json.loads(lab("status", "--json"))["students"]
    assert found["name"] == lab.student
    assert found["healthy"] is True
    assert [node["name"] for node in found["nodes"]] == NODES
    for node in found["nodes"]:
        assert node["state"] == "running", node
        assert 0 < node["memory_bytes"] < node["memory_limit_bytes"], node
    names = {"id", "name", "type", "tags", "state", "final_status", "started", "finished"}
    assert set(found["applications"][-1]) == names


def test_every_container_is_closed_in(lab: LabRunner, student: Student) -> None:
    with engine.connect(student.docker_host) as client:
        containers = labelled.containers(client, student)
        assert sorted(containers) == sorted(NODES)
        for name, container in containers.items():
            host = container.attrs["HostConfig"]
            assert container.attrs["Config"]["User"] == "student", name
            assert host["CapDrop"] == ["ALL"], name
            assert host["SecurityOpt"] == ["no-new-privileges:true"], name
            assert host["Memory"] > 0, name
            assert host["PidsLimit"] > 0, name
            for bindings in (host["PortBindings"] or {}).values():
                assert [binding["HostIp"] for binding in bindings] == ["127.0.0.1"], name
        uids = {c.exec_run("id -u").output.decode().strip() for c in containers.values()}
        assert uids == {"10001"}


def test_every_page_of_a_daemon_opens(lab: LabRunner, student: Student) -> None:
    """The edge has no daemon; its pages are there while a shell or JupyterLab is."""
    printed = lab("links")
    pages = [page.url for node in topology.nodes(student) if node.kind != "edge" for page in node.pages]
    assert len(pages) == 3
    for address in pages:
        assert address in printed
        with urllib.request.urlopen(address, timeout=10) as page:
            assert page.status == 200, address


@pytest.mark.parametrize(("command", "expected"), COMMANDS.items())
def test_the_edge_has_the_courses_commands(lab: LabRunner, command: str, expected: str) -> None:
    assert expected in lab.inside(command)


def test_a_command_in_a_node_keeps_its_exit_status_and_its_streams(lab: LabRunner) -> None:
    ran = lab.run("shell", "--command", "echo out; echo err >&2; exit 7")
    assert (ran.code, ran.out, ran.err) == (7, "out\n", "err\n")


def test_logs_of_a_node(lab: LabRunner) -> None:
    assert len(lab("logs", "--node", "kafka1", "--lines", "3").splitlines()) == 3


@pytest.mark.parametrize(
    ("service", "node"),
    [("hdfs", "datanode1"), ("yarn", "nodemanager1"), ("kafka", "kafka1"), ("cassandra", "cassandra1")],
)
def test_a_proof_fails_when_its_node_is_stopped(lab: LabRunner, student: Student, service: str, node: str) -> None:
    with engine.connect(student.docker_host) as client:
        container = labelled.node(client, student, node)
        container.stop(timeout=10)
        try:
            ran = lab.run("prove", "--service", service)
        finally:
            container.start()
    assert ran.code == 1
    assert ran.err == (
        f"error: {lab.student}: {service} does not answer correctly\n"
        f"  node {node} is exited\n"
        f"  fix: invoke logs --node {node} says why; invoke provision starts what is not running\n"
    )


def test_a_daemon_that_runs_and_does_not_answer_fails_its_proof(lab: LabRunner, student: Student) -> None:
    """A container's state says nothing about its daemon: here the broker is frozen, and its container runs."""
    with engine.connect(student.docker_host) as client:
        container = labelled.node(client, student, "kafka1")
        container.exec_run(["pkill", "-STOP", "java"])
        try:
            assert labelled.node(client, student, "kafka1").status == "running"
            ran = lab.run("prove", "--service", "kafka", "--seconds", "10")
            (found,) = json.loads(lab("status", "--json"))["students"]
        finally:
            container.exec_run(["pkill", "-CONT", "java"])
    assert ran.code == 1
    assert ran.err.startswith(f"error: {lab.student}: kafka does not answer correctly\n")
    assert [node["name"] for node in found["nodes"] if not node["healthy"]] == ["kafka1"]
    lab("prove", "--seconds", "120")


def test_status_tells_what_is_and_not_what_was(lab: LabRunner, student: Student) -> None:
    """A NameNode that was asked before its DataNode came, and again as soon as a file could be written."""

    def unhealthy() -> dict[str, str]:
        (found,) = json.loads(lab("status", "--json"))["students"]
        return {node["name"]: node["problem"] for node in found["nodes"] if not node["healthy"]}

    with engine.connect(student.docker_host) as client:
        datanode = labelled.node(client, student, "datanode1")
        datanode.stop(timeout=10)
        try:
            labelled.node(client, student, "namenode").restart(timeout=10)
            ends = time.monotonic() + 60
            while (found := unhealthy())["namenode"] != "no live DataNode has registered":
                assert time.monotonic() < ends, found
                time.sleep(0.5)
        finally:
            datanode.start()
    lab("prove", "--service", "hdfs")
    assert unhealthy() == {}


def test_doctor_finds_nothing_wrong(lab: LabRunner) -> None:
    lines = lab("doctor", student=False).splitlines()
    assert all(line.startswith("ok ") for line in lines), lines


def test_a_taken_port_is_named_with_its_holder(lab: LabRunner, student: Student) -> None:
    """The ResourceManager's port is taken by a process of ours while its container is away."""
    import socket

    with engine.connect(student.docker_host) as client:
        container = labelled.node(client, student, "resourcemanager")
        port = student.port_base + student.pages["resourcemanager"]["offset"]
        container.stop(timeout=10)
        with socket.create_server(("127.0.0.1", port)):
            ran = lab.run("provision")
        container.start()
    assert ran.code == 2
    assert ran.err.startswith(
        f"error: port {port}, which {lab.student}'s resourcemanager publishes, is taken\n"
        f"  127.0.0.1:{port} is held by process "
    )
    lab("prove", "--seconds", "120")


def test_docker_is_asked_for_labels_only(student: Student) -> None:
    """Every container, network and volume of the stack carries class, student and version."""
    with engine.connect(student.docker_host) as client:
        owned = [
            *client.containers.list(filters=labelled.stack_filter(student)),
            *client.networks.list(filters=labelled.stack_filter(student)),
            *client.volumes.list(filters=labelled.stack_filter(student)),
        ]
        named = [thing for thing in _everything(client) if thing.name.startswith(f"{student.prefix}")]
        assert {thing.name for thing in named} == {thing.name for thing in owned}
        assert len(owned) == len(NODES) + 1 + len(NODES) + 1


def _everything(client: docker.DockerClient) -> list:
    return [*client.containers.list(all=True), *client.networks.list(), *client.volumes.list()]


def test_a_nodemanager_that_was_started_again_is_waited_for(lab: LabRunner, student: Student) -> None:
    """The ResourceManager still lists it as it was, and would send the proof's application to what is gone."""
    with engine.connect(student.docker_host) as client:
        labelled.node(client, student, "nodemanager1").restart(timeout=1)
    assert "spark       proved" in lab("prove", "--service", "spark")
