"""A cluster by its description: what it must say, and which commands work with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streamlab.engines import engine
from streamlab.errors import WrongRequest
from streamlab.paths import ROOT
from streamlab.stacks import status
from streamlab.students import clusters, inventory
from streamlab.students.topology import nodes
from streamlab.work import look

FOREIGN: dict[str, Any] = {
    "student": "ada", "kafka": "kafka.example:9092", "cassandra": ["cassandra.example"], "webhdfs": "http://namenode.example:9870",
    "hdfs": "hdfs://namenode.example:8020", "yarn": "http://yarn.example:8088",
}  # fmt: skip


@pytest.fixture
def described(tmp_path: Path) -> Callable[..., str]:
    def write(**more: Any) -> str:
        (tmp_path / "conf").mkdir(exist_ok=True)
        (tmp_path / "conf" / "core-site.xml").write_text("<configuration/>")
        (tmp_path / "cluster.json").write_text(json.dumps(FOREIGN | more))
        return str(tmp_path / "cluster.json")

    return write


def test_a_description_is_a_class_of_one(described: Callable, tmp_path: Path) -> None:
    lab = inventory.load(cluster=described(hadoop_conf="conf", spark_conf={"spark.a": 1}, pages={"YARN": "x"}))
    student = lab.student()
    assert (student.name, student.docker_host, nodes(student)) == ("ada", "", [])
    assert student.cluster is not None
    assert student.cluster.env == {
        "STREAMLAB_LAB_JSON": str(tmp_path / "cluster.json"),
        "HADOOP_CONF_DIR": str(tmp_path / "conf"),
        "YARN_CONF_DIR": str(tmp_path / "conf"),
    }
    assert student.cluster.spark_conf == {"spark.a": "1"}
    assert look.links(student).splitlines()[-1].split() == ["YARN", "x"]


def test_a_stack_s_own_nodes_know_their_cluster_already() -> None:
    own = clusters.Cluster(clusters.DESCRIPTION, "ada")
    assert (own.env, own.is_here) == ({}, True)


def test_on_the_edge_node_status_says_what_checks_said_last(
    described: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    student = inventory.load(cluster=described()).student()
    kept = [{"job": "lesson03", "exercise": "", "at": 1, "right": 2, "of": 3}]
    monkeypatch.setattr(status, "answer_of", lambda *_, **__: {**status.health.NOBODY_ASKED, "checks": kept})
    assert status.look([student])["students"][0]["checks"] == []
    assert student.cluster is not None
    here = replace(student, cluster=replace(student.cluster, path=clusters.DESCRIPTION))
    assert status.look([here])["students"][0]["checks"] == kept


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"student": None}, "student is not a text"),
        ({"cassandra": "cassandra.example"}, "cassandra is not a list"),
        ({"spark_conf": []}, "spark_conf is not a mapping"),
    ],
)
def test_what_a_description_says_wrongly_is_named(described: Callable, change: dict, problem: str) -> None:
    with pytest.raises(WrongRequest) as caught:
        clusters.read(described(**change))
    assert caught.value.evidence == [problem]


def test_what_a_description_lacks_is_named(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text('{"student": "ada", "cassandra": []}')
    with pytest.raises(WrongRequest) as caught:
        clusters.read(tmp_path / "c.json")
    assert caught.value.evidence == [f"{name} is missing" for name in ("kafka", "webhdfs", "hdfs", "yarn")]


@pytest.mark.parametrize("text", [None, "", "{", "[1]", "\x00"])
def test_what_is_no_description_is_refused(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "c.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(WrongRequest):
        clusters.read(file)


def test_hadoop_s_configuration_must_be_there(described: Callable) -> None:
    with pytest.raises(WrongRequest, match="not a folder with Hadoop's configuration"):
        clusters.read(described(hadoop_conf="elsewhere"))


def test_a_description_and_an_inventory_are_one_too_many(described: Callable) -> None:
    with pytest.raises(WrongRequest, match="both given"):
        inventory.load("inventory/local.yml", described())


def test_an_inventory_that_is_named_comes_before_the_variable(
    described: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(clusters.VARIABLE, described())
    assert inventory.load().student().name == "ada"
    assert clusters.named(None, "inventory/local.yml") is None


def test_what_needs_an_engine_says_so(described: Callable) -> None:
    student = inventory.load(cluster=described()).student()
    with pytest.raises(WrongRequest, match="needs the Docker Engine"), engine.connect(student.docker_host):
        pass


def test_a_cluster_that_is_out_of_reach_is_unhealthy(described: Callable, capsys: pytest.CaptureFixture) -> None:
    """Really asked, at a port of this machine at which nobody listens."""
    silent = "127.0.0.1:9"
    there = described(
        kafka=silent, cassandra=[silent], webhdfs=f"http://{silent}", hdfs=f"hdfs://{silent}", yarn=f"http://{silent}"
    )
    student = inventory.load(cluster=there).student()
    (found,) = status.look([student])["students"]
    assert (found["state"], found["applications"], found["submits"]) == ("unhealthy", None, [])
    assert [node["name"] for node in found["nodes"]] == [
        f"{kind} at {silent}" for kind in ("namenode", "resourcemanager", "kafka", "cassandra")
    ]
    assert "memory" not in status.describe({"students": [found]})


def typed(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """A command as it is typed where Docker's SDK and Ansible cannot be imported."""
    program = f"""
import runpy, sys
class NotThere:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("docker", "ansible", "requests", "rich", "anyascii", "chardet"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, NotThere())
sys.path.insert(0, {str(ROOT)!r})
runpy.run_module("streamlab", run_name="__main__", alter_sys=True)
"""
    return subprocess.run(
        [sys.executable, "-c", program, *words], env=os.environ | env, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip


def test_a_seat_has_the_tasks_that_work_there(described: Callable) -> None:
    listed = typed("--list", STREAMLAB_CLUSTER=described())
    tasks = {line.split()[0] for line in listed.stdout.splitlines() if line.startswith("  ") and line[2] != " "}
    assert tasks == {
        *(
            "submit",
            "check",
            "reset",
            "stop",
            "drill",
            "jobs",
            "exercise",
            "hand-in",
            "new",
            "bundle",
            "status",
            "streams",
            "why",
            "logs",
            "links",
            "put",
            "get",
        ),
        "prove",
    }


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["jobs"], 0, "lesson08"),
        (["links"], 2, "no pages are known"),
        (["status"], 0, "NOT HEALTHY"),
        (["submit", "--job", "lesson8"], 2, "did you mean --job lesson08?"),
        (["provision"], 2, "no task named 'provision'"),
        (["logs", "--node", "kafka1"], 2, "needs the Docker Engine"),
        (["status", "--student", "bob"], 2, "no student named 'bob'"),
        (["submit", "--job", "lesson01", "--cluster", "/no/such.json"], 2, "not the description of a cluster"),
        (["get", "nothing"], 2, "no such file"),
    ],
)
def test_a_seat_needs_no_engine(described: Callable, words: list[str], code: int, text: str) -> None:
    done = typed(*words, STREAMLAB_CLUSTER=described())
    assert (done.returncode, text in done.stdout + done.stderr) == (code, True), done.stdout + done.stderr
    assert "Traceback" not in done.stderr
