"""One operation on the stacks of many students.

It runs for a bounded number of students of each Docker host at a time. Whatever goes wrong for one of them is that
one's error: the others go on, and the exit status tells. Ctrl-C, SIGTERM and SIGHUP end what runs as they would end a
single one, and begin no other.

Threads and tokens rather than a framework of tasks: Docker's SDK blocks, and only its own connections can be closed.
"""

from __future__ import annotations

import heapq
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from streamlab.cancel import CancelToken
from streamlab.engines import engine
from streamlab.errors import LabError, WrongRequest
from streamlab.stacks.operation import Access, Operation, act, admitted, unforeseen
from streamlab.students.docker_hosts import by_docker_host
from streamlab.ui import captured_output, progress, say

if TYPE_CHECKING:
    from streamlab.stacks.access import Target

#: Characters of a failure's cause in its line; the whole of it is printed at the end.
CAUSE = 160

T = TypeVar("T", bound="Target")


@dataclass(frozen=True)
class Outcome:
    """The result of one student's turn; it is done if there is neither an error nor a cancellation."""

    name: str
    seconds: float
    lines: Sequence[str] = ()
    answer: Any = None
    error: LabError | None = None
    cancelled: bool = False


@contextmanager
def admitted_all(targets: Sequence[T], operation: Operation) -> Iterator[tuple[list[T], list[Outcome]]]:
    """Act on many stacks together in the block, as a playbook does.

    Yields:
        the targets that are admitted, and the outcome of everybody's admission.
    """
    with ExitStack() as stack:
        lock = threading.Lock()

        def admit(target: T) -> None:
            entered = admitted(target, operation)
            entered.__enter__()
            with lock:
                stack.push(entered)

        def show(outcome: Outcome) -> None:
            for line in outcome.lines:
                say(line)

        outcomes = run(targets, admit, replace(operation, access=Access.READ), finished=show)
        yield [target for target, outcome in zip(targets, outcomes, strict=True) if not outcome.error], outcomes


def run(
    targets: Sequence[T],
    do: Callable[[T], Any],
    operation: Operation,
    *,
    finished: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Outcome]:
    """`do` for every target, in the order of `targets`; `finished` gets each outcome as it comes.

    Docker hosts that do not answer are found first, all at the same time, and cost nobody else's time.
    """
    silent = engine.unreachable(targets) if len(targets) > 1 else {}
    tokens = {id(one): CancelToken() for one in targets}  # before the first turn: Ctrl-C may come at any moment
    turns: dict[int, Future[Outcome]] = {}
    with ExitStack() as stack, progress(operation.name, elsewhere=False) as line:

        def show(futures: Iterable[Future[Outcome]]) -> None:
            for number, future in enumerate(futures, start=1):
                outcome = future.result()
                line.close()
                finished(outcome)
                line.update(f"{number} of {len(targets)} are done")

        pools = []
        try:
            line.update(f"{len(targets)} to do")
            for docker_host, group in by_docker_host(targets):
                unreached = silent.get(docker_host)
                bound = 1 if unreached or len(group) == 1 else operation.at_once(docker_host)
                pools.append(stack.enter_context(ThreadPoolExecutor(bound)))
                for one in group:
                    work = _unreached(unreached) if unreached else do
                    turns[id(one)] = pools[-1].submit(_turn, work, one, operation, tokens[id(one)])
            show(as_completed(turns.values()))
        except BaseException:
            for pool in pools:
                pool.shutdown(wait=False, cancel_futures=True)
            show(_cancelled(list(turns.values()), tokens.values()))
            raise
    return [turns[id(one)].result() for one in targets]


def repeat(
    targets: Sequence[T],
    do: Callable[[T], Any],
    operation: Operation,
    *,
    finished: Callable[[T, Outcome], float | None],
) -> None:
    """`do` for every target again and again; Ctrl-C or a signal ends what runs and is raised.

    A target that is slow holds back nobody else's turn, as far as its Docker host's number of turns allows.

    Args:
        finished: is given each outcome as it comes, and says after how many seconds the target has its next turn, or
            None if that was its last.
    """
    due = [(0.0, number) for number in range(len(targets))]  # a heap
    turns: dict[Future[Outcome], int] = {}
    tokens: dict[int, CancelToken] = {}
    with ExitStack() as stack:
        hosts = {host: operation.at_once(host) for host, _ in by_docker_host(targets)}
        pools = {host: stack.enter_context(ThreadPoolExecutor(bound)) for host, bound in hosts.items()}
        try:
            while due or turns:
                while due and due[0][0] <= time.monotonic():
                    number = heapq.heappop(due)[1]
                    one, tokens[number] = targets[number], CancelToken()
                    turns[pools[one.docker_host].submit(_turn, do, one, operation, tokens[number])] = number
                pause = max(0.0, due[0][0] - time.monotonic()) if due else None
                if not turns:
                    time.sleep(pause or 0.0)
                for future in wait(turns, pause, FIRST_COMPLETED).done:
                    number = turns.pop(future)
                    again = finished(targets[number], future.result())
                    if again is not None:
                        heapq.heappush(due, (time.monotonic() + again, number))
        except BaseException:
            for pool in pools.values():
                pool.shutdown(wait=False, cancel_futures=True)
            _cancelled(list(turns), tokens.values())
            raise


def _unreached(error: LabError) -> Callable[[Any], Any]:
    def fail(target: Target) -> None:
        raise error

    return fail


def _turn(do: Callable[[Any], Any], target: Target, operation: Operation, token: CancelToken) -> Outcome:
    began, answer, error, cancelled = time.monotonic(), None, None, False
    with captured_output() as lines:
        try:
            answer = act(do, target, operation, token=token)
        except KeyboardInterrupt:
            cancelled = True
        except LabError as caught:
            error = caught
        except BrokenPipeError as caught:  # of the engine: what this thread prints is captured
            error = unforeseen(target, operation, caught)
    return Outcome(target.name, time.monotonic() - began, tuple(lines), answer, error, cancelled)


def _cancelled(turns: Sequence[Future[Outcome]], tokens: Collection[CancelToken]) -> list[Future[Outcome]]:
    """Cancel every turn until none runs; those that were running."""
    running = [turn for turn in turns if not turn.done()]
    left = set(running)
    while True:
        for token in tokens:
            with suppress(OSError):  # an engine that is gone runs nothing either
                token.cancel()
        if not left:
            return running
        left = wait(left, timeout=1).not_done


def each(targets: Sequence[T], do: Callable[[T], Any], operation: Operation) -> None:
    """`do` for every target: a line each, and a summary. The output of a single one is shown as it comes.

    Raises:
        LabError: it failed for some, whose errors have been printed; the others are done.
    """
    if len(targets) == 1:
        act(do, targets[0], operation)
        return
    began = time.monotonic()
    outcomes = run(targets, do, operation, finished=lambda outcome: say(describe(outcome)))
    done = sum(outcome.error is None for outcome in outcomes)
    say(f"{operation.name}: {done} of {len(targets)} students done in {time.monotonic() - began:.1f} s")
    require_done(outcomes, operation)


def require_done(outcomes: Sequence[Outcome], operation: Operation) -> None:
    """Print the errors of those for whom it failed, and raise one that names them.

    Raises:
        WrongRequest: it was wrong for everybody.
        LabError: it failed for some.
    """
    failed = {outcome.name: outcome.error for outcome in outcomes if outcome.error}
    if not failed:
        return
    for name, error in failed.items():
        if len(outcomes) == 1:
            raise error
        print(f"\n{name}\n{error}", file=sys.stderr)
    print(file=sys.stderr)
    names = list(failed)
    everybody = len(failed) == len(outcomes) and all(isinstance(error, WrongRequest) for error in failed.values())
    raise (WrongRequest if everybody else LabError)(
        f"{operation.name}: {len(failed)} of {len(outcomes)} students failed",
        evidence=", ".join(names),
        fix=f"fix the causes above, then repeat it for them alone: --limit {','.join(names)}",
    )


def describe(outcome: Outcome) -> str:
    """One student's line: the name, how it ended, how long it took, and its last line of output or the cause."""
    verdict = "FAILED" if outcome.error else "ENDED" if outcome.cancelled else "done"
    # What comes last in the evidence is nearest to the cause, as in a traceback.
    why = (
        ": ".join([outcome.error.what, *outcome.error.evidence[-1:]]) if outcome.error else "".join(outcome.lines[-1:])
    )
    return f"{outcome.name:13} {verdict:6} {outcome.seconds:6.1f} s  {textwrap.shorten(why, CAUSE)}".rstrip()
