"""A command that changes a stack, ended by a signal at each of its stages: run again it works, and no data is lost."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import kept
from faults.control import CARRIER, EXIT_STATUS, LOCK, Stage, begun
from lab_runner import LabRunner, write_inventory
from streamlab.students import inventory

CLASS = "labsignal"
STUDENT = {"student01": {"port_base": 24800, "subnet": "10.89.228.0/27"}}
DATA = "signalled"
HEALTHY_SECONDS = 90

SNAPSHOT: dict[str, Stage] = {
    "the lock is held": lambda moment: moment.has_new(LOCK),
    "daemons stop": lambda moment: moment.stopped,
    "data are copied": lambda moment: moment.has_new(CARRIER),
    "daemons are proved": lambda moment: moment.stopped and moment.all_run,
}
RESTORE: dict[str, Stage] = {
    "the lock is held": SNAPSHOT["the lock is held"],
    "data are unpacked": SNAPSHOT["data are copied"],
    "data change places": SNAPSHOT["daemons stop"],
    "daemons are proved": SNAPSHOT["daemons are proved"],
}
PROVISION: dict[str, Stage] = {
    "the lock is held": SNAPSHOT["the lock is held"],
    "nodes are made": lambda moment: len(moment.made_anew) >= 2,
    "daemons are proved": lambda moment: moment.made_anew == moment.nodes and moment.all_run,
}
each_signal = pytest.mark.parametrize("number", EXIT_STATUS, ids=lambda number: number.name)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabRunner]:
    lab = LabRunner(str(write_inventory(tmp_path_factory.mktemp("inventory"), CLASS, STUDENT)), "student01")
    with lab.provisioned():
        yield lab


@pytest.fixture(scope="module")
def before(stack: LabRunner) -> tuple[str, str, str]:
    return kept.put(stack, DATA)


@pytest.fixture
def name(stack: LabRunner) -> Iterator[str]:
    """The name of a snapshot that is taken in a test."""
    yield "ended"
    stack.run("snapshots", "--remove", "ended", "--yes", student=False)


@pytest.fixture(scope="module")
def snapshot(stack: LabRunner, before: tuple[str, str, str]) -> Iterator[str]:
    """A snapshot of `before`."""
    stack("snapshot", "--name", "whole")
    yield "whole"
    stack("snapshots", "--remove", "whole", "--yes", student=False)


@pytest.fixture
def later(stack: LabRunner, snapshot: str) -> tuple[str, str, str]:
    """What the stack holds after the snapshot was taken and something was changed."""
    stack("provision")
    stack.inside(f"echo later | hdfs dfs -put -f - /tmp/{DATA}")
    found = kept.held(stack, DATA)
    assert found[0] == "later\n"
    return found


def ended_at(lab: LabRunner, stage: Stage, number: signal.Signals, task: str, *arguments: str) -> None:
    """Begin a command, and end it by a signal when a stage has come."""
    with begun(lab, task, *arguments) as command:
        command.await_stage(stage)
        command.signal(number)
        assert command.end() == EXIT_STATUS[number], command.output


def await_health(lab: LabRunner) -> None:
    ends = time.monotonic() + HEALTHY_SECONDS
    while not (found := json.loads(lab("status", "--json"))["students"][0])["healthy"]:
        assert time.monotonic() < ends, found
        time.sleep(1)


@each_signal
@pytest.mark.parametrize("stage", SNAPSHOT)
def test_a_snapshot(
    stack: LabRunner, before: tuple[str, str, str], name: str, stage: str, number: signal.Signals
) -> None:
    stack("provision")
    ended_at(stack, SNAPSHOT[stage], number, "snapshot", "--name", name)
    if number != signal.SIGKILL:
        await_health(stack)
    taken = name in stack("snapshots", student=False)
    again = stack.run("snapshot", "--name", name)
    if taken:  # it was whole already, and only the stack was not
        assert (stage, again.code) == ("daemons are proved", 2), again
    else:
        assert again.code == 0, again
    stack("provision")  # a snapshot leaves a stack stopped that it found so
    assert kept.held(stack, DATA) == before


@each_signal
@pytest.mark.parametrize("stage", RESTORE)
def test_a_restore(
    stack: LabRunner, before: tuple[str, str, str], snapshot: str, later: tuple[str, str, str], stage: str,
    number: signal.Signals,
) -> None:  # fmt: skip
    ended_at(stack, RESTORE[stage], number, "restore", "--yes", "--name", snapshot)
    if number != signal.SIGKILL:
        await_health(stack)
        assert kept.held(stack, DATA) in (before, later)
    stack("restore", "--yes", "--name", snapshot)
    assert kept.held(stack, DATA) == before


@pytest.mark.parametrize("stage", RESTORE)
def test_a_killed_restore_that_is_not_run_again_leaves_one_whole_state(
    stack: LabRunner, before: tuple[str, str, str], snapshot: str, later: tuple[str, str, str], name: str, stage: str
) -> None:
    """Neither the next provision nor the next snapshot, which both clear up, lose anything."""
    ended_at(stack, RESTORE[stage], signal.SIGKILL, "restore", "--yes", "--name", snapshot)
    stack("provision")
    found = kept.held(stack, DATA)
    assert found in (before, later)
    stack("snapshot", "--name", name)
    assert kept.held(stack, DATA) == found


@each_signal
@pytest.mark.parametrize("stage", PROVISION)
def test_a_provision(stack: LabRunner, before: tuple[str, str, str], stage: str, number: signal.Signals) -> None:
    stack("provision")
    # Every node has a new limit, so every container is to be made anew.
    limits = {kind: mb + 16 for kind, mb in inventory.load(stack.inventory).student().node_memory_mb.items()}
    write_inventory(Path(stack.inventory).parent, CLASS, STUDENT, node_memory_mb=limits)
    ended_at(stack, PROVISION[stage], number, "provision")
    assert "spark: counted 1000 rows on YARN" in stack("provision")
    assert kept.held(stack, DATA) == before
    assert "0 changed" in stack("provision")
