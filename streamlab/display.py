"""The display of a long run: the running stages, their elapsed time and progress, and about how much time is left.

On a terminal these are a few lines that rewrite themselves (rich); elsewhere a plain line now and then.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from streamlab import estimate
from streamlab.estimate import UNKNOWN, time_left
from streamlab.ui import redirect_output

if TYPE_CHECKING:
    from rich.console import Group
    from rich.live import Live

#: Seconds between two lines where there is no terminal.
PLAIN_SECONDS = 20
TICK_SECONDS = 0.25


@dataclass
class Running:
    """A running stage: when it began, and its latest progress."""

    began: float = field(default_factory=lambda: time.monotonic())
    doing: str = ""

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began


def minutes(seconds: float) -> str:
    """``0:05``, ``12:30``."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


class Display:
    """One display for a whole run.

    Args:
        plan: the stages that follow one another. One of them may turn out to be a graph of stages of its own.
    """

    def __init__(self, plan: Sequence[str]) -> None:
        self._usual = estimate.usual()
        self._plan = list(plan)
        self._outer: str | None = None
        self._running: dict[str, Running] = {}
        self._inner: dict[str, Collection[str]] = {}
        self._at_once = 1
        #: Stages that were graphs: their inner stages have been counted, so they take no further time.
        self._counted: set[str] = set()
        self._taken = self._expected = 0.0
        self._seconds: dict[str, float] = {}
        self._began = self._told = time.monotonic()
        self._ticker: tuple[threading.Thread, threading.Event] | None = None
        self._begun = False
        self._live: Live | None = None

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show it while the block runs, from the first stage on; keep what was learnt of the stages that were done."""
        try:
            yield
        finally:
            if self._live:
                self._live.update("", refresh=True)
                self._live.stop()
            if self._seconds:
                estimate.learn(self._seconds)

    def _start(self) -> None:
        from rich.console import Console
        from rich.live import Live

        console = Console(highlight=False)
        if console.is_terminal:
            self._live = Live(console=console, auto_refresh=False, transient=True)
            self._live.start()

    # The output and progress of a stage in this process.

    def write_line(self, text: str) -> None:
        print(text, flush=True)  # rich prints it above the display

    def show_progress(self, text: str) -> None:
        if self._outer:
            self.note(self._outer, text)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """One stage of the plan, in this process."""
        self._outer = name
        if name in self._plan:
            self._plan = self._plan[self._plan.index(name) + 1 :]
        self.begin(name)
        try:
            with redirect_output(self), self._ticking():
                yield
        except BaseException:
            self._running.pop(name, None)
            raise
        finally:
            self._outer = None
        self.end(name)

    @contextmanager
    def graph(self, after: Mapping[str, Collection[str]], at_once: int) -> Iterator[None]:
        """The current stage is a graph of stages, which are reported with `begin`, `note`, `end` and `refresh`.

        No thread of the display runs meanwhile, so that processes can be forked.
        """
        outer, self._inner, self._at_once = self._outer, dict(after), at_once
        began = self._running.pop(outer, None) if outer is not None else None
        self._stop_ticking()
        try:
            yield
        finally:
            self._inner = {}
            if outer is not None:
                self._counted.add(outer)
                if began:
                    self._running[outer] = began
                    self._start_ticking()

    def begin(self, name: str) -> None:
        if not self._begun:
            self._begun = True
            self._start()
        self._running[name] = Running()
        self.refresh()

    def note(self, name: str, text: str) -> None:
        if name in self._running:
            self._running[name].doing = text

    def end(self, name: str) -> float:
        """A stage is done; the seconds that it took."""
        seconds = self._running.pop(name).seconds
        self._inner.pop(name, None)
        if seconds >= 1:  # else it found that there was nothing to do
            self._seconds[name] = seconds
            if name not in self._counted:
                self._taken += seconds
                self._expected += self._usual.get(name, UNKNOWN)
        self.refresh()
        return seconds

    def left(self) -> float:
        """About how many seconds the run still takes."""
        pace = min(4.0, max(0.25, self._taken / self._expected)) if self._expected else 1.0
        done = {name: running.seconds for name, running in self._running.items()}
        rest = {
            name: max(1.0, pace * self._usual.get(name, UNKNOWN) - done.get(name, 0.0))
            for name in {*self._inner, *done}
        } | dict.fromkeys(self._counted, 0.0)
        graph = self._inner or dict.fromkeys(self._running, ())
        later = sum(pace * self._usual.get(name, UNKNOWN) for name in self._plan)
        return time_left(graph, rest, self._at_once) + later

    def refresh(self) -> None:
        now = time.monotonic()
        if self._live:
            self._live.update(self._picture(), refresh=True)
        elif now - self._told >= PLAIN_SECONDS and self._running:
            self._told = now
            doing = (f"{name} ({one.doing})" if one.doing else name for name, one in self._running.items())
            print(f"  {self._clock()}: {', '.join(doing)}", flush=True)

    def _clock(self) -> str:
        return f"{minutes(time.monotonic() - self._began)}, about {minutes(self.left())} left"

    def _picture(self) -> Group:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid(padding=(0, 2))
        for name, one in list(self._running.items()):
            grid.add_row(f"  {name}", minutes(one.seconds), Text(one.doing, overflow="ellipsis", no_wrap=True))
        return Group(grid, Text(f"  {self._clock()}", style="bold"))

    @property
    def busy(self) -> bool:
        """Whether a stage runs."""
        return bool(self._running)

    @contextmanager
    def _ticking(self) -> Iterator[None]:
        self._start_ticking()
        try:
            yield
        finally:
            self._stop_ticking()

    def _start_ticking(self) -> None:
        ended = threading.Event()

        def tick() -> None:
            while not ended.wait(TICK_SECONDS):
                self.refresh()

        self._ticker = threading.Thread(target=tick, daemon=True), ended
        self._ticker[0].start()

    def _stop_ticking(self) -> None:
        if self._ticker:
            thread, ended = self._ticker
            self._ticker = None
            ended.set()
            thread.join()


_current: ContextVar[Display | None] = ContextVar("display", default=None)


@contextmanager
def whole(*plan: str, shown: bool = True) -> Iterator[None]:
    """A run of stages that follow one another, with one display; inside another one it is a part of that."""
    if _current.get() is not None or not shown:
        yield
        return
    display = Display(plan)
    token = _current.set(display)
    try:
        with display.shown():
            yield
    finally:
        _current.reset(token)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """One stage of the current run, if there is a run and none of its stages is running already."""
    display = _current.get()
    if display is None or display.busy:
        yield
    else:
        with display.stage(name):
            yield


def current() -> Display:
    """The display of the run; there is one inside `whole`."""
    display = _current.get()
    if display is None:
        raise RuntimeError("no run has begun")
    return display
