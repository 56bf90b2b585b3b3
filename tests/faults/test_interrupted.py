"""A provision that is interrupted, wherever it stands, is finished by the next one; nothing of the data is lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import kept
from lab_runner import LabRunner, Ran, press_ctrl_c, write_inventory
from streamlab.engines import engine, labelled
from streamlab.students import inventory

STUDENT = {"student01": {"port_base": 24100, "subnet": "10.89.221.0/27"}}
SECONDS = 120

#: What one moment of a provision looks like in the engine: (ids of the nodes' containers before, and now).
Moment = Callable[[dict[str, str], dict[str, str]], bool]
MOMENTS: dict[str, Moment] = {
    "before anything is made": lambda before, now: True,
    "while nodes are made": lambda before, now: sum(now.get(node) != before[node] for node in before) >= 2,
    "while it is proved": lambda before, now: all(now.get(node) not in (None, before[node]) for node in before),
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabRunner]:
    file = write_inventory(tmp_path_factory.mktemp("inventory"), "labfault", STUDENT)
    lab = LabRunner(str(file), "student01")
    with lab.provisioned():
        yield lab


@pytest.fixture(scope="module")
def before(stack: LabRunner) -> tuple[str, str, str]:
    return kept.put(stack, "interrupted")


def ids(lab: LabRunner) -> dict[str, str]:
    """Node -> id of its running container."""
    student = inventory.load(lab.inventory).student(lab.student)
    with engine.connect(student.docker_host) as client:
        return {name: c.id for name, c in labelled.containers(client, student).items() if c.status == "running"}


def interrupt(lab: LabRunner, moment: Moment) -> Ran:
    """Begin a provision and press Ctrl-C at a moment."""
    before = ids(lab)
    with lab.begun("provision") as process:
        time.sleep(1)  # Python and Ansible start; nothing is touched so soon
        ends = time.monotonic() + SECONDS
        while not moment(before, ids(lab)):
            assert process.poll() is None, f"it ended before the moment came: {process.communicate()}"
            assert time.monotonic() < ends
            time.sleep(0.05)
        return press_ctrl_c(process)


@pytest.mark.parametrize("when", MOMENTS)
def test_the_next_provision_goes_on_from_there(
    stack: LabRunner, before: tuple[str, str, str], when: str, tmp_path: Path
) -> None:
    # Every node has a new limit, so every container is to be made anew.
    grown = 1 + list(MOMENTS).index(when)
    limits = {
        kind: node_mb + 16 * grown for kind, node_mb in inventory.load(stack.inventory).student().node_memory_mb.items()
    }
    write_inventory(Path(stack.inventory).parent, "labfault", STUDENT, node_memory_mb=limits)
    ended = interrupt(stack, MOMENTS[when])
    assert (ended.code, ended.err.splitlines()[-1]) == (130, "interrupted"), ended
    finished = stack("provision")
    assert "spark: counted 1000 rows on YARN" in finished, finished
    assert kept.held(stack, "interrupted") == before
    assert "0 changed" in stack("provision")
