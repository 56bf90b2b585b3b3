"""A daemon that is killed comes back by itself, with its data."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

import kept
from lab_runner import LabRunner
from streamlab.engines import engine, labelled
from streamlab.students import inventory

DAEMONS = ("namenode", "datanode1", "resourcemanager", "nodemanager1", "kafka1", "cassandra1")
#: Seconds within which a killed daemon answers again.
SECONDS = 90


@pytest.fixture(scope="module")
def before(lab: LabRunner) -> tuple[str, str, str]:
    return kept.put(lab, "killed")


def restarts(lab: LabRunner, node: str) -> int:
    """How often the engine has started this node again."""
    student = inventory.load(lab.inventory).student(lab.student)
    with engine.connect(student.docker_host) as client:
        return labelled.node(client, student, node, running=False).attrs["RestartCount"]


def unhealthy(lab: LabRunner) -> dict[str, str]:
    """Nodes that do not answer now, with what is wrong."""
    (found,) = json.loads(lab("status", "--json"))["students"]
    return {node["name"]: node["problem"] for node in found["nodes"] if not node["healthy"]}


def await_health(lab: LabRunner) -> None:
    ends = time.monotonic() + SECONDS
    while problems := unhealthy(lab):
        assert time.monotonic() < ends, f"after {SECONDS} s: {problems}"
        time.sleep(1)


@pytest.mark.parametrize("node", DAEMONS)
def test_a_killed_daemon_comes_back_with_its_data(lab: LabRunner, before: tuple[str, str, str], node: str) -> None:
    began = restarts(lab, node)
    lab.run("shell", "--node", node, "--command", "pkill -KILL -x java")  # the shell goes with its container
    await_health(lab)
    assert restarts(lab, node) == began + 1
    proofs = lab("prove")
    assert proofs.count(" proved: ") == 5, proofs
    assert kept.held(lab, "killed") == before


def test_what_ran_when_the_machine_went_off_is_given_up_and_keeps_nobody_waiting(lab: LabRunner) -> None:
    begun = [lab("submit", "--job", step, "--continuous", "--detach") for step in ("lesson03/read", "lesson01/stream")]
    read, stream = (re.search(r"application_\d+_\d+", said)[0] for said in begun)
    student = inventory.load(lab.inventory).student(lab.student)
    with engine.connect(student.docker_host) as client:
        for container in labelled.containers(client, student).values():
            container.kill()
    lab("provision")
    assert [application(lab, app_id)["state"] for app_id in (read, stream)] == ["ACCEPTED", "ACCEPTED"]
    assert lab("stop", "--job", "lesson03") == f"lesson03/read: {read} had not started, and was withdrawn\n"
    assert application(lab, read)["final_status"] == "KILLED"
    assert "SUCCEEDED" in lab("submit", "--job", "lesson08")
    ends = time.monotonic() + SECONDS
    while application(lab, stream)["final_status"] != "FAILED":
        assert time.monotonic() < ends, application(lab, stream)
        time.sleep(1)


def application(lab: LabRunner, app_id: str) -> dict[str, Any]:
    """What YARN says of an application now."""
    (found,) = json.loads(lab("status", "--json"))["students"]
    (app,) = [app for app in found["applications"] if app["id"] == app_id]
    return app


def test_the_edge_node_comes_back_too(lab: LabRunner, before: tuple[str, str, str]) -> None:
    lab.inside("touch ~/own")
    lab.run("shell", "--command", "pkill -KILL -x sleep")
    await_health(lab)
    assert lab.inside("ls ~/own").endswith("own\n")
    assert kept.held(lab, "killed") == before
