"""The control program while it runs: on a terminal of its own, watched through the engine until a stage has come."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

import pexpect

from lab_runner import ROOT, LabRunner
from streamlab.engines import engine
from streamlab.students import inventory

STAGE_SECONDS = 120
END_SECONDS = 200
#: What a shell reports for a program that a signal ended.
EXIT_STATUS = {signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGKILL: 137}

#: The name of a stack's lock, as of the other containers, without what all names of the stack begin with.
LOCK = "lock"
CARRIER = "carrier"


@dataclass(frozen=True)
class Container:
    """What the engine says of one container."""

    id: str
    state: str


@dataclass(frozen=True)
class Moment:
    """A stack's containers by name: before the command began, and now. `stopped`: a node was seen not to run."""

    before: Mapping[str, Container]
    now: Mapping[str, Container]
    stopped: bool

    @property
    def nodes(self) -> set[str]:
        """Names of the nodes that were there before."""
        return self.before.keys() - {LOCK, CARRIER}

    @property
    def all_run(self) -> bool:
        return all(name in self.now and self.now[name].state == "running" for name in self.nodes)

    @property
    def made_anew(self) -> set[str]:
        """Names of the nodes that have another container than before."""
        return {name for name in self.nodes if self.has_new(name)}

    def has_new(self, name: str) -> bool:
        """Whether there is a container of this name that was made since; a killed command may have left one before."""
        return name in self.now and (name not in self.before or self.now[name].id != self.before[name].id)


Stage = Callable[[Moment], bool]


def containers(lab: LabRunner) -> dict[str, Container]:
    """All containers of a student's stack by name, its lock and its carrier among them."""
    student = inventory.load(lab.inventory).student(lab.student)
    prefix = f"/{student.prefix}-"
    with engine.connect(student.docker_host) as client:
        found = client.api.containers(all=True, filters={"name": f"^{prefix}"})
    return {one["Names"][0].removeprefix(prefix): Container(one["Id"], one["State"]) for one in found}


class Command:
    """One task on a terminal."""

    def __init__(self, lab: LabRunner, task: str, *arguments: str) -> None:
        self.lab, self.before = lab, containers(lab)
        # Whatever started the tests may ignore these signals, and what it starts would do so too.
        words = ["--default-signal=INT,TERM,HUP", *lab.command(task, *arguments)]
        self._child = pexpect.spawn(
            "env", words, cwd=str(ROOT), dimensions=(50, 200), encoding="utf-8", codec_errors="replace"
        )
        self.output = ""

    def is_running(self) -> bool:
        """Read what came, so that the program never waits for a reader; whether it runs."""
        with suppress(pexpect.TIMEOUT, pexpect.EOF):
            while True:
                self.output += self._child.read_nonblocking(4096, timeout=0)
        return self._child.isalive()

    def await_stage(self, stage: Stage) -> None:
        """Wait until the stack is in a stage of the command."""
        ends, stopped = time.monotonic() + STAGE_SECONDS, False
        while True:
            running, now = self.is_running(), containers(self.lab)
            moment = Moment(self.before, now, stopped)
            stopped |= any(now[name].state != "running" for name in moment.nodes if name in now)
            if stage(replace(moment, stopped=stopped)):
                assert running, f"it ended before it could be met in the stage:\n{self.output}"
                return
            assert running, f"it ended before the stage came:\n{self.output}"
            assert time.monotonic() < ends, f"the stage did not come in {STAGE_SECONDS} s:\n{self.output}"
            time.sleep(0.05)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program alone, as `kill` does."""
        self._child.kill(number)

    def end(self) -> int:
        """Wait for the end; the exit status as a shell has it."""
        ends = time.monotonic() + END_SECONDS
        while self.is_running():
            assert time.monotonic() < ends, f"it did not end in {END_SECONDS} s:\n{self.output}"
            time.sleep(0.05)
        number = self._child.signalstatus
        return self._child.exitstatus if number is None else 128 + number

    @contextmanager
    def held(self) -> Iterator[None]:
        """The program and what it has started stand still for the length of a block."""
        group = self._child.pid  # its own, since it has a terminal
        os.killpg(group, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(group, signal.SIGCONT)

    def close(self) -> None:
        """Kill it, with what it has started, if it still runs."""
        if self.is_running():
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.close(force=True)


@contextmanager
def begun(lab: LabRunner, task: str, *arguments: str) -> Iterator[Command]:
    """One task while it runs; killed where the block is left before it has ended."""
    command = Command(lab, task, *arguments)
    try:
        yield command
    finally:
        command.close()
