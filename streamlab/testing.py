"""`./lab test`: the tests by what is real in them: nothing, Spark inside its image, a whole stack."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import docker

from streamlab.building import images
from streamlab.engines import engine, inside
from streamlab.errors import LabError, unknown
from streamlab.lessons.bundle import files_below
from streamlab.paths import JOBS, ROOT
from streamlab.stacks.provision import ensure_engines, ensure_images
from streamlab.students import inventory
from streamlab.ui import say

ORDINARY = ("unit", "jobs", "cluster")

#: What takes too long for every change: each lesson run, repeated, broken and killed on a real stack; each handout
#: followed from its first command to its last; seat: each lesson as a student types it, without any help of the lab;
#: faults: what is killed, stopped or gone, and what comes back; a larger stack whose workers go and come.
KINDS = (*ORDINARY, "lessons", "course", "seat", "faults", "larger")

#: What pytest is given where that is more than the kind's own folder. A short part of the sessions at a seat runs every
#: time, on the stack that the kind `cluster` makes; all of them end with the seconds that each took.
PYTEST_ARGUMENTS = {
    "cluster": ("tests/cluster", "tests/seat/test_start.py"),
    "seat": ("tests/seat", "--durations=0", "--durations-min=0.1"),
}

#: The tests' own class: its stacks stand beside a user's without touching them.
INVENTORY = ROOT / "inventory" / "test.yml"
DOCKER_PID = Path("/run/docker.pid")
JOB_TEST_SECONDS = 1200


def test(only: str | None) -> None:
    """Run the tests of one kind, or of all ordinary ones.

    An engine that had to be started for them, on a machine where nobody else would stop it, is stopped again.

    Raises:
        LabError: a test failed.
    """
    if only and only not in KINDS:
        raise unknown("kind of test", only, KINDS, usage="--only {}")
    lab = inventory.load(INVENTORY)
    kinds = [only] if only else list(ORDINARY)
    started = kinds != ["unit"] and ensure_engines(lab, lab.students)
    try:
        failures = [kind for kind in kinds if not _run(kind, lab.students[0].docker_host)]
    finally:
        if started and not Path("/run/systemd/system").exists():
            stop_engine()
    if failures:
        raise LabError(f"tests failed: {', '.join(failures)}", evidence="pytest's own words are above", fix="mend them")


def _run(kind: str, docker_host: str) -> bool:
    say(f"\n== {kind} tests")
    began = time.monotonic()
    passed = _in_image(docker_host) if kind == "jobs" else _here(kind)
    say(f"{kind} tests: {'passed' if passed else 'FAILED'} in {time.monotonic() - began:.0f} s")
    return passed


def pytest_command(kind: str) -> list[str]:
    """What runs the tests of one kind on this machine."""
    return [sys.executable, "-m", "pytest", *PYTEST_ARGUMENTS.get(kind, (f"tests/{kind}",))]


def _here(kind: str) -> bool:
    return subprocess.run(pytest_command(kind), cwd=ROOT, check=False).returncode == 0


def _in_image(docker_host: str) -> bool:
    """Run tests/jobs inside the spark image: the versions under test are the cluster's, whatever this machine has."""
    ensure_images(docker_host)
    files = {**files_below(JOBS, under="jobs"), **files_below(ROOT / "tests" / "jobs", under="tests/jobs")}
    files["pyproject.toml"] = (ROOT / "pyproject.toml").read_bytes()
    command = ["timeout", str(JOB_TEST_SECONDS), "python3", "-m", "pytest", "-p", "no:cacheprovider", "tests/jobs"]
    with engine.connect(docker_host) as client:
        container = client.containers.create(
            images.image_tags()["spark"], command, working_dir="/tmp", init=True, network_mode="none",
            labels={"streamlab.builder": "true"},
            environment={"PYTHONPATH": "/tmp/jobs", "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
        return _watch(container, files)


def _watch(container: docker.models.containers.Container, files: dict[str, bytes]) -> bool:
    try:
        inside.put_files(container, "/tmp", files)
        container.start()
        for chunk in container.logs(stream=True, follow=True):
            sys.stdout.write(chunk.decode("utf-8", "replace"))
            sys.stdout.flush()
        return container.wait()["StatusCode"] == 0
    finally:
        container.remove(force=True)


def stop_engine() -> None:
    """End the engine that the tests started, and wait until it has."""
    if not DOCKER_PID.exists():
        return
    pid = int(DOCKER_PID.read_text(encoding="utf-8"))
    os.kill(pid, signal.SIGTERM)
    ends = time.monotonic() + 60
    while DOCKER_PID.exists():
        if time.monotonic() > ends:
            raise LabError(
                "the Docker Engine that the tests started does not end", evidence=f"process {pid}", fix=f"kill {pid}"
            )
        time.sleep(0.2)
    say("stopped the engine that was started for the tests")
