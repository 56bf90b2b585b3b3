"""A second control program while one changes a stack: it is refused at once, says who is at work, and does nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

import kept
from faults.control import LOCK, begun, containers
from lab_runner import LabRunner, write_inventory

STUDENT = {"student01": {"port_base": 24900, "subnet": "10.89.229.0/27"}}
DATA = "twice"
#: Task -> what it is given. The first to work is refused nothing; `destroy` comes last.
CHANGING = {
    "snapshot": ("--name", "first"),
    "restore": ("--yes", "--name", "whole"),
    "provision": (),
    "suspend": (),
    "destroy": ("--yes",),
}
REFUSED_SECONDS = 20


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabRunner]:
    lab = LabRunner(str(write_inventory(tmp_path_factory.mktemp("inventory"), "labtwice", STUDENT)), "student01")
    with lab.provisioned():
        kept.put(lab, DATA)
        lab("snapshot", "--name", "whole")
        try:
            yield lab
        finally:
            for name in ("whole", "first", "second"):
                lab.run("snapshots", "--remove", name, "--yes", student=False)


def refused(lab: LabRunner, task: str, *arguments: str) -> str:
    """What a task says that is refused at once."""
    began = time.monotonic()
    ran = lab.run(task, *arguments)
    assert ran.code in (1, 2), ran
    assert time.monotonic() - began < REFUSED_SECONDS
    return ran.err


@pytest.mark.parametrize("first", ["snapshot", "restore", "provision", "destroy"])
def test_a_second_program_is_refused_and_the_first_does_its_work(stack: LabRunner, first: str) -> None:
    held = kept.held(stack, DATA)
    with begun(stack, first, *CHANGING[first]) as command:
        command.await_stage(lambda moment: moment.has_new(LOCK) and moment.now[LOCK].state == "running")
        # It stands still, so that it cannot be done before the others have asked.
        with command.held():
            there = containers(stack)
            for second, arguments in CHANGING.items():
                given = ("--name", "second") if second == "snapshot" else arguments
                assert first in refused(stack, second, *given), second
            left = containers(stack)
            # The engine goes on with what it was asked before: to remove one more node, where all are to go.
            assert left == there or (first == "destroy" and left.items() <= there.items())
        assert command.end() == 0, command.output
    assert LOCK not in containers(stack)
    assert "second" not in stack("snapshots", student=False)
    if first == "destroy":
        assert containers(stack) == {}
    else:
        assert kept.held(stack, DATA) == held
