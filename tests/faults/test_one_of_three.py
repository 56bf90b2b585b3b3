"""One student's impossible setting: the others have their stacks, the summary has its cause, the next run mends it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import kept
from lab_runner import LabRunner, write_inventory

CLASS = "labthree"
STUDENTS: dict[str, dict[str, Any]] = {
    "ada": {"port_base": 24200, "subnet": "10.89.222.0/27"},
    "bob": {"port_base": 24300, "subnet": "10.89.223.0/27"},
    "eve": {"port_base": 24400, "subnet": "10.89.224.0/27"},
}
#: No JVM starts with this heap.
IMPOSSIBLE = {**STUDENTS, "bob": {**STUDENTS["bob"], "kafka_heap": "1k"}}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    LabRunner(str(write_inventory(tmp_path, CLASS, STUDENTS)), "")("destroy", "--yes", student=False)


def test_the_others_are_provisioned_and_the_next_run_mends_it(folder: Path) -> None:
    file = str(write_inventory(folder, CLASS, STUDENTS))
    lab = LabRunner(file, "")
    stacks = [LabRunner(file, name) for name in STUDENTS]
    lab("provision", student=False)
    before = {stack.student: kept.put(stack, "three") for stack in stacks}

    write_inventory(folder, CLASS, IMPOSSIBLE)
    ran = lab.run("provision", student=False)
    assert ran.code == 1
    assert "provision.yml failed for bob" in ran.err, ran.err
    assert "bob: kafka does not answer correctly" in ran.err.replace("bob: error: ", ""), ran.err
    assert "kafka1" in ran.err
    for name in ("ada", "eve"):
        assert f"{name:13} nodes       unchanged" in ran.out, ran.out
        assert lab("prove", "--limit", name, student=False).count(" proved: ") == 5

    write_inventory(folder, CLASS, STUDENTS)
    mended = lab("provision", student=False)
    (changed,) = [line for line in mended.splitlines() if "changed:" in line]
    assert changed.startswith("bob"), mended
    assert lab("prove", student=False).count(" proved: ") == 15
    assert {stack.student: kept.held(stack, "three") for stack in stacks} == before
