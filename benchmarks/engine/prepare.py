"""Let a step in Flink's SQL begin anew: it would go on from what an earlier run has left. Repeatable."""

from __future__ import annotations

from common.lab import Lab


def prepare(lab: Lab) -> list[str]:
    """One line for each thing that was deleted."""
    places = (lab.settings.checkpoint(lab.settings.step), lab.settings.savepoints)
    for place in places:
        lab.hdfs.delete(place)
    return [f"{place}: empty" for place in places]
