"""Ansible stdout callback: one JSON event a line for the control program, which prints them for people.

An event is one student's finished stage (a role): ``{"host", "stage", "changed", "details"}``; a failure adds
``"failed"``, the message. `--verbose` uses Ansible's own output instead.
"""

from __future__ import annotations

import json
from collections import defaultdict

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: streamlab_events
type: stdout
short_description: one JSON event per host and stage
description: One JSON event per host and stage, for the control program.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "streamlab_events"

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.stage: str | None = None
        self.changed: dict[str, list[str]] = defaultdict(list)
        self.details: dict[str, list[str]] = defaultdict(list)
        self.hosts: set[str] = set()

    def v2_playbook_on_task_start(self, task, is_conditional) -> None:
        if task._role is None or task.action.endswith(("set_fact", "validate_argument_spec")):
            return  # describing what is wanted is no stage of its own
        if task._role.get_name() != self.stage:
            self._close()
            self.stage = task._role.get_name()

    def _close(self) -> None:
        for host in sorted(self.hosts):
            self._emit(host=host, stage=self.stage, changed=self.changed[host], details=self.details[host])
        self.hosts.clear()
        self.changed.clear()
        self.details.clear()

    def _emit(self, **event) -> None:
        print(json.dumps(event), flush=True)

    def _heard(self, result, *, item: str | None = None) -> None:
        if self.stage is None:
            return
        host, answer = result._host.get_name(), result._result
        self.hosts.add(host)
        if answer.get("changed") and "results" not in answer:
            self.changed[host] += [item] if item else answer.get("made") or [result._task.name]
        self.details[host] += answer.get("proven", [])

    def v2_runner_on_ok(self, result) -> None:
        self._heard(result)

    def v2_runner_item_on_ok(self, result) -> None:
        self._heard(result, item=str(result._result.get("_ansible_item_label", "")) or None)

    def v2_runner_on_failed(self, result, ignore_errors=False) -> None:
        answer = result._result
        if ignore_errors or "results" in answer:
            return
        self._fail(result, str(answer.get("msg") or answer.get("stderr") or "failed without a word"))

    def v2_runner_item_on_failed(self, result) -> None:
        self._fail(result, str(result._result.get("msg", "failed without a word")))

    def v2_runner_on_unreachable(self, result) -> None:
        self._fail(result, str(result._result.get("msg", "unreachable")))

    def _fail(self, result, message: str) -> None:
        host = result._host.get_name()
        self.hosts.discard(host)
        self._emit(host=host, stage=self.stage or result._task.get_name(), changed=[], details=[], failed=message)

    def v2_playbook_on_stats(self, stats) -> None:
        self._close()
