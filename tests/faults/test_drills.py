"""Drills on a real stack: begun, found on the edge node, repaired where a student can, and taken back."""

from __future__ import annotations

import pytest

from lab_runner import LabRunner

#: Drill -> what a student types there, that shows something while it lasts, and a part of what it says.
SHOWS = {
    "broker-frozen": ("invoke status", "kafka1 .*UNHEALTHY"),
    "worker-stopped": ("invoke status", "nodemanager1 .*UNHEALTHY"),
    "datanode-cut-off": ("invoke status", "datanode1 .*UNHEALTHY"),
    "cassandra-frozen": ("invoke status", "cassandra1 .*UNHEALTHY"),
    "disk-full": ("head -c 2000000 /dev/zero | hdfs dfs -put - /user/student/zeros", "quota"),
}
NODE = {name: said.partition(" ")[0] for name, (_, said) in SHOWS.items() if name != "disk-full"}


@pytest.mark.parametrize("name", NODE)
def test_a_fault_of_a_node_is_seen_answered_and_taken_back(lab: LabRunner, name: str) -> None:
    command, shows = SHOWS[name]
    lab("drill", "--name", name)
    try:
        assert "Something has been wrong with your cluster since" in lab.inside("invoke drill")
        assert lab.run("shell", "--command", f"{command} 2>&1 | grep -E '{shows}'").code == 0
        assert lab.run("shell", "--command", "invoke drill --answer namenode").code == 1
        refused = lab.run("drill", "--name", name)
        assert refused.code == 2
        assert "a drill begins in a stack that is whole" in refused.err or "is on already" in refused.err
        assert lab.run("drill", "--check").code == 1
        assert f"Right: {NODE[name]}." in lab.inside(f"invoke drill --answer {NODE[name]}")
        assert "yes, answer 2" in lab("drill", "--check")
    finally:
        lab("drill", "--end")
    assert "No drill is on" in lab.inside("invoke drill")
    assert "healthy" in lab("status")


def test_a_full_disk_is_found_and_repaired_by_the_student(lab: LabRunner) -> None:
    command, shows = SHOWS["disk-full"]
    lab("drill", "--name", "disk-full")
    try:
        assert lab.run("shell", "--command", f"{command} 2>&1 | grep -E '{shows}'").code == 0
        largest = lab.inside("hdfs dfs -du /data | sort -n | tail -1").split()[-1]
        assert "Right" in lab.inside(f"invoke drill --answer {largest}")
        assert lab("drill", "--check").splitlines()[1].endswith("no")
        lab.inside(f"hdfs dfs -rm -r -skipTrash {largest}")
        lab.inside(command)
        assert lab("drill", "--check").splitlines()[1].endswith("yes")
    finally:
        lab("drill", "--end")
        lab.inside("hdfs dfs -rm -f -skipTrash /user/student/zeros")


def test_an_end_takes_back_what_nobody_remembers(lab: LabRunner) -> None:
    """The student has thrown the note away, and another control machine ends it."""
    lab("drill", "--name", "broker-frozen")
    lab.inside("rm .streamlab/drill.json")
    lab("drill", "--end")
    assert "NOT HEALTHY" not in lab("status")
