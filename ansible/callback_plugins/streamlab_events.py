"""Ansible stdout callback: one JSON event a line for the control program, which prints them for people.

An event is one student's finished stage (a role): ``{"host", "stage", "seconds", "changed", "details"}``; a failure
adds ``"failed"``, the message. `--verbose` uses Ansible's own output instead.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: streamlab_events
type: stdout
short_description: one JSON event per host and stage
description: One JSON event per host and stage, for the control program.
"""


@dataclass
class Stage:
    """What one host has come to in the stage where it is."""

    name: str
    began: float = field(default_factory=time.monotonic)
    changed: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    heard: bool = False


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "streamlab_events"

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.stages: dict[str, Stage] = {}  # hosts go on at their own pace

    def v2_runner_on_start(self, host, task) -> None:
        if task._role is None or task.action.endswith(("set_fact", "validate_argument_spec")):
            return  # describing what is wanted is no stage of its own
        name, stage = host.get_name(), task._role.get_name()
        if name in self.stages and self.stages[name].name != stage:
            self._close(name)
        self.stages.setdefault(name, Stage(stage))

    def _close(self, host: str) -> None:
        stage = self.stages.pop(host, None)
        if stage and stage.heard:
            self._emit(host, stage, changed=stage.changed, details=stage.details)

    def _emit(self, host: str, stage: Stage, **event) -> None:
        seconds = round(time.monotonic() - stage.began, 1)
        print(json.dumps({"host": host, "stage": stage.name, "seconds": seconds, **event}), flush=True)

    def _heard(self, result, *, item: str | None = None) -> None:
        host, answer = result._host.get_name(), result._result
        if host not in self.stages:
            return
        stage = self.stages[host]
        stage.heard = True
        if answer.get("changed") and "results" not in answer:
            stage.changed += [item] if item else answer.get("made") or [result._task.name]
        if "proven" in answer:  # the last there is to tell of a student
            stage.details += answer["proven"]
            self._close(host)

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
        stage = self.stages.pop(host, None) or Stage(result._task.get_name())
        self._emit(host, stage, changed=[], details=[], failed=message)

    def v2_playbook_on_stats(self, stats) -> None:
        for host in sorted(self.stages):
            self._close(host)
