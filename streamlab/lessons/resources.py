"""Whether an application fits into a student's YARN now: the arithmetic, and the refusal that shows it. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from streamlab.errors import WrongRequest
from streamlab.lessons.jobs import Preset


@dataclass(frozen=True)
class Capacity:
    """What YARN could hand out now, node by node, the step in which it does, and what `running` hold (MB)."""

    free_mb: tuple[int, ...]
    free_vcores: tuple[int, ...]
    step_mb: int
    total_mb: int
    held_mb: int = 0
    running: tuple[str, ...] = ()


def containers(preset: Preset, *, step_mb: int) -> list[tuple[int, int]]:
    """What YARN is asked for: (MB, vcores) of the driver, then of each executor, rounded up to YARN's step."""

    def rounded(heap: int) -> int:
        return -(-(heap + preset.overhead_mb) // step_mb) * step_mb

    executor = (rounded(preset.executor_memory_mb), preset.executor_cores)
    return [(rounded(preset.driver_memory_mb), preset.driver_cores), *[executor] * preset.executors]


def fits(wanted: Sequence[tuple[int, int]], capacity: Capacity) -> bool:
    """Whether the containers can be placed on the nodes, largest first, each where it fits first."""
    memory, vcores = list(capacity.free_mb), list(capacity.free_vcores)
    for mb, cores in sorted(wanted, reverse=True):
        place = next((i for i in range(len(memory)) if memory[i] >= mb and vcores[i] >= cores), None)
        if place is None:
            return False
        memory[place] -= mb
        vcores[place] -= cores
    return True


def worth_waiting(preset: Preset, capacity: Capacity) -> bool:
    """Whether what does not fit now may fit soon.

    An application is over a moment before its last container is: what is neither free nor held by one that runs is
    about to be given back.
    """
    ending_mb = capacity.total_mb - sum(capacity.free_mb) - capacity.held_mb
    wanted_mb = sum(mb for mb, _ in containers(preset, step_mb=capacity.step_mb))
    return ending_mb > 0 and wanted_mb <= capacity.total_mb - capacity.held_mb


def too_large(preset: Preset, capacity: Capacity) -> WrongRequest | None:
    """The refusal, with the arithmetic, of a preset that YARN could not run now; None when it can."""
    wanted = containers(preset, step_mb=capacity.step_mb)
    if fits(wanted, capacity):
        return None
    driver, *executors = (mb for mb, _ in wanted)
    each_executor = executors[0] if executors else 0
    needs = f"driver {driver} + {len(executors)} executor(s) of {each_executor} = {sum((driver, *executors))} MB"
    each = " + ".join(
        f"{mb} MB and {cores} vcores" for mb, cores in zip(capacity.free_mb, capacity.free_vcores, strict=True)
    )
    evidence = [
        f"it needs {needs} (heap + {preset.overhead_mb} overhead each, in steps of {capacity.step_mb}), "
        f"{sum(cores for _, cores in wanted)} vcores",
        f"YARN can give now: {each or 'nothing, no NodeManager is active'}, of {capacity.total_mb} MB in all",
        *(f"running: {name}" for name in capacity.running),
    ]
    if capacity.running and sum(mb for mb, _ in wanted) <= capacity.total_mb:
        fix = _make_room(capacity.running[0])
    else:
        fix = "use a smaller --preset, or a larger yarn_memory_mb in the inventory"
    return WrongRequest(f"preset {preset.name} does not fit into this student's YARN", evidence=evidence, fix=fix)


def _make_room(running: str) -> str:
    """How to end what runs: a step of ours stops by itself, anything else is for YARN to kill."""
    app_id, _, rest = running.partition(" ")
    ours = re.fullmatch(r"[a-z0-9]+-([a-z0-9]+)-(\S+)", rest.partition(" MB ")[2])
    if ours:
        return f"invoke stop --job {ours[1]}/{ours[2]}, or wait for it"
    return f"wait for it, or: invoke shell --command 'yarn application -kill {app_id}'"
