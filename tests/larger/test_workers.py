"""A larger stack: every node takes part, data has copies, and workers go and come without losing any.

The tests follow one another: what the first ones write is what the last ones find.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable

import pytest

from lab_runner import LabRunner
from streamlab.engines import engine, labelled
from streamlab.stacks import playbooks
from streamlab.students import inventory

#: The last of each kind of worker: what leaves, and comes back.
LAST = ["cassandra2", "datanode2", "kafka3", "nodemanager2"]
FEWER = {"datanode": 1, "nodemanager": 1, "kafka": 2, "cassandra": 1}

FILE = "/user/student/kept"
AT = "--bootstrap-server kafka1:9092"
MAKE = (
    f"seq 20000 | hdfs dfs -put -f - {FILE}",
    f"kafka-topics.sh {AT} --create --topic kept --partitions 6",
    f"seq 600 | kafka-console-producer.sh {AT} --topic kept",
    f"kafka-console-consumer.sh {AT} --topic kept --group kept --from-beginning --max-messages 600 "
    "--timeout-ms 30000 | wc -l",
    "cqlsh -e \"CREATE KEYSPACE kept WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 2}; "
    'CREATE TABLE kept.t (id int PRIMARY KEY, v int)"',
    "(echo 'CONSISTENCY ALL;'; for i in $(seq 300); do echo \"INSERT INTO kept.t (id, v) VALUES ($i, $i);\"; done) "
    ">/tmp/rows.cql && cqlsh -f /tmp/rows.cql",
)


@pytest.fixture(scope="module")
def made(lab: LabRunner) -> dict[str, str]:
    """What a file, a topic, a consumer group and a table hold at first."""
    for command in MAKE:
        lab.inside(command)
    return held(lab)


def held(lab: LabRunner) -> dict[str, str]:
    group = lab.inside(f"kafka-consumer-groups.sh {AT} --describe --group kept 2>/dev/null")
    return {
        "file": lab.inside(f"hdfs dfs -cat {FILE} | sha256sum"),
        "offsets": "\n".join(sorted(lab.inside(f"kafka-get-offsets.sh {AT} --topic kept").split())),
        "committed": str(sorted(re.findall(r"^kept +kept +(\d+) +(\d+)", group, re.MULTILINE))),
        "rows": lab.inside("cqlsh -e 'CONSISTENCY ALL; SELECT count(*), sum(v) FROM kept.t' 2>/dev/null"),
    }


def copies(lab: LabRunner) -> dict[str, str]:
    """How many copies each of them has, and the topic where Kafka keeps what groups have committed."""
    described = lab.inside(f"kafka-topics.sh {AT} --describe")
    factors = dict(re.findall(r"Topic: (\S+)\s.*ReplicationFactor: (\d+)", described))
    keyspace = lab.inside("cqlsh -e \"SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = 'kept'\"")
    return {
        "file": lab.inside(f"hdfs dfs -stat %r {FILE}").strip(),
        "topic": factors["kept"],
        "offsets": factors["__consumer_offsets"],
        "keyspace": re.search(r"'replication_factor': '(\d+)'", keyspace)[1],
    }


def nodes(lab: LabRunner) -> list[str]:
    (found,) = json.loads(lab("status", "--json"))["students"]
    assert found["healthy"], [node for node in found["nodes"] if not node["healthy"]]
    return [node["name"] for node in found["nodes"]]


def test_every_node_takes_part(lab: LabRunner) -> None:
    printed = lab("prove")
    assert "wrote and selected a row, on cassandra1 and cassandra2 (" in printed
    assert "put and read a file of 1152 bytes, on datanode1 and datanode2 (" in printed
    assert "produced and consumed a record, on kafka1, kafka2 and kafka3 (" in printed
    assert "to its end, with nodemanager1 and nodemanager2 active (" in printed


def test_a_second_provision_changes_nothing(lab: LabRunner) -> None:
    assert "provisioned and answering, 0 changed" in lab("provision")


def test_everything_has_as_many_copies_as_the_plan_says(lab: LabRunner, made: dict[str, str]) -> None:
    assert re.search(r"300 \| +45150", made["rows"])
    assert copies(lab) == {"file": "2", "topic": "3", "offsets": "3", "keyspace": "2"}
    assert lab.inside("nodetool status", node="cassandra1").count("UN ") == 2


@pytest.mark.parametrize(
    ("node", "service", "seconds"),
    [
        ("cassandra2", "cassandra", "60"),
        ("datanode2", "hdfs", "15"),
        ("kafka3", "kafka", "15"),
        ("nodemanager2", "yarn", "15"),
    ],
)
def test_a_proof_fails_when_one_of_several_nodes_is_frozen(
    lab: LabRunner, node: str, service: str, seconds: str
) -> None:
    """The others would answer for it."""
    student = inventory.load(lab.inventory).student(lab.student)
    with engine.connect(student.docker_host) as client:
        container = labelled.node(client, student, node)
        container.exec_run(["pkill", "-STOP", "java"])
        try:
            ran = lab.run("prove", "--service", service, "--seconds", seconds)
        finally:
            container.exec_run(["pkill", "-CONT", "java"])
    assert ran.code == 1
    assert ran.err.startswith(f"error: {lab.student}: {service} does not answer correctly\n")
    lab("prove", "--service", service, "--seconds", "120")


def test_what_would_leave_is_told_before_it_does(
    lab: LabRunner, made: dict[str, str], edit: Callable[..., None]
) -> None:
    edit(**FEWER)
    command = [*playbooks.argv("provision.yml", inventory.load(lab.inventory).path, verbose=True), "--check", "--diff"]
    env = playbooks.environment(os.environ, verbose=True)
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    for name in LAST:
        assert f'"{name} would leave"' in done.stdout
        assert f'-  "{name}": "leaves"' in done.stdout.replace(",", "")
    assert held(lab) == made


def test_workers_leave_when_others_have_what_they_held(
    lab: LabRunner, made: dict[str, str], edit: Callable[..., None]
) -> None:
    edit(**FEWER)
    printed = lab("provision", seconds=1800)
    for name in LAST:
        assert f"{name} left" in printed
    assert held(lab) == made
    assert copies(lab) == {"file": "1", "topic": "2", "offsets": "2", "keyspace": "1"}
    assert not set(LAST) & set(nodes(lab))
    student = inventory.load(lab.inventory).student(lab.student)
    with engine.connect(student.docker_host) as client:
        assert not set(LAST) & set(labelled.containers(client, student))
        volumes = {volume.name for volume in client.volumes.list(filters=labelled.stack_filter(student))}
    assert not {f"{student.prefix}-{name}" for name in LAST} & volumes
    assert "provisioned and answering, 0 changed" in lab("provision")


def test_workers_that_come_back_are_new_and_get_their_share(
    lab: LabRunner, made: dict[str, str], edit: Callable[..., None]
) -> None:
    edit()
    lab("provision", seconds=1800)
    assert set(LAST) <= set(nodes(lab))
    assert held(lab) == made
    assert copies(lab) == {"file": "2", "topic": "3", "offsets": "3", "keyspace": "2"}
