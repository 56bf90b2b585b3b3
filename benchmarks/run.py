"""`./lab bench`: each figure beside its baseline, in turns; medians go to results.json and the table in README.md."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from streamlab.errors import LabError, unknown
from streamlab.paths import ROOT
from streamlab.ui import say, table

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results.json"
README = FOLDER / "README.md"
RUNS = 3
#: Seconds of rest before each measurement: containers that are over still have their logs collected.
REST_SECONDS = 3
BEGIN, END = "<!-- table: written by `./lab bench` -->", "<!-- end of table -->"

#: Measures one side once: the value, in the figure's unit.
Side = Callable[[], float]


@dataclass(frozen=True)
class Figure:
    """One figure: how it is measured, and what bought the difference.

    Attributes:
        sides: a context in which ``(ours, baseline)`` can be measured again and again; baseline is None where there is
            nothing to compare with. Of records a second more is better, of all else less.
    """

    name: str
    unit: str
    ours: str
    baseline: str
    bought: str
    sides: Callable[[], AbstractContextManager[tuple[Side, Side | None]]]
    runs: int = RUNS


def in_turns(figure: Figure) -> dict[str, Any]:
    """Measure a figure: ours, baseline, ours, baseline …; medians, and their ratio."""
    ours: list[float] = []
    baseline: list[float] = []
    with figure.sides() as (our_side, other_side):
        for turn in range(figure.runs):
            for values, side, name in ((ours, our_side, "ours"), (baseline, other_side, "baseline")):
                if side is not None:
                    time.sleep(REST_SECONDS)
                    values.append(round(side(), 2))
                    say(f"  {figure.name} {turn + 1}/{figure.runs} {name}: {values[-1]} {figure.unit}")
    middle, other = statistics.median(ours), statistics.median(baseline) if baseline else None
    return {
        "name": figure.name,
        "unit": figure.unit,
        "ours": middle,
        "baseline": other,
        "ratio": round(middle / other, 2) if other else None,
        "runs": {"ours": ours, "baseline": baseline},
    }


def described(figure: Figure, found: Mapping[str, Any]) -> dict[str, Any]:
    """What was found, with the words of today."""
    return {**found, "what": {"ours": figure.ours, "baseline": figure.baseline, "bought": figure.bought}}


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    model = [line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")]
    return {
        "processors": os.cpu_count(),
        "processor": model[0] if model else platform.machine(),
        "memory_mb": memory,
        "system": f"{platform.system()} {platform.release()}",
        "date": date.today().isoformat(),
    }


def _cpuinfo() -> Iterator[str]:
    file = Path("/proc/cpuinfo")
    return iter(file.read_text().splitlines() if file.exists() else [])


def kept() -> dict[str, dict[str, Any]]:
    """The figures of earlier runs, by name."""
    if not RESULTS.exists():
        return {}
    return {figure["name"]: figure for figure in json.loads(RESULTS.read_text(encoding="utf-8"))["figures"]}


def markdown(figures: Sequence[Mapping[str, Any]]) -> str:
    """The table of README.md."""
    lines = ["| figure | ours | baseline | ratio | what bought it |", "|---|---|---|---|---|"]
    for figure in figures:
        what = figure["what"]
        other = f"{what['baseline']}: {figure['baseline']:g} {figure['unit']}" if figure["baseline"] else "—"
        ratio = f"{figure['ratio']:.2f}" if figure["ratio"] else "—"
        ours = f"{figure['ours']:g} {figure['unit']}"
        lines.append(f"| `{figure['name']}`: {what['ours']} | {ours} | {other} | {ratio} | {what['bought']} |")
    return "\n".join(lines)


def write(figures: Sequence[Mapping[str, Any]]) -> None:
    """Keep the figures as JSON and as the table in README.md."""
    RESULTS.write_text(json.dumps({"machine": machine(), "figures": list(figures)}, indent=1) + "\n", encoding="utf-8")
    text = README.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    README.write_text(f"{head}{BEGIN}\n{markdown(figures)}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


def bench(only: str | None, runs: int | None) -> None:
    """Measure every figure or one, print them, and keep them beside those of other runs.

    Raises:
        WrongRequest: there is no such figure.
        LabError: something that was measured failed.
    """
    from benchmarks.figures import FIGURES

    known = {figure.name: figure for figure in FIGURES}
    if only and only not in known:
        raise unknown("figure", only, known, usage="--only {}")
    found = kept()
    failures = []
    for figure in [known[only]] if only else FIGURES:
        say(f"{figure.name}: {figure.ours}, beside {figure.baseline or 'nothing'}")
        chosen = figure if runs is None else Figure(**{**vars(figure), "runs": runs})
        try:
            found[figure.name] = in_turns(chosen)
        except LabError as error:
            failures.append(f"{figure.name}: {error.what}")
            say(str(error))
        write([described(known[name], found[name]) for name in known if name in found])
    rows = [
        [f["name"], f"{f['ours']:g} {f['unit']}", f"{f['baseline']:g} {f['unit']}" if f["baseline"] else "-",
         f"{f['ratio']:.2f}" if f["ratio"] else "-"]
        for f in (found[name] for name in known if name in found)
    ]  # fmt: skip
    say("\n" + table(["figure", "ours", "baseline", "ratio"], rows))
    say(f"kept in {RESULTS.relative_to(ROOT)}")
    if failures:
        raise LabError(
            "some figures could not be measured", evidence=failures, fix="see to the cause, then --only NAME"
        )
