"""The baseline "plain": the same images' daemons as their products come, without archives, flags and limits of ours.

Same configuration and same images; what these bring for a first start (formatted storage, a schema, a key) is left
aside; each container is made at once by the engine, with no Ansible between; the same questions prove them. So a ratio
says what archives, flags and a prepared first start bring, less what the playbooks cost.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO

import docker
from docker.models.containers import Container

from streamlab import __version__
from streamlab.engines import engine
from streamlab.stacks import reconcile
from streamlab.stacks.prove import failure, prove
from streamlab.students import services, topology
from streamlab.students.student import Student

#: The JDK's own archive, which a JVM uses when nobody says anything; as the last word it overrules the images'.
JDK_ARCHIVE = {"_JAVA_OPTIONS": "-XX:SharedArchiveFile=/opt/java/lib/server/classes.jsa", "JAVA_OPTS": ""}
#: More than any daemon takes: plain has no limits.
NO_LIMIT_MB = 16384
#: Settings of ours that have speed as their only purpose, and how much YARN hands out: as it comes, 8 GB and 8 cores.
TUNED = re.compile(
    r"^spark\.(yarn\.report|yarn\.scheduler|yarn\.am\.extraJava|driver\.extra|executor\.extra)|"
    r"^spark\.cassandra\.output|locateFollowingBlock|connect\.retry|OPENBLAS|"
    r"heartbeat|poll-interval|scheduling-interval|unlock\.interval|thread-count|handler\.count|"
    r"initial-allocation|minRegisteredResources|^fs\.(AbstractFileSystem\.)?file\.impl|"
    r"nodemanager\.resource\.|^SPARK_LAUNCHER_OPTS|--deploy-mode cluster"
)


def configuration(edge: Container) -> dict[str, str]:
    """The files of configuration that a stack of ours reads, less `TUNED`."""
    stream, _ = edge.get_archive("/etc/streamlab")
    with tarfile.open(fileobj=BytesIO(b"".join(stream))) as archive:
        files = {
            member.name.partition("/")[2]: archive.extractfile(member).read().decode()
            for member in archive.getmembers()
            if member.isfile()
        }
    return {name: untuned(name, text) for name, text in files.items()}


def untuned(name: str, text: str) -> str:
    """A file of configuration without the settings that match `TUNED`."""
    if name.startswith("spark/spark-"):
        return "\n".join(line for line in text.splitlines() if not TUNED.search(line)) + "\n"
    if name.startswith("hadoop/") and name.endswith("-site.xml"):
        lines = text.splitlines()
        return "\n".join(x for x in lines if not ("<name>" in x and TUNED.search(x.split("<name>")[1]))) + "\n"
    return text


#: A first start as the product's instructions say. An empty folder keeps the image's start from filling it.
FIRST_START = {
    "namenode": "[ -e /data/name ] || hdfs namenode -format -nonInteractive; exec /opt/hadoop/bin/start namenode",
    "kafka": "[ -e /data/kafka ] || kafka-storage.sh format --cluster-id $KAFKA_CLUSTER_ID "
    "--config /etc/streamlab/kafka/$(hostname).properties; exec /opt/kafka/bin/start kafka",
    "cassandra": "mkdir -p /data/data; exec /opt/cassandra/bin/start cassandra",
    "resourcemanager": "mkdir -p /data/state/FSRMStateRoot/ProxyCARoot; exec /opt/hadoop/bin/start resourcemanager",
}


def settings(student: Student) -> dict[str, dict]:
    """How each kind of node is started: the product's own commands, the JVM's own choices."""
    ring = "-Dcassandra.skip_wait_for_gossip_to_settle=0 -Dcassandra.ring_delay_ms=0"
    made = {kind: {"command": [kind], "env": dict(JDK_ARCHIVE), "pids": 4096} for kind in services.SERVICE_OF}
    made["kafka"]["env"]["KAFKA_CLUSTER_ID"] = student.kafka_cluster_id
    made["cassandra"]["env"]["JAVA_OPTS"] = ring
    for kind, commands in FIRST_START.items():
        made[kind]["command"] = ["sh", "-c", commands]
    made["edge"] |= {"command": ["sleep", "infinity"], "data": "/home/student"}
    return made


def up(client: docker.DockerClient, students: Sequence[Student], files: dict[str, str]) -> None:
    """Start every student's containers at once, and return when every proof has passed."""

    def one(student: Student) -> None:
        plan = topology.plan(student)
        for node in plan["nodes"]:
            node["memory_mb"] = NO_LIMIT_MB
        labels = {
            "streamlab.class": student.lab_class, "streamlab.student": student.name, "streamlab.version": __version__,
        }  # fmt: skip
        reconcile.reconcile(
            client, plan=plan, subnet=student.subnet, labels=labels, settings=settings(student), config_files=files
        )
        bad = [proven for proven in prove(student, seconds=600) if not proven.passed]
        if bad:
            raise failure(student, bad[0])

    with ThreadPoolExecutor(len(students)) as pool:
        list(pool.map(one, students))


@contextmanager
def stack(student: Student, files: dict[str, str]) -> Iterator[None]:
    """One plain stack for as long as the block runs."""
    from streamlab.stacks.destroy import Belongings, belongings, remove

    with engine.connect(student.docker_host) as client:
        try:
            up(client, [student], files)
            yield
        finally:
            remove(client, belongings(client, student.lab_class).get(student.name, Belongings()))
