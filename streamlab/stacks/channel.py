"""Output of the lab's programs inside a node: events are separated from text, and neither is trusted.

A node belongs to a student, whose code runs there: what comes from it may be anything. It is understood here or it
ends in an error that shows it, and nothing that moves the cursor or rings a bell reaches the terminal.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from streamlab.errors import LabError, WrongRequest
from streamlab.ui import one_line, plain

#: What marks an event (`jobs/common/channel.py`).
MARK = "\x1e"
#: Characters of a line that an error shows.
SHOWN = 200

T = TypeVar("T")


def shortened(text: str, *, to: int = SHOWN) -> str:
    """`text` in one line that an error can show."""
    line = one_line(text)
    return line if len(line) <= to else f"{line[:to]}…"


def understood(read: Callable[[Any], T], said: Any, *, about: str) -> T:
    """What `read` makes of `said`.

    Raises:
        LabError: it can make nothing of it.
    """
    try:
        return read(said)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise LabError(
            f"{about}: the node sent something that cannot be understood",
            evidence=[shortened(said if isinstance(said, str) else repr(said)), f"{type(error).__name__}: {error}"],
            fix="run the same command again; if it fails again: invoke doctor",
        ) from error


def fields(**kinds: Any) -> Callable[[Any], dict[str, Any]]:
    """A reader of a JSON object that has these fields, each of its kind; others may be there.

    Args:
        kinds: name -> the Python type of its value; ``[type]`` for a list whose items are all of that type.
    """

    def read(said: Any) -> dict[str, Any]:
        for name, kind in kinds.items():
            items, of = (said[name], kind[0]) if isinstance(kind, list) else ([said[name]], kind)
            if not isinstance(items, list) or not all(isinstance(item, of) for item in items):
                raise TypeError(f"{name} is not {getattr(kind, '__name__', f'a list of {of.__name__}')}")
        return said

    return read


def list_of(read: Callable[[Any], T]) -> Callable[[Any], list[T]]:
    """A reader of a JSON list, each item of which `read` understands."""

    def read_all(said: Any) -> list[T]:
        if not isinstance(said, list):
            raise TypeError(f"{type(said).__name__}, not list")
        return [read(one) for one in said]

    return read_all


class Listener:
    """Takes a program's lines as they come.

    Args:
        about: what an error names first.
        tell: is given each event, in which every string is plain.
        printed: is given the stream ("out" or "err") and each line that is no event.
    """

    def __init__(
        self,
        about: str,
        *,
        tell: Callable[[dict[str, Any]], None] = lambda event: None,
        printed: Callable[[str, str], None] = lambda stream, line: None,
    ) -> None:
        self.about = about
        self.error: LabError | None = None
        self._tell, self._printed = tell, printed

    def __call__(self, stream: str, line: str) -> None:
        text, mark, event = line.partition(MARK) if stream == "out" else (line, "", "")
        if text or not mark:
            self._printed(stream, plain(text))
        if mark:
            understood(self._hear, event, about=self.about)

    def _hear(self, text: str) -> None:
        event = _plain_in(json.loads(text))
        if not isinstance(event, dict):
            raise TypeError(f"{type(event).__name__}, not dict")
        if "error" in event:
            self.error = _error(self.about, **event["error"])
        else:
            self._tell(event)


def _plain_in(value: Any) -> Any:
    """The same JSON with every string plain."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, list):
        return [_plain_in(one) for one in value]
    if isinstance(value, dict):
        return {plain(key): _plain_in(one) for key, one in value.items()}
    return value


def _error(about: str, *, what: str, evidence: list[str], fix: str, wrong_request: bool) -> LabError:
    kind = WrongRequest if wrong_request else LabError
    return kind(f"{about}: {what}", evidence=[str(line) for line in evidence], fix=fix)
