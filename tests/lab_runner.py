"""One real stack for all tests of a run: provisioned once, destroyed at the end.

Everything is asked the way a user asks: by `./lab …` as a process of its own. STREAMLAB_TEST_INVENTORY and
STREAMLAB_TEST_STUDENT name a stack that already exists; then nothing is destroyed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Ran:
    """What a command printed, and its exit status."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class LabRunner:
    """Runs `./lab` for one student of one inventory."""

    inventory: str
    student: str

    def command(self, task: str, *arguments: str, student: bool = True) -> list[str]:
        """The command line of one task."""
        where = ["--inventory", self.inventory, *(["--student", self.student] if student else [])]
        return [str(ROOT / "lab"), task, *where, *arguments]

    def run(self, task: str, *arguments: str, seconds: int = 900, student: bool = True) -> Ran:
        """Run one task and wait for it, whatever its exit status."""
        command = self.command(task, *arguments, student=student)
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL, check=False
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def begun(self, task: str, *arguments: str, student: bool = True) -> Iterator[subprocess.Popen[str]]:
        """One task while it runs, in a terminal's place: `press_ctrl_c` reaches it and what it has started.

        Whatever started the tests may ignore Ctrl-C, and what it starts would do so too.
        """
        process = subprocess.Popen(
            ["env", "--default-signal=INT", *self.command(task, *arguments, student=student)],
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()

    @contextmanager
    def provisioned(self) -> Iterator[str]:
        """The class's stacks for the length of a block; what provision said.

        They are made anew: a run of tests that was cut off may have left some, with what it had running.
        """
        self("images", seconds=2400, student=False)  # the engine too, on a machine that has none
        self("destroy", "--yes", student=False)
        try:
            yield self("provision", student=False)
        finally:
            self("destroy", "--yes", student=False)

    def __call__(self, task: str, *arguments: str, seconds: int = 900, student: bool = True) -> str:
        """Run one task that must succeed, and return what it printed."""
        ran = self.run(task, *arguments, seconds=seconds, student=student)
        assert ran.code == 0, f"{task} {arguments} exited {ran.code}\n{ran.out[-3000:]}\n{ran.err[-3000:]}"
        return ran.out

    def inside(self, command: str, *, node: str = "edge", seconds: int = 180) -> str:
        """The standard output of a shell command in a node, which must succeed."""
        return self("shell", "--node", node, "--command", command, seconds=seconds)

    def check(self, job: str) -> dict[str, Any]:
        """A lesson's check as data; whether it passed is in it."""
        return json.loads(self.run("check", "--job", job, "--json").out)

    def wrong(self, job: str) -> dict[str, dict[str, Any]]:
        """The assertions of a lesson's check that do not hold, by name."""
        return {one["name"]: one for one in self.check(job)["assertions"] if not one["passed"]}


def press_ctrl_c(process: subprocess.Popen[str]) -> Ran:
    """Interrupt a task that has begun, and wait until it has ended."""
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=200)
    return Ran(process.returncode, out, err)


def until(holds: Callable[[], bool], what: str, *, seconds: float = 300) -> None:
    """Wait for something, at most so long."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not in {seconds:.0f} s: {what}"
        time.sleep(1)


def write_inventory(folder: Path, lab_class: str, students: Mapping[str, Mapping[str, Any]], **settings: Any) -> Path:
    """An inventory of a test's own: `students` by name with their variables, `settings` for all of them.

    Sizes, limits and pages are those of every inventory (inventory/group_vars).
    """
    shared = folder / "group_vars"
    if not shared.exists():
        shared.symlink_to(ROOT / "inventory" / "group_vars", target_is_directory=True)
    groups = {
        "docker_hosts": {"hosts": {"this_machine": {"ansible_connection": "local"}}},
        "students": {"hosts": {name: dict(values) for name, values in students.items()}},
    }
    file = folder / f"{lab_class}.yml"
    text = yaml.safe_dump({"all": {"vars": {"lab_class": lab_class, **settings}, "children": groups}}, sort_keys=False)
    file.write_text(text, encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def lab() -> Iterator[LabRunner]:
    own = os.environ.get("STREAMLAB_TEST_INVENTORY")
    runner = LabRunner(
        own or str(ROOT / "inventory" / "test.yml"), os.environ.get("STREAMLAB_TEST_STUDENT", "student01")
    )
    if own:
        yield runner
        return
    with runner.provisioned():
        yield runner
