"""What a student or a second instructor may do wrong or on purpose: refused or ended with an error, in a given time."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container

from faults.control import containers
from lab_runner import LabRunner, write_inventory
from streamlab.engines import engine
from streamlab.students import inventory
from streamlab.students.student import Student
from streamlab.work import check

JOB = "title: A job of a student's own\nsteps:\n  run: {title: Do nothing, preset: tiny, timeout: 60}\n"
BEGUN = "/tmp/slow-check-begun"
SLOW_CHECK = f"import pathlib, time\n\n\ndef check(lab):\n    pathlib.Path('{BEGUN}').touch()\n    time.sleep(1000)\n"
BEGIN_SECONDS = 60
#: Seconds that a command may need to end after its deadline: one more for what is left in the node, and to say so.
MARGIN_SECONDS = 60


@pytest.fixture
def job(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    folder.mkdir()
    files = {"__init__.py": "", "job.yml": JOB, "run.py": "def run(spark, settings):\n    pass\n"}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("task", ["submit", "check", "reset"])
def test_a_job_with_a_link_to_a_private_key_is_refused_and_the_key_stays_here(
    lab: LabRunner, job: Path, tmp_path: Path, task: str
) -> None:
    key = tmp_path / "id_ed25519"
    key.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n", encoding="utf-8")
    (job / "check.py").write_text(SLOW_CHECK, encoding="utf-8")
    (job / "notes.txt").symlink_to(key)
    yes = ["--yes"] if task == "reset" else []
    ran = lab.run(task, *yes, "--job", str(job), seconds=BEGIN_SECONDS)
    assert ran.code == 2, ran
    assert "notes.txt" in ran.err
    assert str(key) in ran.err
    assert lab.inside("grep -l 'OPENSSH PRIVATE KEY' /tmp/streamlab-*.zip || true") == ""


def test_a_check_whose_timeout_is_stopped_ends_at_its_deadline(lab: LabRunner, job: Path) -> None:
    """In a node `timeout` ends a command that takes too long; stopped there, the deadline of the caller still holds."""
    (job / "check.py").write_text(SLOW_CHECK, encoding="utf-8")
    student = inventory.load(lab.inventory).student(lab.student)
    with engine.connect(student.docker_host) as client:
        with lab.begun("check", "--job", str(job)) as process:
            ends = time.monotonic() + BEGIN_SECONDS
            while not (asks := _asking(client, student)):
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < ends, f"the check did not begin in {BEGIN_SECONDS} s"
                time.sleep(0.2)
            assert asks.exec_run(["pkill", "-STOP", "-x", "timeout"]).exit_code == 0
            try:
                _, errors = process.communicate(timeout=check.SECONDS + MARGIN_SECONDS)
            except subprocess.TimeoutExpired:
                pytest.fail(f"it still runs {MARGIN_SECONDS} s after its deadline of {check.SECONDS} s")
        assert _asking(client, student) is None
    assert process.returncode == 1
    assert errors.startswith("error: "), errors


def _asking(client: docker.DockerClient, student: Student) -> Container | None:
    """The container from which a check asks the stack, once the check has begun."""
    for found in client.containers.list(filters={"name": f"{student.prefix}-asks-"}):
        if found.exec_run(["test", "-e", BEGUN]).exit_code == 0:
            return found
    return None


OWNED = {"student01": {"port_base": 25100, "subnet": "10.89.231.0/27"}}


@pytest.fixture
def owners(tmp_path: Path) -> Iterator[tuple[LabRunner, LabRunner]]:
    """The same class and student by the inventories of two owners; the first one's stack runs."""
    made = []
    for owner in ("first-owner", "second-owner"):
        folder = tmp_path / owner
        folder.mkdir()
        made.append(LabRunner(str(write_inventory(folder, "labowner", OWNED, lab_owner=owner)), "student01"))
    first, second = made
    try:
        first("provision")
        yield first, second
    finally:
        if first.run("destroy", "--yes").code != 0:
            second("destroy", "--yes")


def test_a_stack_of_another_owner_is_refused_until_it_is_taken_over(owners: tuple[LabRunner, LabRunner]) -> None:
    first, second = owners
    there = containers(first)
    for task in (("provision",), ("suspend",), ("snapshot", "--name", "not-mine"), ("destroy", "--yes")):
        ran = second.run(*task)
        assert ran.code == 2, (task, ran)
        assert "first-owner" in ran.err, task
        assert "second-owner" in ran.err, task
    assert containers(first) == there

    second("provision", "--take-over")
    assert first.run("suspend").code == 2
    assert "0 changed" in second("provision")
