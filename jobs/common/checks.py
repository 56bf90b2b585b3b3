"""What proves a lesson's outcome: assertions that look from outside, and say what they found whatever it was.

A found value is given as a function, called here: what it raises (no such table, no answer) becomes the value found,
so a check on an empty cluster fails in plain words instead of crashing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from common.errors import JobError
from common.settings import application_name

if TYPE_CHECKING:  # the clients' packages are on the cluster's nodes only; checks are tested without them
    from common.lab import Lab
    from common.records import Record

T = TypeVar("T")


@dataclass(frozen=True)
class Assertion:
    """One statement about the cluster.

    `where` is the command or page by which a student sees the same thing; `help` is what to read when it does not hold;
    `pending` says that it is not wrong by itself: something comes first;
    `gap` is the number of the exercise's gap that it is about, 0 for any other.
    """

    name: str
    expected: Any
    found: Any
    passed: bool
    where: str
    help: str = ""
    pending: bool = False
    gap: int = 0

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


def same_members(name: str, expected: Set[str], found: Callable[[], Set[str | None]], where: str) -> Assertion:
    """The found set has exactly the expected members; names the first few that are missing or too many.

    The key of a record without one is None, shown as `null`, as Kafka's console consumer prints it.
    """

    def difference() -> str:
        have = found()
        parts = [f"{len(have)}"]
        for words, members in (("missing", expected - have), ("too many", have - expected)):
            if members:
                shown = sorted("null" if member is None else member for member in members)
                parts.append(f"{len(shown)} {words}: {', '.join(shown[:3])}{'…' * (len(shown) > 3)}")
        return "; ".join(parts)

    return equal(name, f"{len(expected)}", difference, where)


def same_rows(
    name: str, expected: Iterable[Mapping[str, Any]], found: Callable[[], Iterable[Mapping[str, Any]]], where: str
) -> Assertion:
    """The found rows are the expected ones, each as often, in any order, with all columns; else one of each kind."""
    wanted = Counter(json.dumps(row, sort_keys=True, default=str) for row in expected)

    def difference() -> str:
        have = Counter(json.dumps(row, sort_keys=True, default=str) for row in found())
        parts = [f"{have.total()} rows"]
        for words, rows in (("missing", wanted - have), ("not expected", have - wanted)):
            if rows:
                parts.append(f"{rows.total()} {words}, such as {min(rows)}")
        return "; ".join(parts)

    return equal(name, f"{wanted.total()} rows", difference, where)


def json_of(record: Record) -> Any:
    """The value of a Kafka record, which should be JSON.

    Raises:
        JobError: the record has no value, or one that is not JSON.
    """
    value, wrong = record.value, "has no value"
    if value is not None:
        try:
            return json.loads(value)
        except ValueError:
            wrong = f"is not JSON: {value[:60]!r}"
    raise JobError(f"the record at offset {record.offset} of partition {record.partition} {wrong}")


def application_succeeded(lab: Lab, step: str) -> Assertion:
    """YARN ran this step last with success: nothing else shows that a job ran on the cluster, not on one machine."""
    name = application_name(lab.info.student, lab.settings.lesson, step)
    where = "yarn application -list -appStates ALL"
    return equal(f"{step}: YARN application {name}", "SUCCEEDED", lambda: lab.yarn.latest(name).outcome, where)


class Fact(Generic[T]):
    """Something looked up once for several assertions, failure included; call it for the value."""

    def __init__(self, look: Callable[[], T]) -> None:
        self._look = look
        self._found: list[T] = []  # one value, once it has been looked up: None is a value too
        self._failure: Exception | None = None

    def __call__(self) -> T:
        if self._failure:
            raise self._failure
        if not self._found:
            try:
                self._found.append(self._look())
            except Exception as error:  # kept, and raised again for each assertion that needs this
                self._failure = error
                raise
        return self._found[0]


def _in_words(error: Exception) -> str:
    if isinstance(error, JobError):
        return error.what
    first = str(error).splitlines()
    return f"{type(error).__name__}: {first[0] if first else 'without a message'}"
