"""Faults: what is killed, stopped or gone, and what comes back. Tests make the stacks that they break."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from streamlab.engines import engine

START_SECONDS = 60
STOP_SECONDS = 90


@dataclass
class Engine:
    """A Docker Engine of our own, with a network namespace of its own: like another machine's, and as easily gone.

    Two engines in one namespace would share their chains of iptables: the one that starts second throws away the
    first one's rules, and with them what keeps its networks apart.
    """

    folder: Path
    process: subprocess.Popen | None = field(default=None)

    @property
    def docker_host(self) -> str:
        return f"unix://{self.folder}/docker.sock"

    @property
    def log(self) -> Path:
        return self.folder / "dockerd.log"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = {
            "host": self.docker_host,
            "data-root": f"{self.folder}/data",
            "exec-root": f"{self.folder}/exec",
            "pidfile": f"{self.folder}/docker.pid",
        }
        daemon = " ".join(["exec dockerd", *(f"--{name}={value}" for name, value in options.items())])
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                ["unshare", "--net", "sh", "-c", f"ip link set lo up && {daemon}"],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        ends = time.monotonic() + START_SECONDS
        while not engine.answers(self.docker_host):
            words = self.log.read_text()[-2000:]
            assert self.process.poll() is None, f"the engine ended\n{words}"
            assert time.monotonic() < ends, f"the engine did not answer within {START_SECONDS} s\n{words}"
            time.sleep(0.2)

    def stop(self) -> None:
        """Stop it with all its containers, as a machine that is shut down does."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=STOP_SECONDS)
            self.process = None


@contextmanager
def running_engine() -> Iterator[Engine]:
    """An empty engine that runs meanwhile; its folder goes with it. It takes root."""
    assert os.geteuid() == 0, "an engine of our own takes root: sudo ./lab test --only faults"
    with tempfile.TemporaryDirectory(prefix="streamlab-engine-") as folder:
        made = Engine(Path(folder))
        try:
            made.start()
            yield made
        finally:
            made.stop()


@pytest.fixture(scope="session")
def second_engine() -> Iterator[Engine]:
    """One for all tests of a run that have students on two."""
    with running_engine() as made:
        yield made
