"""The common rules of every command that acts on the stacks of one or many students.

The command asks for the access that it needs (see `access`); has a deadline for each student; runs for a bounded number
of students of each Docker host at a time; and whatever goes wrong for one of them is that one's error: the others go
on, and the exit status tells. Ctrl-C, SIGTERM and SIGHUP end what runs as they would end a single one, and begin no
other.

Threads and tokens rather than a framework of tasks: Docker's SDK blocks, and only its own connections can be closed.
"""

from __future__ import annotations

import sys
import textwrap
import threading
import time
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from streamlab.cancel import CancelToken, cancellable
from streamlab.engines import engine
from streamlab.errors import LabError, WrongRequest
from streamlab.paths import ROOT
from streamlab.students.topology import Student, by_docker_host
from streamlab.ui import captured_output, progress, say

if TYPE_CHECKING:
    from streamlab.stacks.access import Target

#: Stacks of one Docker host that are worked on at the same time, where the work is short and takes little memory.
AT_ONCE = 4
#: Characters of a failure's cause in its line; the whole of it is printed at the end.
CAUSE = 160
#: Frames of an unexpected exception that its error shows.
FRAMES = 3

T = TypeVar("T", bound="Target")


class Access(Enum):
    """What a command may do to a stack, and what it must have for that."""

    READ = "looks at it, and needs nothing"
    USE = "works in it: refused while another command changes it"
    CHANGE = "changes it: has its lock"


@dataclass(frozen=True)
class Operation:
    """What is done to each student's stack.

    Args:
        name: as messages have it, such as ``check lesson04``.
        seconds: the deadline of one student's turn; None where what it does has its own, or none, as a stream.
        at_once: Docker host -> how many of its students have their turn at the same time.
        take_over: whether a stack of another owner is acted on too.
        repairs: whether a snapshot or restore that was cut off is put right first.
    """

    name: str
    access: Access
    seconds: float | None = 3600
    at_once: Callable[[str], int] = lambda docker_host: AT_ONCE
    take_over: bool = False
    repairs: bool = True


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
def admitted(target: Target, operation: Operation) -> Iterator[None]:
    """Act on a stack in the block.

    Raises:
        WrongRequest: there is no engine, or the stack belongs to somebody else.
        Locked: another command changes it.
    """
    if operation.access is Access.READ or (isinstance(target, Student) and target.cluster is not None):
        yield  # where no engine is, nobody but the student is either
        return
    from streamlab.stacks import access, recovery  # not at the top: the engine's SDK is not where a student sits

    with ExitStack() as stack:
        client = stack.enter_context(engine.connect(target.docker_host))
        found = access.containers_of(client, target)
        if not operation.take_over:
            access.require_owner(found, target)
        access.require_unlocked(found, target)
        if operation.access is Access.CHANGE:
            stack.enter_context(access.locked(client, target, operation.name))
            if operation.repairs and isinstance(target, Student):
                recovery.repair(client, target)
        yield


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


def act(do: Callable[[T], Any], target: T, operation: Operation) -> Any:
    """``do(target)``, admitted, and within the operation's seconds.

    Raises:
        LabError: whatever went wrong.
    """
    token = CancelToken()
    with cancellable(token):
        return _act(do, target, operation, token)


def _act(do: Callable[[T], Any], target: T, operation: Operation, token: CancelToken) -> Any:
    try:
        with _deadline(target, operation, token), admitted(target, operation):
            return do(target)
    except (LabError, BrokenPipeError):
        raise
    except Exception as error:
        raise unforeseen(target, operation, error) from error


@contextmanager
def _deadline(target: Target, operation: Operation, token: CancelToken) -> Iterator[None]:
    if operation.seconds is None:
        yield
        return
    late = LabError(
        f"{target.name}: {operation.name} did not finish within {operation.seconds:.0f} s",
        evidence="what it waited for was cancelled",
        fix="invoke status shows what runs; then try again",
    )
    timer = threading.Timer(operation.seconds, token.cancel, [late])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def unforeseen(target: Target, operation: Operation, error: Exception) -> LabError:
    """The error for an unexpected exception: from the engine, from the connection to it, or a bug of ours."""
    if _is_of_an_engine(error):
        words = getattr(error, "explanation", None) or error
        return LabError(
            f"{target.name}: the Docker Engine at {target.docker_host} could not carry out a request",
            evidence=str(words),
            fix="invoke doctor looks for the cause",
        )
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(str(ROOT))]
    places = [f"{Path(f.filename).relative_to(ROOT)}:{f.lineno} in {f.name}" for f in ours[-FRAMES:]]
    return LabError(
        f"{target.name}: {operation.name} failed with an unexpected error",
        evidence=[f"{type(error).__name__}: {error}", *places],
        fix="try again; if it fails again, report these lines: it is a bug in the lab",
    )


def _is_of_an_engine(error: Exception) -> bool:
    """Whether it is an error of the engine's SDK, which is not imported for that, or of a connection."""
    return isinstance(error, OSError) or any(kind.__module__ == "docker.errors" for kind in type(error).__mro__)


def _silent(targets: Sequence[Target]) -> Mapping[str, LabError]:
    """Docker host -> why it does not answer, where there is more than one to ask."""
    return engine.unreachable(targets) if len(targets) > 1 else {}


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
    silent = _silent(targets)
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


def _unreached(error: LabError) -> Callable[[Any], Any]:
    def fail(target: Target) -> None:
        raise error

    return fail


def _turn(do: Callable[[Any], Any], target: Target, operation: Operation, token: CancelToken) -> Outcome:
    began, answer, error, cancelled = time.monotonic(), None, None, False
    with captured_output() as lines, cancellable(token):
        try:
            answer = _act(do, target, operation, token)
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


def confirm(question: str, *, yes: bool = False) -> None:
    """Ask on the terminal before data are destroyed, unless `yes`.

    Raises:
        WrongRequest: the answer was not yes, or nobody is there to give one; nothing was done.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise WrongRequest("there is no terminal to confirm on", evidence=question, fix="add --yes")
    if input(f"{question} [y/N] ").strip().lower() not in ("y", "yes"):
        raise WrongRequest("nothing was done", evidence="the answer was no")
