"""What a step hands back, and the report that is made of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from common.settings import Settings

#: The driver's last line on stdout begins with this; the control program looks for it in the YARN log.
OUTCOME_MARK = "streamlab-outcome: "


@dataclass(frozen=True)
class QueryReport:
    """What one streaming query did in this run. `rows` has one number for each batch, in order, 0 for a batch
    without data; `last_watermark` is Spark's text, None without one."""

    name: str
    id: str
    batches: int
    input_rows: int
    rows: tuple[int, ...]
    seconds: float
    last_watermark: str | None = None
    dropped_by_watermark: int = 0


@dataclass(frozen=True)
class Outcome:
    """What a step did. `written` counts rows by target, such as "cassandra lab.people"; `details` is the step's own."""

    written: Mapping[str, int] = field(default_factory=dict)
    queries: tuple[QueryReport, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


def report(settings: Settings, outcome: Outcome, *, application: str, seconds: float) -> dict[str, Any]:
    """All that is known about a run, as it is kept on HDFS."""
    return {
        "student": settings.student,
        "lesson": settings.lesson,
        "step": settings.step,
        "application": application,
        "args": dict(settings.args),
        "continuous": settings.continuous,
        "seconds": round(seconds, 1),
        "written": dict(outcome.written),
        "queries": [asdict(query) for query in outcome.queries],
        "details": dict(outcome.details),
    }


def last_line(settings: Settings, outcome: Outcome, *, application: str, seconds: float) -> str:
    """The short form for the terminal: what was written, and where the report stands."""
    brief = {
        "written": dict(outcome.written),
        "report": settings.report,
        "application": application,
        "seconds": round(seconds, 1),
        "batches": {query.name: query.batches for query in outcome.queries},
        "details": dict(outcome.details),
    }
    return OUTCOME_MARK + json.dumps(brief)


class Tally:
    """Rows written by target, added up over the micro-batches of a run."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def add(self, target: str, rows: int) -> None:
        self.counts[target] = self.counts.get(target, 0) + rows
