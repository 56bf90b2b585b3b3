"""One student's stack that writes more than it may: each product refuses or stops it in its own words, others go on."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from lab_runner import LabRunner, write_inventory

#: MB; HDFS has 600 of them and the files of applications 300.
DISK_MB = 1500
STUDENT = {"ada": {"port_base": 25200, "subnet": "10.89.232.0/27", "disk_mb": DISK_MB}}
#: Seconds in which a NodeManager that was stopped for its files works again: two looks at the disk, and some.
AGAIN_SECONDS = 90
#: A job whose executor writes 900 MB beside itself.
SPILL = """
import time
from pyspark.sql import SparkSession
def spill(number):
    with open("spill", "wb") as file:
        for _ in range(900):
            file.write(b"x" * 2**20)
    time.sleep(120)
SparkSession.builder.getOrCreate().sparkContext.parallelize([1], 1).foreach(spill)
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabRunner]:
    made = LabRunner(str(write_inventory(tmp_path_factory.mktemp("inventory"), "labdisk", STUDENT)), "ada")
    with made.provisioned():
        yield made


def proved(lab: LabRunner, service: str) -> bool:
    return f"{service:11} proved: " in lab("prove", "--service", service)


def disk(lab: LabRunner) -> dict[str, int]:
    """Node -> MB."""
    (student,) = json.loads(lab.run("status", "--disk", "--json").out)["students"]
    return {node: size >> 20 for node, size in student["disk_bytes"].items()}


def test_hdfs_refuses_more_than_its_part_and_takes_files_again_when_there_is_room(lab: LabRunner) -> None:
    lab.inside("head -c 400M /dev/zero >big && hdfs dfs -put big first")
    again = lab.run("shell", "--command", "hdfs dfs -put big second")
    assert again.code != 0
    assert "The DiskSpace quota of / is exceeded: quota = 629145600 B = 600 MB" in again.err
    assert proved(lab, "kafka")
    lab.inside("rm big; head -c 190M /dev/zero | hdfs dfs -D dfs.blocksize=1m -put - rest")  # a proof finds no room
    full = lab.run("prove", "--service", "hdfs", seconds=60)
    assert (full.code, "delete files on HDFS, or raise hdfs_disk_mb in the inventory" in full.err) == (1, True)
    lab.inside("hdfs dfs -rm -skipTrash first rest")
    assert proved(lab, "hdfs")


def test_yarn_ends_an_application_whose_files_exceed_its_part_and_works_again(lab: LabRunner) -> None:
    lab.inside(f"cat >spill.py <<'END'\n{SPILL}\nEND")
    ran = lab.run("shell", "--command", "spark-submit --deploy-mode cluster spill.py 2>&1", seconds=240)
    assert ran.code != 0
    assert "Container released on a *lost* node" in ran.out
    ends = time.monotonic() + AGAIN_SECONDS
    while lab.run("prove", "--service", "yarn").code:
        assert time.monotonic() < ends, "the NodeManager did not work again"
    assert disk(lab)["nodemanager1"] < 300


def test_one_file_stops_at_the_size_of_the_stack_and_a_stack_that_uses_too_much_is_suspended(lab: LabRunner) -> None:
    assert "1 stack measured, none uses more than its disk_mb" in lab("suspend", "--over-disk")
    ran = lab.run("shell", "--command", "cat /dev/zero >endless")
    assert "File size limit exceeded" in ran.err
    assert disk(lab)["edge"] == DISK_MB
    sick = lab.run("doctor", student=False)
    assert (sick.code, f"of {DISK_MB} MB of disk, too much (edge {DISK_MB}," in sick.out) == (1, True)
    assert "ada: suspended, 7 nodes stopped" in lab("suspend", "--over-disk")
    lab("resume")
    lab.inside("rm endless")
    assert "none uses more" in lab("suspend", "--over-disk")
