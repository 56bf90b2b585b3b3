"""The common rules of every command that acts on a stack.

The command asks for the access that it needs (see `access`), and has a deadline; whatever goes wrong is a `LabError`.
What is done to many stacks is in `parallel`.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from streamlab.cancel import CancelToken, cancellable
from streamlab.engines import engine
from streamlab.errors import LabError, engine_said
from streamlab.paths import ROOT
from streamlab.students.student import Student

if TYPE_CHECKING:
    from streamlab.stacks.access import Target

#: Stacks of one Docker host that are worked on at the same time, where the work is short and takes little memory.
AT_ONCE = 4
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


@contextmanager
def admitted(target: Target, operation: Operation) -> Iterator[None]:
    """Act on a stack in the block.

    Raises:
        WrongRequest: there is no engine, or the stack belongs to somebody else.
        Locked: another command changes it.
    """
    if operation.access is Access.READ or _has_no_engine(target):
        yield
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


def _has_no_engine(target: Target) -> bool:
    """Whether it is reached without one: nobody acts on it but the student who sits there."""
    return isinstance(target, Student) and target.cluster is not None


def act(do: Callable[[T], Any], target: T, operation: Operation, *, token: CancelToken | None = None) -> Any:
    """``do(target)``, admitted, and within the operation's seconds.

    Args:
        token: cancels it from another thread.

    Raises:
        LabError: whatever went wrong.
    """
    token = token or CancelToken()
    try:
        with cancellable(token), _deadline(target, operation, token), ExitStack() as stack:
            if operation.access is not Access.READ and not _has_no_engine(target):
                stack.enter_context(engine.one_connection())  # which admits it, too
            stack.enter_context(admitted(target, operation))
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
    if (said := engine_said(error)) is not None:
        return LabError(
            f"{target.name}: the Docker Engine at {target.docker_host} could not carry out a request",
            evidence=said,
            fix="invoke doctor looks for the cause",
        )
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(str(ROOT))]
    places = [f"{Path(f.filename).relative_to(ROOT)}:{f.lineno} in {f.name}" for f in ours[-FRAMES:]]
    return LabError(
        f"{target.name}: {operation.name} failed with an unexpected error",
        evidence=[f"{type(error).__name__}: {error}", *places],
        fix="try again; if it fails again, report these lines: it is a bug in the lab",
    )
