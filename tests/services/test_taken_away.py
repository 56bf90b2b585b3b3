"""A service that an application uses stays in the stack, whatever the inventory says by then."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab_runner import LabRunner
from streamlab.engines import engine, labelled
from streamlab.students import inventory

FLINK = """
CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1');
CREATE TABLE nowhere (n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO nowhere SELECT n FROM numbers;
"""
JOB = """\
title: A job that says that it needs HBase
services: [hbase]
steps:
  wait: {title: Wait, preset: tiny, timeout: 600}
"""
WAIT = """\
import time


def run(spark, settings):
    time.sleep(600)
"""
START_SECONDS = 120


@pytest.fixture
def job(tmp_path: Path) -> Path:
    folder = tmp_path / "waiting"
    folder.mkdir()
    for name, text in {"__init__.py": "", "job.yml": JOB, "wait.py": WAIT}.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def running(lab: LabRunner, request: pytest.FixtureRequest, job: Path) -> Iterator[tuple[str, str]]:
    """A service, and an application that uses it."""
    service = request.param
    if service == "flink":
        lab.inside(f"cat >/home/student/endless.sql <<'END'\n{FLINK}\nEND")
        said = lab.inside("sql-client.sh -f /home/student/endless.sql -Dexecution.target=yarn-application")
    else:
        said = lab("submit", "--job", f"{job}/wait", "--detach")
    app_id = re.search(r"application_\d+_\d+", said)[0]
    try:
        await_running(lab, app_id)
        yield service, app_id
    finally:
        lab.inside(f"yarn application -kill {app_id}")


def state(lab: LabRunner, app_id: str) -> str:
    said = lab.inside(f"curl -sf http://resourcemanager:8088/ws/v1/cluster/apps/{app_id}/state")
    return re.search(r"[A-Z]+", said.partition(":")[2])[0]


def await_running(lab: LabRunner, app_id: str) -> None:
    ends = time.monotonic() + START_SECONDS
    while (found := state(lab, app_id)) != "RUNNING":
        assert time.monotonic() < ends, found
        time.sleep(1)


def containers(lab: LabRunner) -> dict[str, str]:
    """The stack's nodes, and which container each is."""
    student = inventory.load(lab.inventory).student(lab.student)
    with engine.connect(student.docker_host) as client:
        return {name: one.id for name, one in labelled.summaries(client, student).items()}


@pytest.mark.parametrize("running", ["flink", "hbase"], indirect=True)
@pytest.mark.parametrize("options", [(), ("--check",)], ids=["provision", "check"])
def test_what_an_application_uses_is_not_taken_away(
    lab: LabRunner, without: LabRunner, running: tuple[str, str], options: tuple[str, ...]
) -> None:
    service, app_id = running
    before = containers(lab)
    refused = without.run("provision", *options)
    assert refused.code == 2, refused
    assert re.search(rf"^  {app_id} \S.* uses {service}$", refused.err, re.M), refused
    assert f'--command "yarn application -kill {app_id}"' in refused.err
    assert (containers(lab), state(lab, app_id)) == (before, "RUNNING")
