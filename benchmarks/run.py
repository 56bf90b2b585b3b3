"""`./lab bench`: each figure beside its baseline, in turns; medians go to results.json and the tables in README.md."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

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
COMPARISONS_BEGIN, COMPARISONS_END = "<!-- comparisons: written by `./lab bench` -->", "<!-- end of comparisons -->"

#: Measures one side once: the value, in the figure's unit.
Side = Callable[[], float]
#: Values by their names, and what measures each side of a comparison once.
Measured = dict[str, float]
Sides = Mapping[str, Callable[[], Measured]]

T = TypeVar("T")


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


@dataclass(frozen=True)
class Comparison:
    """Several sides, each with several values that are measured together; none of the sides is the lab's own.

    Attributes:
        units: the unit of each value, by the value's name.
        sides: a context with what measures each side, by the side's name. The ratios are to the first.
    """

    name: str
    title: str
    units: Mapping[str, str]
    sides: Callable[[], AbstractContextManager[Sides]]
    runs: int = RUNS


def in_turns(
    name: str, runs: int, sides: Mapping[str, Callable[[], T]], shown: Callable[[T], str]
) -> dict[str, list[T]]:
    """Measure every side once, then every side again, and so on; what was found, by the side."""
    found: dict[str, list[T]] = {side: [] for side in sides}
    for turn in range(runs):
        for side, measure in sides.items():
            time.sleep(REST_SECONDS)
            found[side].append(measure())
            say(f"  {name} {turn + 1}/{runs} {side}: {shown(found[side][-1])}")
    return found


def measured(figure: Figure) -> dict[str, Any]:
    """Measure a figure: ours, baseline, ours, baseline …; medians, and their ratio."""
    with figure.sides() as (our_side, other_side):
        both = {"ours": our_side, "baseline": other_side}
        sides = {name: _rounded(side) for name, side in both.items() if side is not None}
        found = in_turns(figure.name, figure.runs, sides, lambda value: f"{value} {figure.unit}")
    ours, baseline = found["ours"], found.get("baseline", [])
    middle, other = statistics.median(ours), statistics.median(baseline) if baseline else None
    return {
        "name": figure.name,
        "unit": figure.unit,
        "ours": middle,
        "baseline": other,
        "ratio": round(middle / other, 2) if other else None,
        "runs": {"ours": ours, "baseline": baseline},
    }


def _rounded(side: Side) -> Side:
    return lambda: round(side(), 2)


def compared(comparison: Comparison) -> dict[str, Any]:
    """Measure a comparison: every side in turn; of each value the medians, and their ratios to the first side's."""

    def shown(values: Measured) -> str:
        return ", ".join(f"{name} {values[name]:g} {unit}" for name, unit in comparison.units.items())

    with comparison.sides() as sides:
        rounded = {side: _all_rounded(measure) for side, measure in sides.items()}
        found = in_turns(comparison.name, comparison.runs, rounded, shown)
    return {
        "name": comparison.name,
        "values": [_value(name, {side: [one[name] for one in runs] for side, runs in found.items()})
                   for name in comparison.units],
    }  # fmt: skip


def _all_rounded(measure: Callable[[], Measured]) -> Callable[[], Measured]:
    return lambda: {name: round(value, 2) for name, value in measure().items()}


def _value(name: str, runs: Mapping[str, list[float]]) -> dict[str, Any]:
    medians = {side: round(statistics.median(values), 2) for side, values in runs.items()}
    first = next(iter(medians.values()))
    ratios = {side: round(middle / first, 2) for side, middle in medians.items()}
    return {"name": name, "medians": medians, "ratios": ratios, "runs": dict(runs)}


def described(figure: Figure, found: Mapping[str, Any]) -> dict[str, Any]:
    """What was found, with the words of today."""
    return {**found, "what": {"ours": figure.ours, "baseline": figure.baseline, "bought": figure.bought}}


def titled(comparison: Comparison, found: Mapping[str, Any]) -> dict[str, Any]:
    """The same of a comparison."""
    values = [{**value, "unit": comparison.units[value["name"]]} for value in found["values"]]
    return {**found, "title": comparison.title, "values": values}


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


def kept(what: str = "figures") -> dict[str, dict[str, Any]]:
    """The figures of earlier runs, or the comparisons, by name."""
    if not RESULTS.exists():
        return {}
    return {one["name"]: one for one in json.loads(RESULTS.read_text(encoding="utf-8")).get(what, [])}


def markdown(figures: Sequence[Mapping[str, Any]]) -> str:
    """The figures' table of README.md."""
    lines = ["| figure | ours | baseline | ratio | what bought it |", "|---|---|---|---|---|"]
    for figure in figures:
        what = figure["what"]
        other = f"{what['baseline']}: {figure['baseline']:g} {figure['unit']}" if figure["baseline"] else "—"
        ratio = f"{figure['ratio']:.2f}" if figure["ratio"] else "—"
        ours = f"{figure['ours']:g} {figure['unit']}"
        lines.append(f"| `{figure['name']}`: {what['ours']} | {ours} | {other} | {ratio} | {what['bought']} |")
    return "\n".join(lines)


def sides_markdown(comparisons: Sequence[Mapping[str, Any]]) -> str:
    """A table of README.md for each comparison, with the ratio to the first side in brackets."""
    lines = ("\n".join(_comparison_lines(comparison)) for comparison in comparisons)
    return "\n\n".join(lines) or "None has been measured yet."


def _comparison_lines(comparison: Mapping[str, Any]) -> Iterator[str]:
    sides = list(comparison["values"][0]["medians"])
    yield f"| `{comparison['name']}`: {comparison['title']} | {' | '.join(sides)} |"
    yield "|---" * (len(sides) + 1) + "|"
    for value in comparison["values"]:
        yield f"| {value['name']} | {' | '.join(_cells(value))} |"


def _cells(value: Mapping[str, Any]) -> Iterator[str]:
    """Each side's median, and but for the first its ratio to the first one's."""
    for number, (side, middle) in enumerate(value["medians"].items()):
        yield f"{middle:g} {value['unit']}" + (f" ({value['ratios'][side]:.2f})" if number else "")


def write(figures: Sequence[Mapping[str, Any]], comparisons: Sequence[Mapping[str, Any]]) -> None:
    """Keep all as JSON and as the tables in README.md."""
    results = {"machine": machine(), "figures": list(figures), "comparisons": list(comparisons)}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    text = README.read_text(encoding="utf-8")
    text = _between(text, BEGIN, END, markdown(figures))
    README.write_text(_between(text, COMPARISONS_BEGIN, COMPARISONS_END, sides_markdown(comparisons)), encoding="utf-8")


def _between(text: str, begin: str, end: str, new: str) -> str:
    """A text with something new between two marks."""
    head, _, rest = text.partition(begin)
    return f"{head}{begin}\n{new}\n{end}{rest.partition(end)[2]}"


def bench(only: str | None, runs: int | None) -> None:
    """Measure everything or what is asked for, print it, and keep it beside what other runs have found.

    Raises:
        WrongRequest: there is no such figure.
        LabError: something that was measured failed.
    """
    from benchmarks.figures import COMPARISONS, FIGURES

    known: dict[str, Figure | Comparison] = {one.name: one for one in (*FIGURES, *COMPARISONS)}
    if only and only not in known:
        raise unknown("figure", only, known, usage="--only {}")
    found = kept() | kept("comparisons")
    failures = []
    for name in [only] if only else known:
        one = known[name] if runs is None else replace(known[name], runs=runs)
        try:
            found[name] = _one(one)
        except LabError as error:
            failures.append(f"{name}: {error.what}")
            say(str(error))
        write(
            [described(figure, found[figure.name]) for figure in FIGURES if figure.name in found],
            [titled(comparison, found[comparison.name]) for comparison in COMPARISONS if comparison.name in found],
        )
    _show(FIGURES, COMPARISONS, found)
    if failures:
        raise LabError(
            "some figures could not be measured", evidence=failures, fix="see to the cause, then --only NAME"
        )


def _one(one: Figure | Comparison) -> dict[str, Any]:
    if isinstance(one, Comparison):
        say(f"{one.name}: {one.title}")
        return compared(one)
    say(f"{one.name}: {one.ours}, beside {one.baseline or 'nothing'}")
    return measured(one)


def _show(
    figures: Sequence[Figure], comparisons: Sequence[Comparison], found: Mapping[str, Mapping[str, Any]]
) -> None:  # fmt: skip
    rows = [
        [f["name"], f"{f['ours']:g} {f['unit']}", f"{f['baseline']:g} {f['unit']}" if f["baseline"] else "-",
         f"{f['ratio']:.2f}" if f["ratio"] else "-"]
        for f in (found[figure.name] for figure in figures if figure.name in found)
    ]  # fmt: skip
    say("\n" + table(["figure", "ours", "baseline", "ratio"], rows))
    for comparison in (one for one in comparisons if one.name in found):
        values = titled(comparison, found[comparison.name])["values"]
        sides = list(values[0]["medians"])
        say("\n" + table([comparison.name, *sides], [[value["name"], *_cells(value)] for value in values]))
    say(f"kept in {RESULTS.relative_to(ROOT)}")
