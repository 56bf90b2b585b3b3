"""The callback that turns what Ansible does into one event for each student and stage."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from streamlab.paths import ANSIBLE

_spec = importlib.util.spec_from_file_location("streamlab_events", ANSIBLE / "callback_plugins" / "streamlab_events.py")
events = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(events)


def role(name: str) -> Any:
    return SimpleNamespace(get_name=lambda: name)


def task(role_name: str | None, *, name: str = "a task", action: str = "copy") -> Any:
    return SimpleNamespace(
        _role=role(role_name) if role_name else None, name=name, action=action, get_name=lambda: name
    )


def result(of: Any, host: str = "ada", **answer: Any) -> Any:
    return SimpleNamespace(_host=SimpleNamespace(get_name=lambda: host), _task=of, _result=answer)


@pytest.fixture
def heard(capsys: pytest.CaptureFixture) -> Callable[[], list[dict]]:
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture
def plugin() -> Any:
    return events.CallbackModule()


def test_a_stage_is_told_once_for_each_student_when_the_next_begins(plugin: Any, heard: Callable) -> None:
    hdfs, yarn = task("hdfs"), task("yarn")
    plugin.v2_playbook_on_task_start(hdfs, False)
    plugin.v2_runner_item_on_ok(result(hdfs, "bob", changed=True, _ansible_item_label="namenode"))
    plugin.v2_runner_item_on_ok(result(hdfs, "bob", changed=False, _ansible_item_label="datanode1"))
    plugin.v2_runner_on_ok(result(hdfs, "bob", changed=True, results=[{}, {}]))
    plugin.v2_runner_on_ok(result(hdfs, "ada", changed=False))
    assert heard() == []
    plugin.v2_playbook_on_task_start(yarn, False)
    assert heard() == [
        {"host": "ada", "stage": "hdfs", "changed": [], "details": []},
        {"host": "bob", "stage": "hdfs", "changed": ["namenode"], "details": []},
    ]
    plugin.v2_runner_on_ok(result(yarn, "ada", changed=True))
    plugin.v2_playbook_on_stats(None)
    assert heard() == [{"host": "ada", "stage": "yarn", "changed": ["a task"], "details": []}]


def test_what_was_made_and_proved_is_told(plugin: Any, heard: Callable) -> None:
    storage, proof = task("storage"), task("proof")
    plugin.v2_playbook_on_task_start(storage, False)
    plugin.v2_runner_on_ok(result(storage, changed=True, made=["spring-ada-kafka1"]))
    plugin.v2_playbook_on_task_start(proof, False)
    plugin.v2_runner_on_ok(result(proof, changed=False, proven=["hdfs: put a file (0.1 s)"]))
    plugin.v2_playbook_on_stats(None)
    first, last = heard()
    assert first["changed"] == ["spring-ada-kafka1"]
    assert last["details"] == ["hdfs: put a file (0.1 s)"]


def test_rendering_is_no_stage(plugin: Any, heard: Callable) -> None:
    plugin.v2_playbook_on_task_start(task("kafka", action="ansible.builtin.set_fact"), False)
    plugin.v2_runner_on_ok(result(task("kafka"), changed=False))
    plugin.v2_playbook_on_stats(None)
    assert heard() == []


def test_a_failure_is_told_at_once_and_alone(plugin: Any, heard: Callable) -> None:
    kafka = task("kafka")
    plugin.v2_playbook_on_task_start(kafka, False)
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
    plugin.v2_runner_on_failed(result(task("hdfs"), msg="never mind"), ignore_errors=True)
    assert heard() == []


def test_a_host_that_cannot_be_reached_has_failed(plugin: Any, heard: Callable) -> None:
    plugin.v2_playbook_on_task_start(task("docker_engine"), False)
    plugin.v2_runner_on_unreachable(result(task("docker_engine"), "second", msg="no route"))
    assert [(event["host"], event["failed"]) for event in heard()] == [("second", "no route")]
