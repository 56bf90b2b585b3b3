"""The streaming queries that run, in numbers: `invoke streams`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from streamlab.errors import LabError, WrongRequest
from streamlab.stacks import operation, parallel
from streamlab.stacks.channel import fields, list_of
from streamlab.stacks.operation import Access, Operation
from streamlab.stacks.parallel import Outcome
from streamlab.stacks.stack import open_stack
from streamlab.students.student import Student
from streamlab.ui import one_line, say, table

#: Seconds in which a stack answers.
SECONDS = 30
LOOK = Operation("streams", Access.READ, seconds=SECONDS + 15, at_once=lambda docker_host: 8)
#: Seconds between two looks of `--watch`.
EVERY = 2.0
#: Characters of an error that its line shows.
SHOWN = 160

#: What each stream has, as `edge.streams` says it: name -> Python's type.
_TEXTS = ("application", "name", "query", "error")
_FLAGS = ("idle", "ended")
_NUMBERS = ("at", "age_s", "batch_s", "input_rows_per_second", "processed_rows_per_second", "state_rows", "state_bytes")
_OPTIONAL = ("batch", "lag", "watermark_age_s")

HEADINGS = ["query", "job", "batch", "last batch", "input", "processed", "lag", "watermark", "state"]


def ask(student: Student) -> list[dict[str, Any]]:
    """The streaming queries that run in a student's stack, or have failed in an application that runs on.

    Returns:
        for each query what `streamlab.edge.streams.numbers` says: the application, its name and the query's, the
        number, end and rates of its last batch, lag, watermark, state, and the error where it failed.
    """
    return _ask(student)["streams"]


def _ask(student: Student) -> dict[str, Any]:
    with open_stack(student) as stack:
        return stack.answer("edge.streams", seconds=SECONDS, read=_read)


def _read(said: Any) -> dict[str, Any]:
    unread = {str(app): one_line(str(why)) for app, why in said["unread"].items()}
    return {"streams": list_of(_stream)(said["streams"]), "unread": unread}


def _stream(said: Any) -> dict[str, Any]:
    kinds: dict[str, Any] = (
        dict.fromkeys(_TEXTS, str) | dict.fromkeys(_FLAGS, bool) | dict.fromkeys(_NUMBERS, int | float)
    )
    kinds |= dict.fromkeys(_OPTIONAL, int | float | None) | {"watermark": str | None}
    found = fields(**kinds)(said)
    return {name: one_line(found[name]) if name in _TEXTS else found[name] for name in kinds}


def report(students: Sequence[Student], *, as_json: bool, watch: bool) -> None:
    """Print the streams of these students, once or again and again until Ctrl-C.

    Raises:
        WrongRequest: `watch` and `as_json` together.
        LabError: a student's streams could not be found out; the others' were shown.
    """
    if watch and as_json:
        raise WrongRequest("--watch shows a table, and --json prints once", fix="leave one of the two out")
    if watch:
        _watch(students)
        return
    outcomes = _look(students)
    if as_json:
        say(json.dumps({"students": [_document(outcome) for outcome in outcomes]}, indent=2))
    else:
        say(describe(outcomes))
    parallel.require_done(outcomes, LOOK)


def _look(students: Sequence[Student]) -> list[Outcome]:
    if len(students) > 1:
        return parallel.run(students, _ask, LOOK)
    try:
        return [Outcome(students[0].name, 0.0, answer=operation.act(_ask, students[0], LOOK))]
    except LabError as error:
        return [Outcome(students[0].name, 0.0, error=error)]


def _document(outcome: Outcome) -> dict[str, Any]:
    answer = outcome.answer or {"streams": None, "unread": {}}
    return {"name": outcome.name, **answer, "error": outcome.error.what if outcome.error else ""}


def describe(outcomes: Sequence[Outcome]) -> str:
    """The streams of every student in one table, then what is known of none, and the errors of those that failed."""
    named = len(outcomes) > 1
    rows, notes = [], []
    for outcome in outcomes:
        if outcome.error:
            notes.append(f"{outcome.name}: {outcome.error.what}")
            continue
        found = outcome.answer
        rows += [[*([outcome.name] if named else []), *_row(stream)] for stream in found["streams"]]
        notes += [f"{outcome.name}: {app} is not shown: {why}" for app, why in found["unread"].items()]
        notes += [f"{outcome.name}: no streaming query runs" for _ in [0] if not (found["streams"] or found["unread"])]
        notes += [
            f"{outcome.name}: {stream['query']} failed: {stream['error'][:SHOWN]};"
            f" invoke why --app {stream['application']}"
            for stream in found["streams"]
            if stream["error"]
        ]
    headings = [*(["student"] if named else []), *HEADINGS]
    return "\n".join([*([table(headings, rows)] if rows else []), *notes])


def _row(stream: Mapping[str, Any]) -> list[str]:
    first = stream["batch"] is None
    return [
        stream["query"],
        stream["name"],
        "" if first else str(stream["batch"]),
        f"FAILED {_ago(stream['age_s'])}" if stream["error"]
        else f"none for {_span(stream['age_s'])}" if first
        else _ago(stream["age_s"]) + (", idle" if stream["idle"] else ""),
        "" if first else f"{stream['input_rows_per_second']:.1f}/s",
        "" if first else f"{stream['processed_rows_per_second']:.1f}/s",
        "" if stream["lag"] is None else str(stream["lag"]),
        _watermark(stream),
        f"{stream['state_rows']} rows, {stream['state_bytes'] / 2**20:.1f} MB" if stream["state_rows"] else "",
    ]  # fmt: skip


def _watermark(stream: Mapping[str, Any]) -> str:
    if stream["watermark"] is None:
        return ""
    return f"{stream['watermark'][:19]}Z, {_span(stream['watermark_age_s'])} behind"


def _ago(seconds: float) -> str:
    return f"{_span(seconds)} ago"


def _span(seconds: float) -> str:
    """A length of time in its two largest units: ``4 s``, ``2 min 5 s``, ``3 h 20 min``, ``12 d 4 h``."""
    whole = max(0, round(seconds))
    units = [("d", 86400), ("h", 3600), ("min", 60), ("s", 1)]
    parts: list[tuple[int, str]] = []
    for name, size in units:
        count, whole = divmod(whole, size)
        if count or parts:
            parts.append((count, name))
    return " ".join(f"{count} {name}" for count, name in parts[:2] if count) or "0 s"


def _watch(students: Sequence[Student]) -> None:
    """Show the streams again and again, on a terminal in place; Ctrl-C is how it ends."""
    shown = _live() if sys.stdout.isatty() else None
    try:
        while True:
            began = time.monotonic()
            text = f"{time.strftime('%H:%M:%S')}  Ctrl-C ends this\n{describe(_look(students))}"
            shown(text) if shown else say(text)
            time.sleep(max(0.0, EVERY - (time.monotonic() - began)))
    except KeyboardInterrupt:
        return
    finally:
        if shown:
            shown("", end=True)


def _live() -> Callable[..., None]:
    from rich.live import Live
    from rich.text import Text

    live = Live(Text(""), auto_refresh=False, vertical_overflow="crop")
    live.start()

    def show(text: str, *, end: bool = False) -> None:
        if end:
            live.stop()
        else:
            live.update(Text(text, no_wrap=True, overflow="crop"), refresh=True)

    return show
