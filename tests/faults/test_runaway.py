"""One student's job that takes all it can get: the limits hold, and another student's cluster answers meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lab_runner import LabRunner, write_inventory
from streamlab.engines import engine, labelled
from streamlab.students import inventory

STUDENTS = {
    "ada": {"port_base": 24600, "subnet": "10.89.226.0/27"},
    "bob": {"port_base": 24700, "subnet": "10.89.227.0/27"},
}
#: Twice as many busy loops as YARN has vcores.
BUSY = "for i in $(seq 16); do (exec yes >/dev/null) & done; wait"
#: Memory until there is no more.
GREEDY = "python3 -c 'kept = [bytearray(10**8) for _ in range(10**6)]'"
#: More processes and threads than a node may have.
FORKS = "for i in $(seq 5000); do sleep 30 & done; wait"


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LabRunner, LabRunner]]:
    file = str(write_inventory(tmp_path_factory.mktemp("inventory"), "labrun", STUDENTS))
    ada, bob = LabRunner(file, "ada"), LabRunner(file, "bob")
    with ada.provisioned():
        yield ada, bob


@contextmanager
def running(lab: LabRunner, command: str) -> Iterator[None]:
    """A command in a student's NodeManager, where the jobs run, for as long as the block does."""
    with lab.begun("shell", "--node", "nodemanager1", "--command", command):
        try:
            yield
        finally:
            student = inventory.load(lab.inventory).student(lab.student)
            with engine.connect(student.docker_host) as client:
                labelled.node(client, student, "nodemanager1", running=False).restart(timeout=1)


@pytest.mark.parametrize("command", [BUSY, GREEDY, FORKS], ids=["processors", "memory", "processes"])
def test_another_s_cluster_answers_and_the_own_one_comes_back(both: tuple[LabRunner, LabRunner], command: str) -> None:
    ada, bob = both
    with running(ada, command):
        assert bob("prove").count(" proved: ") == 5
    assert ada("prove", "--seconds", "120").count(" proved: ") == 5
