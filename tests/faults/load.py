"""A run of faults against a system under load: waiting after each until everything works again, and the report."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Protocol

from faults.injection import KINDS, Fault

#: What the stream is called beside the nodes.
STREAM = "stream"


class System(Protocol):
    """Nodes, and a stream that runs on them."""

    def inject(self, fault: Fault) -> None:
        """Do it, and return when the node has been released."""

    def problems(self) -> Mapping[str, str | None]:
        """What is wrong with each node, and with the `STREAM` until it has finished a batch since the last fault."""

    def ensure_stream(self) -> bool:
        """Submit the stream again if it was lost, and that is possible now; True when it was submitted."""


@dataclass(frozen=True)
class Outcome:
    """What came of a fault.

    Args:
        seconds: node or stream -> seconds from the node's release until it answered for good; only of those that did
            not answer at some look after it, of the node itself, and of the stream.
        submits: how often the stream was submitted again.
    """

    fault: Fault
    seconds: Mapping[str, float]
    submits: int


def run(
    system: System, faults: Iterable[Fault], *, pause: float, deadline: float, poll: float = 1.0
) -> Iterator[Outcome]:
    """Inject one fault after another; each outcome as it is known. All times are in seconds.

    Raises:
        AssertionError: something did not answer within `deadline` after a fault.
    """
    for fault in faults:
        system.inject(fault)
        yield _recovered(system, fault, deadline=deadline, poll=poll)
        time.sleep(pause)


def _recovered(system: System, fault: Fault, *, deadline: float, poll: float) -> Outcome:
    began, submits = time.monotonic(), 0
    answered: dict[str, float] = {}
    concerned = {fault.node, STREAM}
    while True:
        found = system.problems()
        elapsed = time.monotonic() - began
        wrong = {name: problem for name, problem in found.items() if problem}
        concerned |= wrong.keys()
        answered = {name: answered.get(name, elapsed) for name in found.keys() - wrong.keys()}
        if not wrong:
            return Outcome(fault, {name: round(answered[name], 1) for name in sorted(concerned)}, submits)
        assert elapsed < deadline, f"{deadline:.0f} s after {fault}: {wrong}"
        submits += system.ensure_stream()
        time.sleep(poll)


def report(seed: int, outcomes: Sequence[Outcome], holdings: Mapping[str, Any] | None) -> dict[str, Any]:
    """All that a run has found, as JSON takes it.

    Args:
        holdings: as the module `copying.holdings` answers it; None where the run did not get so far.
    """
    by_name: dict[str, list[tuple[float, str]]] = {}
    for outcome in outcomes:
        for name, seconds in outcome.seconds.items():
            by_name.setdefault(name, []).append((seconds, str(outcome.fault)))
    return {
        "seed": seed,
        "faults": len(outcomes),
        "by_kind": {kind: sum(outcome.fault.kind == kind for outcome in outcomes) for kind in KINDS},
        "by_node": dict(sorted(Counter(outcome.fault.node for outcome in outcomes).items())),
        "submitted_again": sum(outcome.submits for outcome in outcomes),
        "answered_again": {
            name: {
                "times": len(found),
                "median_s": round(median(seconds for seconds, _ in found), 1),
                "worst_s": max(found)[0],
                "worst_after": max(found)[1],
            }
            for name, found in sorted(by_name.items())
        },
        "holdings": holdings,
        "outcomes": [
            {"fault": str(outcome.fault), "seconds": dict(outcome.seconds), "submits": outcome.submits}
            for outcome in outcomes
        ],
    }


def describe(found: Mapping[str, Any]) -> str:
    """The same for people."""
    kinds = ", ".join(f"{number} {kind}" for kind, number in found["by_kind"].items())
    nodes = ", ".join(f"{node} {number}" for node, number in found["by_node"].items())
    lines = [
        f"seed {found['seed']}: {found['faults']} faults ({kinds}; {nodes})",
        f"the stream was submitted again {found['submitted_again']} times",
    ]
    for name, one in found["answered_again"].items():
        worst = f"worst {one['worst_s']:.1f} s after {one['worst_after']}"
        lines.append(f"  {name:16} answered again in {one['median_s']:.1f} s (median of {one['times']}), {worst}")
    if (holdings := found["holdings"]) is not None:
        compared = holdings["compared"]
        rows = ", ".join(f"{sink} {one['found']}" for sink, one in compared.items())
        lines += [
            f"records: {holdings['acknowledged']} acknowledged; {rows}",
            f"duplicates in Kafka's sink: {compared['kafka']['duplicates']['count']}; "
            f"numbers that the source holds twice: {holdings['numbers_twice']}",
            f"files: {holdings['files']['committed']} committed, {holdings['files']['uncommitted']} of cut-off batches",
            *holdings["failures"],
        ]
    return "\n".join(lines)
