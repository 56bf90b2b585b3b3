"""The callback that turns what Ansible does into one event for each student and stage."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from streamlab.paths import ANSIBLE

_spec = importlib.util.spec_from_file_location("streamlab_events", ANSIBLE / "callback_plugins" / "streamlab_events.py")
events = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = events  # dataclasses look their module up
_spec.loader.exec_module(events)


def role(name: str) -> Any:
    return SimpleNamespace(get_name=lambda: name)


def task(role_name: str | None, *, name: str = "a task", action: str = "copy") -> Any:
    return SimpleNamespace(
        _role=role(role_name) if role_name else None, name=name, action=action, get_name=lambda: name
    )


def result(of: Any, host: str = "ada", **answer: Any) -> Any:
    return SimpleNamespace(_host=SimpleNamespace(get_name=lambda: host), _task=of, _result=answer)


def start(plugin: Any, of: Any, *hosts: str) -> None:
    for host in hosts or ("ada",):
        plugin.v2_runner_on_start(SimpleNamespace(get_name=lambda host=host: host), of)


@pytest.fixture
def heard(capsys: pytest.CaptureFixture) -> Callable[[], list[dict]]:
    """The events since the last look, without their seconds, which are checked to be there."""

    def look() -> list[dict]:
        told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert all(event.pop("seconds") >= 0 for event in told)
        return told

    return look


@pytest.fixture
def plugin() -> Any:
    return events.CallbackModule()


def test_a_stage_is_told_for_each_student_when_the_student_s_next_begins(plugin: Any, heard: Callable) -> None:
    hdfs, yarn = task("hdfs"), task("yarn")
    start(plugin, hdfs, "ada", "bob")
    plugin.v2_runner_item_on_ok(result(hdfs, "bob", changed=True, _ansible_item_label="namenode"))
    plugin.v2_runner_item_on_ok(result(hdfs, "bob", changed=False, _ansible_item_label="datanode1"))
    plugin.v2_runner_on_ok(result(hdfs, "bob", changed=True, results=[{}, {}]))
    plugin.v2_runner_on_ok(result(hdfs, "ada", changed=False))
    assert heard() == []
    start(plugin, yarn, "bob")
    assert heard() == [{"host": "bob", "stage": "hdfs", "changed": ["namenode"], "details": []}]
    start(plugin, yarn, "ada")
    assert heard() == [{"host": "ada", "stage": "hdfs", "changed": [], "details": []}]
    plugin.v2_runner_on_ok(result(yarn, "ada", changed=True))
    plugin.v2_playbook_on_stats(None)
    assert heard() == [{"host": "ada", "stage": "yarn", "changed": ["a task"], "details": []}]


def test_what_was_made_is_told(plugin: Any, heard: Callable) -> None:
    nodes = task("nodes")
    start(plugin, nodes)
    plugin.v2_runner_on_ok(result(nodes, changed=True, made=["network", "kafka1"]))
    plugin.v2_playbook_on_stats(None)
    assert heard() == [{"host": "ada", "stage": "nodes", "changed": ["network", "kafka1"], "details": []}]


def test_what_was_proved_is_told_at_once(plugin: Any, heard: Callable) -> None:
    proof = task("proof")
    start(plugin, proof, "ada", "bob")
    plugin.v2_runner_on_ok(result(proof, changed=False, proven=["hdfs: put a file (0.1 s)"]))
    assert heard() == [{"host": "ada", "stage": "proof", "changed": [], "details": ["hdfs: put a file (0.1 s)"]}]


def test_describing_is_no_stage(plugin: Any, heard: Callable) -> None:
    describing = task("kafka", action="ansible.builtin.set_fact")
    start(plugin, describing)
    plugin.v2_runner_on_ok(result(describing, changed=False))
    plugin.v2_playbook_on_stats(None)
    assert heard() == []


def test_a_failure_is_told_at_once_and_alone(plugin: Any, heard: Callable) -> None:
    kafka = task("kafka")
    start(plugin, kafka, "ada", "bob")
    plugin.v2_runner_on_ok(result(kafka, "bob"))
    plugin.v2_runner_item_on_failed(result(kafka, "ada", msg="no such image"))
    plugin.v2_runner_on_failed(result(kafka, "ada", msg="One or more items failed", results=[{}]))
    failure = {"host": "ada", "stage": "kafka", "changed": [], "details": [], "failed": "no such image"}
    assert heard() == [failure]
    plugin.v2_playbook_on_stats(None)
    assert [event["host"] for event in heard()] == ["bob"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [({"msg": "why"}, "why"), ({"stderr": "because"}, "because"), ({}, "failed without a word")],
)
def test_a_failure_has_a_message(plugin: Any, heard: Callable, answer: dict, message: str) -> None:
    plugin.v2_runner_on_failed(result(task(None, name="Look around"), **answer))
    assert [(event["stage"], event["failed"]) for event in heard()] == [("Look around", message)]


def test_a_failure_that_is_ignored_is_none(plugin: Any, heard: Callable) -> None:
    start(plugin, task("hdfs"))
    plugin.v2_runner_on_failed(result(task("hdfs"), msg="never mind"), ignore_errors=True)
    assert heard() == []


def test_a_host_that_cannot_be_reached_has_failed(plugin: Any, heard: Callable) -> None:
    start(plugin, task("docker_engine"), "second")
    plugin.v2_runner_on_unreachable(result(task("docker_engine"), "second", msg="no route"))
    assert [(event["host"], event["failed"]) for event in heard()] == [("second", "no route")]
