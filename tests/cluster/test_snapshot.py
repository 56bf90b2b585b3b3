"""A stack that was kept, wrecked and restored answers as before; what cannot be restored touches nothing."""

from __future__ import annotations

import json
import re
import shutil
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab_runner import LabRunner, press_ctrl_c, write_inventory
from streamlab.edge.exchange import BESIDE
from streamlab.engines import engine, labelled
from streamlab.keeping.snapshots import described
from streamlab.paths import SNAPSHOTS
from streamlab.students import inventory

NAME = "test-wrecked"
KAFKA = "--bootstrap-server kafka1:9092"
MAKE = (
    "echo kept | hdfs dfs -put -f - /tmp/kept",
    f"kafka-topics.sh {KAFKA} --create --if-not-exists --topic kept --partitions 2",
    f"echo kept | kafka-console-producer.sh {KAFKA} --topic kept",
    f"kafka-console-consumer.sh {KAFKA} --topic kept --group kept --from-beginning --max-messages 1",
    "cqlsh -e \"CREATE KEYSPACE IF NOT EXISTS kept WITH replication = {'class': 'SimpleStrategy', "
    "'replication_factor': 1}; CREATE TABLE IF NOT EXISTS kept.t (id text PRIMARY KEY); "
    "INSERT INTO kept.t (id) VALUES ('kept')\"",
    "spark-sql --master 'local[1]' -e 'CREATE DATABASE IF NOT EXISTS kept; "
    'CREATE TABLE IF NOT EXISTS kept.t USING parquet AS SELECT "kept" AS word\'',
)
LOOK = (
    "hdfs dfs -cat /tmp/kept",
    "hdfs dfs -ls -R /user | awk '{print $5, $8}'",
    f"kafka-get-offsets.sh {KAFKA} | sort",
    f"kafka-consumer-groups.sh {KAFKA} --describe --group kept 2>/dev/null | awk '{{print $1, $2, $3, $4, $5}}'",
    "cqlsh -e 'SELECT id FROM kept.t; SELECT count(*) FROM lab.salary_prediction' 2>/dev/null",
)
TABLES = "spark-sql --master 'local[1]' -e 'SELECT word FROM kept.t' 2>/dev/null"
WRECK = (
    "hdfs dfs -rm -r -skipTrash /user/student/lesson08 /tmp/kept",
    f"kafka-topics.sh {KAFKA} --delete --topic 'kept|l08-.*'",
    "cqlsh -e 'DROP KEYSPACE kept; DROP KEYSPACE lab'",
    "rm -r ~/metastore; echo later >~/mine",
)
UNDO = (
    "hdfs dfs -rm -skipTrash /tmp/kept",
    f"kafka-topics.sh {KAFKA} --delete --topic kept",
    "cqlsh -e 'DROP KEYSPACE kept'",
    "spark-sql --master 'local[1]' -e 'DROP DATABASE kept CASCADE'; rm -f ~/mine",
)


def look(lab: LabRunner) -> list[str]:
    return [lab.inside(command) for command in LOOK]


def lab_class(lab: LabRunner) -> str:
    return inventory.load(lab.inventory).students[0].lab_class


@dataclass(frozen=True)
class Kept:
    """A snapshot: its folder, and what the stack answered as it was taken."""

    folder: Path
    answers: list[str]


@pytest.fixture(scope="module")
def kept(lab: LabRunner) -> Iterator[Kept]:
    """A snapshot of a stack in which lesson08 and a few things of the student's own were done."""
    if not lab.check("lesson08")["passed"]:
        lab("submit", "--job", "lesson08")
    for command in MAKE:
        lab.inside(command)
    answers = look(lab)
    try:
        printed = lab("snapshot", "--name", NAME)
        assert re.search(
            rf"^{lab.student}: snapshot {NAME}, [\d.]+ MB in [\d.]+ s; stopped in [\d.]+ s, back in [\d.]+ s$",
            printed, re.MULTILINE,
        )  # fmt: skip
        yield Kept(SNAPSHOTS / lab_class(lab) / NAME, answers)
    finally:
        lab.run("snapshots", "--remove", NAME, "--yes", student=False)
        for command in UNDO:
            lab.inside(command)


def test_wrecked_and_restored_it_answers_as_before(lab: LabRunner, kept: Kept) -> None:
    tables, checked = lab.inside(TABLES), lab.check("lesson08")
    assert (kept.answers[0], "kept" in tables, checked["passed"]) == ("kept\n", True, True)
    for command in WRECK:
        lab.inside(command)
    assert not lab.check("lesson08")["passed"]

    printed = lab("restore", "--yes", "--name", NAME)
    assert f"{lab.student}: restored from {NAME} of {lab.student} and proved in " in printed
    assert look(lab) == kept.answers
    assert lab.inside(TABLES) == tables
    assert lab.check("lesson08") == checked
    # The student's own, and nothing of ours but what checks of the edge node keep.
    assert lab.inside("cat ~/mine; ls -A ~ | grep streamlab | grep -vx .streamlab || true") == "later\n"
    assert "SUCCEEDED" in lab("submit", "--job", "lesson08/score")


def test_another_student_is_given_it(lab: LabRunner, kept: Kept, tmp_path: Path) -> None:
    students = {"copycat": {"port_base": 28300, "subnet": "10.89.253.0/27"}}
    other = LabRunner(str(write_inventory(tmp_path, lab_class(lab), students)), "copycat")
    try:
        other("provision")
        printed = other("restore", "--yes", "--name", NAME)
        assert f"copycat: restored from {NAME} of {lab.student} and proved in " in printed
        assert look(other) == kept.answers  # the first one's stack has gone on since
        assert other.inside(TABLES) == lab.inside(TABLES)
        # The data are there as if copycat had run the lesson; YARN knows who did.
        missing = {f"{step}: YARN application copycat-lesson08-{step}" for step in ("train", "score")}
        assert set(other.wrong("lesson08")) == missing
        # Checkpoint, offsets and rows are of one moment: the stream goes on where the other one's stopped.
        assert "it wrote nothing" in other("submit", "--job", "lesson08/score")
        assert set(other.wrong("lesson08")) == missing - {"score: YARN application copycat-lesson08-score"}
    finally:
        other("destroy", "--yes")


def test_it_is_listed(lab: LabRunner, kept: Kept) -> None:
    (row,) = [line for line in lab("snapshots", student=False).splitlines() if line.startswith(NAME)]
    assert re.search(rf"UTC +{lab.student} +[\d.]+ MB .* ready$", row)


def test_one_that_cannot_be_restored_touches_nothing(lab: LabRunner, kept: Kept) -> None:
    student = inventory.load(lab.inventory).student(lab.student)

    def started() -> dict[str, str]:
        with engine.connect(student.docker_host) as client:
            found = labelled.containers(client, student).items()
            return {name: container.attrs["State"]["StartedAt"] for name, container in found}

    def refused(name: str) -> str:
        ran = lab.run("restore", "--yes", "--name", name)
        assert ran.code == 2, ran.err
        return ran.err

    before = started()
    copy = kept.folder.with_name("test-damaged")
    shutil.copytree(kept.folder, copy)
    try:
        assert "no snapshot named 'test-nobody'" in refused("test-nobody")
        with (copy / "kafka1.tar.gz").open("r+b") as file:
            file.seek(1000)
            file.write(b"damage")
        assert "kafka1.tar.gz is not what was written" in refused("test-damaged")
        (copy / "kafka1.tar.gz").unlink()
        assert "kafka1.tar.gz is missing" in refused("test-damaged")
        manifest = json.loads((copy / "manifest.json").read_text())
        manifest["products"]["cassandra"] = "4.1.0"
        (copy / "manifest.json").write_text(json.dumps(manifest))
        assert "from another version\n  cassandra 4.1.0, here " in refused("test-damaged")
        (copy / "manifest.json").unlink()
        assert "the snapshot test-damaged is damaged" in refused("test-damaged")
    finally:
        shutil.rmtree(copy)
    app_id = re.search(r"application_\d+_\d+", lab("submit", "--job", "lesson08/score", "--continuous", "--detach"))[0]
    try:
        assert f"{lab.student}: {app_id}" in refused(NAME)
        assert lab.run("snapshot", "--name", "test-busy").code == 2
    finally:
        lab("stop", "--job", "lesson08")
    assert started() == before


def test_a_restore_that_fails_between_two_volumes_gives_back_what_was(lab: LabRunner, kept: Kept) -> None:
    """An archive, right as far as its hash goes, with a name in it that has its place already."""
    lab.inside("echo later | hdfs dfs -put -f - /tmp/kept")
    bad = kept.folder.with_name("test-bad")
    shutil.copytree(kept.folder, bad)
    try:
        with tarfile.open(bad / "kafka1.tar.gz", "w:gz") as archive:
            archive.addfile(tarfile.TarInfo(BESIDE))
        manifest = json.loads((bad / "manifest.json").read_text())
        manifest["files"]["kafka1.tar.gz"] = described(bad / "kafka1.tar.gz")
        (bad / "manifest.json").write_text(json.dumps(manifest))
        ran = lab.run("restore", "--yes", "--name", "test-bad")
    finally:
        shutil.rmtree(bad)
    assert ran.code == 1
    assert f"{lab.student}: restoring the previous data\n" in ran.out
    assert f"error: {lab.student} could not be restored; the previous data is back\n" in ran.err
    assert lab.inside("hdfs dfs -cat /tmp/kept") == "later\n"
    assert lab.check("lesson08")["passed"]


def test_ctrl_c_while_it_is_taken_keeps_nothing_and_the_stack_runs(lab: LabRunner, kept: Kept) -> None:
    def half() -> list[Path]:
        return list(kept.folder.parent.glob("test-broken.*"))

    with lab.begun("snapshot", "--name", "test-broken") as running:
        ends = time.monotonic() + 90
        while not half():
            assert running.poll() is None
            assert time.monotonic() < ends, "it does not begin"
            time.sleep(0.02)
        ended = press_ctrl_c(running)
    assert ended.code == 130
    assert "interrupted: nothing is kept, and the daemons are started again first" in ended.out
    assert "test-broken" not in lab("snapshots", student=False)
    assert half() == []
    student = inventory.load(lab.inventory).student(lab.student)
    with engine.connect(student.docker_host) as client:
        there = {container.name for container in client.containers.list(all=True)}
    assert f"{student.prefix}-carrier" not in there
    lab("prove")  # the daemons have been started, and take their time
    (found,) = json.loads(lab("status", "--json"))["students"]
    assert found["healthy"]
