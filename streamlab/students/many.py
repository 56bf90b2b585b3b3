"""One command for many students: a bounded number at a time, one line each, and the others go on when one fails."""

from __future__ import annotations

import sys
import textwrap
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any, Protocol

from docker.errors import DockerException

from streamlab.errors import LabError
from streamlab.interrupt import Interrupt, hearing
from streamlab.students.topology import by_docker_host
from streamlab.ui import progress, say, unheard

#: Stacks of one Docker host that are worked on at the same time, where the work is short and takes little memory.
AT_ONCE = 4
#: Characters of a failure's cause in its line; the whole of it is told at the end.
CAUSE = 160


class Placed(Protocol):
    """A student, or what is left of one."""

    name: str
    docker_host: str


@dataclass(frozen=True)
class Outcome:
    """What came of one student's turn; with neither an error nor the interrupt it is done."""

    name: str
    seconds: float
    said: str = ""
    answer: Any = None
    error: LabError | None = None
    interrupted: bool = False


def run(
    ones: Sequence[Placed],
    do: Callable[[Any], object],
    *,
    what: str,
    at_once: Callable[[str], int] = lambda docker_host: AT_ONCE,
    tell: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Outcome]:
    """`do` for every one; `tell` hears of each as it is done.

    Ctrl-C ends what runs as it ends a single one, and begins no other.

    Args:
        at_once: Docker host -> how many of its students have their turn at the same time.
    """
    ears = {id(one): Interrupt() for one in ones}  # all of them before the first turn: Ctrl-C may come at any moment
    turns: list[Future[Outcome]] = []
    with ExitStack() as stack, progress(what, elsewhere=False) as line:

        def heard(futures: Iterable[Future[Outcome]]) -> None:
            for number, future in enumerate(futures, start=1):
                outcome = future.result()
                line.close()
                tell(outcome)
                line.update(f"{number} of {len(ones)} are done")

        pools = []
        try:
            line.update(f"{len(ones)} to do")
            for docker_host, group in by_docker_host(ones):
                pools.append(stack.enter_context(ThreadPoolExecutor(at_once(docker_host))))
                turns += (pools[-1].submit(_turn, do, one, ears[id(one)]) for one in group)
            heard(as_completed(turns))
        except BaseException:
            for pool in pools:
                pool.shutdown(wait=False, cancel_futures=True)
            heard(_interrupted(turns, ears.values()))
            raise
    return [turn.result() for turn in turns]


def _turn(do: Callable[[Any], object], one: Placed, ear: Interrupt) -> Outcome:
    began, answer, error, interrupted = time.monotonic(), None, None, False
    with unheard() as said, hearing(ear):
        try:
            answer = do(one)
        except KeyboardInterrupt:
            interrupted = True
        except LabError as caught:
            error = caught
        except (DockerException, OSError) as caught:  # the engine, or the way to it, broke down meanwhile
            error = LabError(
                f"{one.name}: the Docker host {one.docker_host} did not do what it was asked",
                evidence=str(caught),
                fix="invoke doctor looks for the cause",
            )
    return Outcome(one.name, time.monotonic() - began, said[-1].strip() if said else "", answer, error, interrupted)


def _interrupted(turns: Sequence[Future[Outcome]], ears: Collection[Interrupt]) -> list[Future[Outcome]]:
    """Interrupt every turn until none runs; those that were running."""
    running = [turn for turn in turns if not turn.done()]
    left = set(running)
    while True:
        for ear in ears:
            with suppress(DockerException, OSError):  # an engine that is gone runs nothing either
                ear.interrupt()
        if not left:
            return running
        left = wait(left, timeout=1).not_done


def each(
    ones: Sequence[Placed],
    do: Callable[[Any], object],
    *,
    what: str,
    at_once: Callable[[str], int] = lambda docker_host: AT_ONCE,
) -> None:
    """`do` for every one, told in a line each and summed up. Of a single one everything is told, as it happens.

    Raises:
        LabError: it failed for some, each of whose errors has been told; for the others it is done.
    """
    if len(ones) == 1:
        do(ones[0])
        return
    began = time.monotonic()
    outcomes = run(ones, do, what=what, at_once=at_once, tell=lambda outcome: say(describe(outcome)))
    failed = [outcome for outcome in outcomes if outcome.error]
    say(f"{what}: {len(ones) - len(failed)} of {len(ones)} students done in {time.monotonic() - began:.1f} s")
    for outcome in failed:
        print(f"\n{outcome.name}\n{outcome.error}", file=sys.stderr)
    if failed:
        print(file=sys.stderr)
        names = [outcome.name for outcome in failed]
        raise LabError(
            f"{what}: {len(failed)} of {len(ones)} students failed",
            evidence=", ".join(names),
            fix=f"mend the causes above, then repeat it for them alone: --limit {','.join(names)}",
        )


def describe(outcome: Outcome) -> str:
    """One student's line: the name, what came of it, how long it took, and the last word or the cause."""
    verdict = "FAILED" if outcome.error else "ENDED" if outcome.interrupted else "done"
    # What comes last in the evidence is nearest to the cause, as in a traceback.
    why = ": ".join([outcome.error.what, *outcome.error.evidence[-1:]]) if outcome.error else outcome.said
    return f"{outcome.name:13} {verdict:6} {outcome.seconds:6.1f} s  {textwrap.shorten(why, CAUSE)}".rstrip()
