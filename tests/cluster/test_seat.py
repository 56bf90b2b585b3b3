"""The lab's own commands as a student types them on the edge node, without an engine; and from far, by addresses."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lab_runner import ROOT, LabRunner
from streamlab.building import images
from streamlab.engines import engine
from streamlab.students import inventory
from streamlab.students.addresses import spare_addresses
from streamlab.students.student import Student
from streamlab.students.topology import nodes
from streamlab.work import seat
from terminal import Terminal

SUBMIT_SECONDS = 300


@pytest.fixture
def typed(lab: LabRunner) -> Iterator[Terminal]:
    terminal = Terminal(lab.command("shell"))
    yield terminal
    terminal.close()


def test_a_student_makes_runs_checks_and_resets_a_job_of_their_own(typed: Terminal) -> None:
    typed.run("rm -rf desk && mkdir desk && cd desk && invoke new --job mine --like lesson01")
    ran = typed.run("invoke submit --job mine", seconds=SUBMIT_SECONDS)
    assert "mine/stream: " in ran
    assert "SUCCEEDED" in ran
    assert " as expected" in typed.run("invoke check --job mine", seconds=120)
    typed.type("invoke reset --job mine")
    typed.see(r"\[y/N\] ")
    assert "mine of " in typed.run("y")
    assert re.search(r"found 0|WRONG", typed.fails("invoke check --job mine", seconds=120))


def test_both_places_say_the_same(lab: LabRunner, typed: Terminal) -> None:
    """One implementation: an error typed here and there has the same words and the same exit status."""
    for words in ("submit --job lesson8", "check --job lesson04/no", "stop --job lesson05", "get no-such-file"):
        task, *arguments = words.split()
        there = lab.run(task, *arguments)
        here = typed.run(f"invoke {words} 2>&1 || true")
        assert here.split("\n") == (there.out + there.err).rstrip().split("\n")
        assert typed.run(f"invoke {words} >/dev/null 2>&1; echo code $?").endswith(f"code {there.code}")


def test_ctrl_c_ends_the_application_too(lab: LabRunner, typed: Terminal) -> None:
    typed.run("invoke reset --yes --job lesson01")
    typed.type("invoke submit --job lesson01 --continuous")
    typed.see(r"l01-even: batch \d", seconds=SUBMIT_SECONDS)
    assert "ended application_" in typed.press_ctrl_c()
    (here,) = json.loads(lab.inside("invoke status --json"))["students"]
    assert here["applications"][-1]["state"] == "KILLED"
    typed.run("invoke reset --yes --job lesson01")


def test_files_go_to_hdfs_and_come_back(typed: Terminal) -> None:
    typed.run("cd && hdfs dfs -mkdir -p desk && head -c 3000000 /dev/urandom > sent.bin")
    typed.run(
        "invoke put sent.bin --to hdfs:desk/ && invoke get hdfs:desk/sent.bin --to came.bin && cmp sent.bin came.bin"
    )
    assert "already" in typed.fails("invoke put sent.bin --to hdfs:desk/")
    typed.run("rm sent.bin came.bin && hdfs dfs -rm -r -skipTrash desk")


def test_what_needs_the_operator_is_not_offered(typed: Terminal) -> None:
    listed = typed.run("invoke --list")
    assert "submit" in listed
    assert "provision" not in listed
    assert "no task named 'destroy'" in typed.fails("lab destroy")
    assert "needs the Docker Engine" in typed.fails("invoke logs --node kafka1")


def test_every_page_and_node_is_known_there(lab: LabRunner, typed: Terminal) -> None:
    assert typed.run("invoke links").split() == lab("links").split()
    rows = json.loads(lab("status", "--json"))["students"][0]["nodes"]
    (here,) = json.loads(lab.inside("invoke status --json"))["students"]
    assert [row["name"] for row in here["nodes"]] == [row["name"] for row in rows]
    assert here["healthy"]


def test_what_a_student_changes_does_not_change_the_lab(typed: Terminal) -> None:
    typed.fails("echo >> /opt/lab/tasks.py")
    typed.run("mkdir trap && cd trap && echo 'raise SystemExit(9)' | tee json.py invoke.py tasks.py streamlab.py")
    assert "lesson08" in typed.run("invoke jobs")
    typed.run("cd && rm -r trap")


@contextmanager
def client_of(student: Student) -> Iterator[list[str]]:
    """A container with the clients and the lab's code, and with nothing of the stack's configuration: a machine of
    somebody's beside a cluster. What runs a command there.
    """
    with engine.connect(student.docker_host) as docker:
        container = docker.containers.create(
            images.image_tags()["spark"], ["sleep", "1800"], init=True, network=student.network, mem_limit="2g",
            networking_config={
                student.network: docker.api.create_endpoint_config(ipv4_address=spare_addresses(student)[-1])
            },
            labels={"streamlab.class": student.lab_class, "streamlab.student": student.name},
        )  # fmt: skip
        try:
            container.start()
            seat.place(container, student)
            yield ["docker", "exec", "--interactive", container.id, "bash", "-lc"]
        finally:
            container.remove(force=True)


def test_a_cluster_that_is_not_ours_runs_the_lessons_by_its_addresses(lab: LabRunner) -> None:
    student = inventory.load(lab.inventory).student(lab.student)
    at = {node.name: node.address for node in nodes(student)}
    hdfs = f"hdfs://{at['namenode']}:8020"
    site = "<configuration><property><name>{}</name><value>{}</value></property></configuration>"
    cluster = {
        "student": "visitor", "kafka": f"{at['kafka1']}:9092", "cassandra": [at["cassandra1"]], "hdfs": hdfs,
        "webhdfs": f"http://{at['namenode']}:9870", "yarn": f"http://{at['resourcemanager']}:8088",
        "hadoop_conf": "conf",
        "spark_conf": {
            "spark.cassandra.connection.host": at["cassandra1"],
            "spark.sql.extensions": "com.datastax.spark.connector.CassandraSparkExtensions",
            "spark.sql.catalog.cassandra": "com.datastax.spark.connector.datasource.CassandraCatalog",
            "spark.sql.session.timeZone": "UTC",
        },
    }  # fmt: skip
    with client_of(student) as inside:

        def run(command: str, text: str = "", *, seconds: int = SUBMIT_SECONDS) -> str:
            done = subprocess.run(
                [*inside, command], cwd=ROOT, input=text, capture_output=True, text=True, timeout=seconds, check=False
            )
            assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
            return done.stdout

        assert run("ls -A /etc/streamlab") == ""
        run("mkdir conf && cat > conf/core-site.xml", site.format("fs.defaultFS", hdfs))
        run("cat > conf/yarn-site.xml", site.format("yarn.resourcemanager.hostname", at["resourcemanager"]))
        run("cat > cluster.json", json.dumps(cluster))
        assert "visitor: healthy" in run("invoke status --cluster cluster.json")
        for lesson in ("lesson03", "lesson08"):
            run(f"invoke reset --yes --cluster cluster.json --job {lesson}")
            run(f"invoke submit --cluster cluster.json --job {lesson}", seconds=900)
            assert "as expected" in run(f"invoke check --cluster cluster.json --job {lesson}")
            lab("reset", "--yes", "--job", lesson)
