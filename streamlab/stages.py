"""A graph of stages: independent stages run in parallel, and each stage runs only once.

Each stage is a process, not a thread: Ctrl-C, an error and a deadline end it exactly as they would if it ran alone,
whatever it waits for.
"""

from __future__ import annotations

import multiprocessing
import signal
import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from graphlib import TopologicalSorter
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from streamlab import display, estimate
from streamlab.cancel import cancelled_by_signals
from streamlab.errors import LabError
from streamlab.ui import redirect_output

#: Seconds a stage has to clean up after it is asked to end, before it is killed.
GRACE_SECONDS = 15


@dataclass(frozen=True)
class Stage:
    """A piece of work that begins when the stages in `after` are done. Names of no stage count as done."""

    name: str
    work: Callable[[], object]
    after: Collection[str] = ()


class _PipeSink:
    """In a stage's process: sends its output and progress to the parent, which shows them."""

    def __init__(self, to: Connection) -> None:
        self._to = to

    def write_line(self, text: str) -> None:
        self._to.send(("said", text))

    def show_progress(self, text: str) -> None:
        self._to.send(("doing", text))


def run(stages: Sequence[Stage], *, at_once: int) -> None:
    """Run all stages, up to `at_once` in parallel; those with the longest path to the end start first.

    Raises:
        LabError: a stage failed; the other running stages were ended as by Ctrl-C, and no new one was started.
    """
    after = {
        stage.name: [name for name in stage.after if any(name == other.name for other in stages)] for stage in stages
    }
    work = {stage.name: stage.work for stage in stages}
    way = _ways(after, estimate.usual())
    with display.whole(), cancelled_by_signals():
        board = display.current()
        with board.graph(after, at_once):
            _run(after, work, way, at_once, board)


def _run(
    after: Mapping[str, Collection[str]],
    work: Mapping[str, Callable[[], object]],
    way: Mapping[str, float],
    at_once: int,
    board: display.Display,
) -> None:
    graph = TopologicalSorter(after)
    graph.prepare()
    ready: list[str] = []
    running: dict[Connection, tuple[str, BaseProcess]] = {}
    try:
        while graph.is_active():
            ready = sorted([*ready, *graph.get_ready()], key=lambda name: -way[name])
            while ready and len(running) < at_once:
                name = ready.pop(0)
                ours, process = _begun(work[name])
                running[ours] = name, process
                board.begin(name)
            spoke = wait(list(running), display.TICK_SECONDS)
            for ours in [one for one in running if one in spoke]:
                name, process = running[ours]
                kind, value = _received(ours, name)
                if kind == "said":
                    board.write_line(value)
                elif kind == "doing":
                    board.note(name, value)
                elif kind == "failed":
                    raise value
                else:
                    del running[ours]
                    ours.close()
                    process.join()
                    board.end(name)
                    graph.done(name)
            board.refresh()
    finally:
        _end([process for _, process in running.values()])


def _ways(after: Mapping[str, Collection[str]], seconds: Mapping[str, float]) -> dict[str, float]:
    """Each stage's usual seconds plus those of the longest path from it to the end."""
    ways: dict[str, float] = {}
    for name in reversed(list(TopologicalSorter(after).static_order())):
        later = (ways[other] for other, needs in after.items() if name in needs)
        ways[name] = seconds.get(name, estimate.UNKNOWN) + max(later, default=0.0)
    return ways


def _begun(work: Callable[[], object]) -> tuple[Connection, BaseProcess]:
    context = multiprocessing.get_context("fork")  # there is no other thread, and the work needs no name of its own
    ours, theirs = context.Pipe(duplex=False)
    # A daemon: one that Ctrl-C leaves without a name between here and its place in `running` ends with this process.
    process = context.Process(target=_child, args=(work, theirs), daemon=True)
    process.start()
    theirs.close()
    return ours, process


def _child(work: Callable[[], object], to: Connection) -> None:
    def interrupt(*_: object) -> None:
        for number in (signal.SIGTERM, signal.SIGHUP):  # what it does to clean up is not interrupted again
            signal.signal(number, lambda *_: None)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C on a terminal reaches all of us: the parent ends its own
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    last: tuple[str, object] = ("done", None)
    try:
        with redirect_output(_PipeSink(to)):
            work()
    except KeyboardInterrupt:
        return
    except LabError as error:
        last = ("failed", error)
    except Exception:
        last = ("failed", RuntimeError(traceback.format_exc()))
    with suppress(BrokenPipeError):
        to.send(last)


def _received(ours: Connection, name: str) -> tuple[str, Any]:
    try:
        return ours.recv()
    except EOFError:
        return "failed", LabError(f"{name} ended without an answer", evidence="its process was killed", fix="try again")


def _end(processes: Collection[BaseProcess]) -> None:
    """Let running processes clean up and end; kill those that do not."""
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(GRACE_SECONDS)
        if process.is_alive():
            process.kill()
            process.join()
