"""A student's report on one hand-in, as Markdown: for each lost point what was expected and found, and what to read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

from streamlab.grading import points
from streamlab.grading.points import Gap
from streamlab.grading.store import HandIn
from streamlab.ui import one_line, plain

#: Characters of a found value that are shown.
LONGEST = 600


def of(hand_in: HandIn, result: Mapping[str, Any], gaps: Sequence[Gap]) -> str:
    """The report's text. What was found was written by the student's program: it is shown, and cannot be markup."""
    lost = [gap for gap in gaps if gap.wrong]
    lines = [
        f"# {hand_in.lesson}: {hand_in.student}",
        "",
        f"Hand-in {hand_in.number}, `{hand_in.job}`, received {hand_in.received_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} "
        f"UTC by the clock of the {hand_in.clock}.",
        f"SHA-256 `{hand_in.sha256}`.",
        "It ran on a clean cluster, on data that nobody had seen before.",
        "",
        f"**{points.percent(gaps):g} of 100 points**, before what a late hand-in loses.",
        "",
        "| gap | points |",
        "|---|---|",
        *(f"| {gap.number} | {gap.points} of {gap.most} |" for gap in gaps),
        "",
        *_of_run(result["run"]),
        *(line for gap in lost for line in _of_gap(gap)),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _of_run(run: Mapping[str, Any]) -> list[str]:
    if run["ended"] == "SUCCEEDED":
        return []
    return ["The program did not end well:", "", *(f"    {plain(line)[:LONGEST]}" for line in run["words"]), ""]


def _of_gap(gap: Gap) -> list[str]:
    lines = [f"## Gap {gap.number}: {gap.points} of {gap.most}", ""]
    for one in gap.wrong:
        lines += [
            f"- {one_line(one['name'])}",
            f"  - expected: {_code(one['expected'])}",
            f"  - found: {_code(one['found'])}",
            f"  - look at, on a cluster of your own: {_code(one['where'])}",
            *([f"  - read: {one_line(one['help'])}"] if one["help"] else []),
        ]
    return [*lines, ""]


def _code(value: Any) -> str:
    """A value as code, which ends where its own backticks do not."""
    text = one_line(str(value))
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    space = " " if "`" in text else ""
    return f"{fence}{space}{text}{space}{fence}"
