"""A student's report on one hand-in, as Markdown: for each lost point what was expected and found, and what to read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

from streamlab.grading import points
from streamlab.grading.points import Gap
from streamlab.grading.store import HandIn
from streamlab.ui import one_line, plain
from streamlab.yamlfile import texts

TEXTS = Path(__file__).with_name("texts.yml")
#: Characters of a found value that are shown.
LONGEST = 600


def of(hand_in: HandIn, result: Mapping[str, Any], gaps: Sequence[Gap], *, language: str = "en") -> str:
    """The report's text. What was found was written by the student's program: it is shown, and cannot be markup."""
    said = texts(TEXTS, language)
    at, clock = f"{hand_in.received_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}", said["clocks"][hand_in.clock]
    lines = [
        f"# {hand_in.lesson}: {hand_in.student}",
        "",
        said["received"].format(number=hand_in.number, job=hand_in.job, at=at, clock=clock),
        f"SHA-256 `{hand_in.sha256}`.",
        said["clean"],
        "",
        said["points"].format(points=f"{points.percent(gaps):g}"),
        "",
        f"| {' | '.join(said['table'])} |",
        "|---|---|",
        *(f"| {gap.number} | {said['of'].format(points=gap.points, most=gap.most)} |" for gap in gaps),
        "",
        *_of_run(result["run"], said),
        *(line for gap in gaps if gap.wrong for line in _of_gap(gap, said)),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _of_run(run: Mapping[str, Any], said: Mapping[str, Any]) -> list[str]:
    if run["ended"] == "SUCCEEDED":
        return []
    return [said["failed"], "", *(f"    {plain(line)[:LONGEST]}" for line in run["words"]), ""]


def _of_gap(gap: Gap, said: Mapping[str, Any]) -> list[str]:
    lines = [f"## {said['gap'].format(number=gap.number, points=gap.points, most=gap.most)}", ""]
    for one in gap.wrong:
        lines += [
            f"- {one_line(one['name'])}",
            f"  - {said['expected']}: {_code(one['expected'])}",
            f"  - {said['found']}: {_code(one['found'])}",
            f"  - {said['where']}: {_code(one['where'])}",
            *([f"  - {said['help']}: {one_line(one['help'])}"] if one["help"] else []),
        ]
    return [*lines, ""]


def _code(value: Any) -> str:
    """A value as code, which ends where its own backticks do not."""
    text = one_line(str(value))
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    space = " " if "`" in text else ""
    return f"{fence}{space}{text}{space}{fence}"
