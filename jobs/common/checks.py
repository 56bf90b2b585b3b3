"""What proves a lesson's outcome: assertions that look from outside, and say what they found whatever it was.

A found value is given as a function, called here: what it raises (no such table, no answer) becomes the value found,
so a check on an empty cluster fails in plain words instead of crashing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from common.errors import JobError
from common.settings import application_name

if TYPE_CHECKING:  # the clients' packages are on the cluster's nodes only; checks are tested without them
    from common.lab import Lab

T = TypeVar("T")


@dataclass(frozen=True)
class Assertion:
    """One statement about the cluster. `where` is the command or page by which a student sees the same thing."""

    name: str
    expected: Any
    found: Any
    passed: bool
    where: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def holds(name: str, expected: Any, found: Callable[[], Any], where: str, *, when: Callable[[Any], bool]) -> Assertion:
    """Passed when `when` accepts the found value; `expected` is what a person reads."""
    try:
        value = found()
        return Assertion(name, expected, value, bool(when(value)), where)
    except Exception as error:  # whatever goes wrong while looking is what was found
        return Assertion(name, expected, _in_words(error), False, where)


def equal(name: str, expected: Any, found: Callable[[], Any], where: str) -> Assertion:
    return holds(name, expected, found, where, when=lambda value: value == expected)


def at_most(name: str, limit: float, found: Callable[[], float], where: str) -> Assertion:
    return holds(name, f"at most {limit:,}", found, where, when=lambda value: value <= limit)


def at_least(name: str, limit: float, found: Callable[[], float], where: str) -> Assertion:
    return holds(name, f"at least {limit:,}", found, where, when=lambda value: value >= limit)


def same_members(name: str, expected: set[str], found: Callable[[], set[str]], where: str) -> Assertion:
    """The found set has exactly the expected members; names the first few that are missing or too many."""

    def difference() -> str:
        have = found()
        parts = [f"{len(have)}"]
        for words, members in (("missing", expected - have), ("too many", have - expected)):
            if members:
                parts.append(f"{len(members)} {words}: {', '.join(sorted(members)[:3])}{'…' * (len(members) > 3)}")
        return "; ".join(parts)

    return equal(name, f"{len(expected)}", difference, where)


def application_succeeded(lab: Lab, step: str) -> Assertion:
    """YARN ran this step last with success: nothing else shows that a job ran on the cluster, not on one machine."""
    name = application_name(lab.info.student, lab.settings.lesson, step)
    where = "yarn application -list -appStates ALL"
    return equal(f"{step}: YARN application {name}", "SUCCEEDED", lambda: lab.yarn.latest(name).outcome, where)


class Fact(Generic[T]):
    """Something looked up once for several assertions, failure included; call it for the value."""

    def __init__(self, look: Callable[[], T]) -> None:
        self._look = look
        self._outcome: tuple[T | None, Exception | None] | None = None

    def __call__(self) -> T:
        if self._outcome is None:
            try:
                self._outcome = (self._look(), None)
            except Exception as error:  # kept, and raised again for each assertion that needs this
                self._outcome = (None, error)
        value, error = self._outcome
        if error:
            raise error
        return value


def _in_words(error: Exception) -> str:
    if isinstance(error, JobError):
        return error.what
    first = str(error).splitlines()
    return f"{type(error).__name__}: {first[0] if first else 'without a message'}"
