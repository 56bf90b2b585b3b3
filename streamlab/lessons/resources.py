"""What a preset asks of YARN, and the refusal that shows the sum. Pure."""

from __future__ import annotations

import re

from streamlab.edge.room import Room, rounded
from streamlab.errors import WrongRequest
from streamlab.lessons.jobs import Preset


def containers(preset: Preset) -> list[tuple[int, int]]:
    """What YARN is asked for: (MB, vcores) of the driver, then of each executor."""
    executor = (preset.executor_memory_mb + preset.overhead_mb, preset.executor_cores)
    return [(preset.driver_memory_mb + preset.overhead_mb, preset.driver_cores), *[executor] * preset.executors]


def too_large(preset: Preset, room: Room) -> WrongRequest:
    """The refusal, with the arithmetic, of a preset that YARN cannot run in this room."""
    wanted = rounded(containers(preset), room.step_mb)
    driver, *executors = (mb for mb, _ in wanted)
    each_executor = executors[0] if executors else 0
    needs = f"driver {driver} + {len(executors)} executor(s) of {each_executor} = {sum((driver, *executors))} MB"
    each = " + ".join(f"{mb} MB and {cores} vcores" for mb, cores in zip(room.free_mb, room.free_vcores, strict=True))
    evidence = [
        f"it needs {needs} (heap + {preset.overhead_mb} overhead each, in steps of {room.step_mb}), "
        f"{sum(cores for _, cores in wanted)} vcores",
        f"YARN can give now: {each or 'nothing, no NodeManager is active'}, of {room.total_mb} MB in all",
        *(f"running: {name}" for name in room.running),
        *(f"unhealthy: {report}" for report in room.unhealthy),
    ]
    if room.unhealthy:
        fix = "invoke status --disk shows what uses disk; delete what is not needed, or raise disk_mb in the inventory"
    elif not room.free_mb:
        fix = "invoke status shows which node is unhealthy, invoke provision starts it again"
    elif room.running and sum(mb for mb, _ in wanted) <= room.total_mb:
        fix = _make_room(room.running[0])
    else:
        fix = "use a smaller --preset, or a larger yarn_memory_mb in the inventory"
    return WrongRequest(f"preset {preset.name} does not fit into this student's YARN", evidence=evidence, fix=fix)


def _make_room(running: str) -> str:
    """How to end what runs: a step of ours stops by itself, anything else is for YARN to kill."""
    app_id, _, rest = running.partition(" ")
    ours = re.fullmatch(r"[a-z0-9]+-([a-z0-9]+)-(\S+)", rest.partition(" MB ")[2])
    if ours:
        return f"invoke stop --job {ours[1]}/{ours[2]}, or wait for it"
    return f"wait for it, or on the edge node: yarn application -kill {app_id}"
