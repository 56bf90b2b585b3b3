"""How long stages usually take, learned on this machine, and how long a graph of them still takes."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from streamlab.errors import LabError
from streamlab.paths import CACHE, private_file, private_folder

#: Seconds that each stage takes on two cores, until this machine's own are known.
USUAL = {
    "engine": 15.0,
    "images": 160.0,
    "base system": 14.0,
    "base": 15.0,
    "builder": 10.0,
    "jars": 15.0,
    "wheels": 25.0,
    "hadoop": 45.0,
    "kafka": 12.0,
    "cassandra": 28.0,
    "tools": 15.0,
    "pyspark": 30.0,
    "plain": 30.0,
    "archive": 65.0,
    "spark": 10.0,
    "cluster": 22.0,
    "lesson08": 40.0,
    "check": 3.0,
}
#: Seconds of a stage that nobody has timed.
UNKNOWN = 15.0


def _file() -> Path:
    return CACHE / "stages.json"


def usual() -> dict[str, float]:
    """Seconds that each stage took when it last ran on this machine, else `USUAL`."""
    with suppress(OSError, ValueError, AttributeError):
        known = json.loads(_file().read_text(encoding="utf-8"))
        return USUAL | {name: float(seconds) for name, seconds in known.items()}
    return dict(USUAL)


def learn(seconds: Mapping[str, float]) -> None:
    """Remember how long stages took. Nothing else depends on it, so a cache that cannot be written is no failure."""
    text = json.dumps({name: round(value, 1) for name, value in {**usual(), **seconds}.items()}, indent=1)
    with suppress(OSError, LabError):
        private_folder(CACHE)
        with private_file(_file()) as file:
            file.write(f"{text}\n".encode())


def time_left(after: Mapping[str, Collection[str]], seconds: Mapping[str, float], at_once: int) -> float:
    """How long a graph of stages takes from now on, `at_once` of them side by side.

    Args:
        after: each stage that is not done -> the stages that it needs; those that are done are left out.
        seconds: what each of them still takes.
    """
    clock, ends, left = 0.0, dict[str, float](), dict(after)
    while left or ends:
        free = [name for name, needs in left.items() if not any(need in left or need in ends for need in needs)]
        for name in sorted(free, key=lambda name: -seconds[name])[: at_once - len(ends)]:
            ends[name] = clock + seconds[name]
            del left[name]
        if not ends:
            break  # only what needs what nobody does
        first = min(ends, key=lambda name: ends[name])
        clock = ends.pop(first)
    return clock
