"""Send SIGHUP to a terminal's programs once that terminal is gone: ``python3 -c SOURCE MARK``.

The engine neither ends what a client had it run nor closes its terminal when the client goes away. So this does what a
kernel does where it knows that a terminal was closed: it sends SIGHUP to the session's leader, whose shell hands it on
to its jobs, and to what runs in the foreground. What was made to outlive a terminal (`nohup`, `disown`, `setsid`,
`tmux`) does so here too. It stands alone: a node is sent its source.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

#: Seconds that a process has to end after SIGHUP, and after SIGTERM. A Spark driver says goodbye to YARN first.
SECONDS = 10
PAUSE = 0.1


@dataclass(frozen=True)
class Process:
    """One process as /proc has it; `foreground` is the group that reads from its terminal."""

    pid: int
    state: str
    parent: int
    group: int
    session: int
    foreground: int
    ignores_hangup: bool


def parsed(stat: str, status: str) -> Process:
    """What /proc/PID/stat and /proc/PID/status say. A program's name, in brackets, may hold anything."""
    pid = int(stat.partition(" ")[0])
    state, parent, group, session, _, foreground = stat.rpartition(")")[2].split()[:6]
    (ignored,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigIgn:"))
    hangup = bool(int(ignored, 16) & 1 << signal.SIGHUP - 1)
    return Process(pid, state, int(parent), int(group), int(session), int(foreground), hangup)


def leader(processes: Iterable[Process], marked: Iterable[int]) -> Process | None:
    """What the engine itself started with the mark; whoever inherited it has a parent in the container."""
    return next((process for process in processes if process.parent == 0 and process.pid in marked), None)


def hung_up_on(processes: Iterable[Process], leader: Process) -> list[int]:
    """The pids of the session's leader and of its foreground, without what ignores the end of a terminal."""
    return [
        process.pid
        for process in processes
        if process.session == leader.session
        and (process.pid == leader.pid or process.group == leader.foreground)
        and not process.ignores_hangup
        and process.state != "Z"  # it has ended, and its parent has not asked yet
    ]


def _processes() -> Iterator[Process]:
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has just ended
            yield parsed((place / "stat").read_text(errors="replace"), (place / "status").read_text(errors="replace"))


def _marked(mark: bytes) -> Iterator[int]:
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark in (place / "environ").read_bytes().split(b"\0"):
                yield int(place.name)


def main(mark: str) -> None:
    found = leader(list(_processes()), set(_marked(os.fsencode(mark))))
    if found is None:
        return  # it ended by itself
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGKILL):
        for pid in hung_up_on(_processes(), found):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
                os.kill(pid, signal.SIGCONT)  # what is stopped hears of it too
        ends = time.monotonic() + SECONDS
        while hung_up_on(_processes(), found):
            if time.monotonic() > ends:
                break
            time.sleep(PAUSE)
        else:
            return


if __name__ == "__main__":
    main(sys.argv[1])
