"""A student whose `docker_host` was changed: no second, empty stack is made, and the old one comes with its data."""

from __future__ import annotations

import json
import os
import signal
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

import kept
from conftest import Engine
from lab_runner import LabRunner, write_inventory
from streamlab.engines import engine
from streamlab.students.docker_hosts import LOCAL

STUDENT = {"port_base": 28600, "subnet": "10.94.5.0/27"}
BEGIN_SECONDS = 300


@dataclass(frozen=True)
class Moving:
    """A stack on the second engine, and the inventory that now names this machine's own one."""

    lab: LabRunner
    name: str
    old: str
    before: tuple[str, str, str]

    def volumes(self, docker_host: str) -> list[str]:
        """The student's volumes on a Docker host."""
        with engine.connect(docker_host) as client:
            found = client.volumes.list(filters={"label": f"streamlab.class={self.name}"})
        return [volume.name for volume in found]


@pytest.fixture(scope="module")
def moving(second_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moving]:
    name, folder = f"move{uuid.uuid4().hex[:8]}", tmp_path_factory.mktemp("move")
    with ExitStack() as stack:
        file = write_inventory(folder, name, {"ada": {**STUDENT, "docker_host": second_engine.docker_host}})
        lab = LabRunner(str(file), "ada")
        stack.callback(lab, "destroy", "--yes", student=False)
        lab("provision", seconds=1800)
        lab.inside("mkdir -p work && echo mine > work/notes.txt && chmod 600 work/notes.txt")
        before = kept.put(lab, "mine")
        write_inventory(folder, name, {"ada": {**STUDENT, "docker_host": LOCAL}})
        yield Moving(lab, name, second_engine.docker_host, before)


def test_no_second_stack_is_made(moving: Moving) -> None:
    refused = moving.lab.run("provision")
    assert refused.code == 2
    assert f"on {moving.old}: made 20" in refused.err
    assert "invoke move --student ada" in refused.err
    assert moving.volumes(LOCAL) == []
    seen = moving.lab.run("status")
    assert f"ada: the stack is on {moving.old}, not on {LOCAL}" in seen.out
    asked = moving.lab.run("move")
    assert (asked.code, "add --yes" in asked.err) == (2, True)


def test_a_move_that_was_killed_is_begun_again_and_brings_everything(moving: Moving) -> None:
    with moving.lab.begun("move", "--yes") as process:
        ends = time.monotonic() + BEGIN_SECONDS
        while f"{moving.name}-ada-namenode" not in moving.volumes(LOCAL):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < ends, f"nothing was made within {BEGIN_SECONDS} s"
            time.sleep(0.5)
        os.killpg(process.pid, signal.SIGKILL)
    refused = moving.lab.run("provision")
    assert refused.code == 2
    assert f"a move from {moving.old} to {LOCAL} was interrupted" in refused.err

    moved = moving.lab("move", "--yes", seconds=1800)
    assert f"ada: moved from {moving.old} to {LOCAL} and proved in " in moved
    assert moving.volumes(moving.old) == []
    assert [name for name in moving.volumes(LOCAL) if "mov" in name.removeprefix(moving.name)] == []
    assert kept.held(moving.lab, "mine") == moving.before
    assert moving.lab.inside("stat -c %a work/notes.txt; cat work/notes.txt") == "600\nmine\n"
    assert json.loads(moving.lab("status", "--json"))["students"][0]["state"] == "healthy"


def test_then_there_is_nothing_to_move(moving: Moving) -> None:
    assert f"ada: nothing to move: the stack is on {LOCAL}, as the inventory says" in moving.lab("move", "--yes")
    assert "ada: provisioned and answering, 0 changed" in moving.lab("provision")
