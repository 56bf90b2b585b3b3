"""Follows an application on the student's YARN to its end, and prints its output and its result."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from streamlab.diagnoses import logs
from streamlab.engines.inside import run_inside
from streamlab.errors import LabError
from streamlab.lessons.jobs import Preset, Step
from streamlab.stacks.channel import fields
from streamlab.stacks.stack import Stack, failed
from streamlab.ui import Progress, progress, say

OUTCOME = "streamlab-outcome: "
#: Seconds that the following may take longer than the application may run: its log is still to come, or YARN's answer.
LATER_SECONDS = 720
#: Characters of one line of evidence.
EVIDENCE = 1000


class JobFailed(LabError):
    """An application ran and did not succeed: the job's own failure, as far as can be seen."""


_final = fields(final=str, diagnostics=str, log=str, errors=str, began=bool)


def follow(
    stack: Stack, step: Step, app_id: str, began: float, *, seconds: int, preset: Preset, typed: str,
    nothing: str = "it wrote nothing",
) -> None:  # fmt: skip
    """Print what an application's driver prints, and at its end what it has written.

    Args:
        nothing: what to print at its end when it counted nothing.
        typed: what `--job` was given, without a step.

    Raises:
        JobFailed: it did not succeed; the probable cause is the evidence.
        LabError: it could not be followed, or YARN did not let it begin.
    """
    say(f"  {app_id} accepted")
    seen: dict[str, Any] = {"written": {}, "final": None}
    with progress(step.full_name) as line:
        try:
            done = stack.python(
                "edge.follow", app_id, str(seconds), seconds=seconds + LATER_SECONDS, about=step.full_name,
                tell=lambda event: _hear(event, seen, line), limit=None,
            )  # fmt: skip
        except KeyboardInterrupt:
            line.close()
            kill(stack, app_id)
            raise
    final = seen["final"]
    if final is None:
        raise failed(f"{step.full_name}: {app_id} could not be followed", done, seconds=seconds)
    if final["final"] != "SUCCEEDED":
        raise failure(step, app_id, final, preset=preset, typed=typed)
    written = "; ".join(f"{count} to {place}" for place, count in seen["written"].items())
    say(f"{step.full_name}: {app_id} SUCCEEDED in {time.monotonic() - began:.1f} s: {written or nothing}")


def kill(stack: Stack, app_id: str | None) -> None:
    """Kill the interrupted application, if YARN has it or may soon have it."""
    if app_id and run_inside(stack.edge, ["yarn", "application", "-kill", app_id], seconds=60).code == 0:
        say(f"ended {app_id}; with --detach it would keep running")


def _hear(event: Mapping[str, Any], seen: dict[str, Any], line: Progress) -> None:
    if "final" in event:
        seen["final"] = _final(event)
    elif "out" in event:
        if (written := written_by(event["out"])) is None:
            line.close()
            say(f"  | {event['out']}")
        else:
            seen["written"] = written
    elif "stage" in event:
        line.update(f"{event['stage']}: {event['done']} of {event['total']} tasks")
    elif "state" in event:
        line.update(event["state"].lower())
    elif "waiting" in event:
        line.update(str(event["waiting"]))


def written_by(line: str) -> dict[str, Any] | None:
    """What a step has written, where this is the launcher's last line; a job may print one that only begins like it."""
    if not line.startswith(OUTCOME):
        return None
    try:
        return fields(written=dict)(json.loads(line.removeprefix(OUTCOME)))["written"]
    except (ValueError, TypeError, KeyError):
        return None


def failure(step: Step, app_id: str, final: Mapping[str, Any], *, preset: Preset, typed: str) -> LabError:
    """The error for an application that did not succeed; the job's own failure if it has begun."""
    if not final["began"]:
        return LabError(
            f"{step.full_name}: {app_id} has not begun, and was ended",
            evidence=final["diagnostics"].splitlines(),
            fix="invoke status shows what runs and holds the memory; then submit again",
        )
    if final["final"] == "KILLED":
        why = logs.Cause(final["diagnostics"].splitlines())
    else:
        why = logs.probable_cause(final["log"], final["diagnostics"], errors=final["errors"])
    return JobFailed(
        f"{step.full_name}: {app_id} ended {final['final']}",
        evidence=[line[:EVIDENCE] for line in why.lines],
        fix=f"{_remedy(why.needs, preset, typed)}; the whole log: invoke logs --app {app_id}",
    )


def _remedy(needs: str, preset: Preset, typed: str) -> str:
    """What to do about a cause."""
    if needs == logs.EXECUTOR_MEMORY:
        return _more_memory("executor", preset.executor_memory_mb, preset.overhead_mb)
    if needs == logs.DRIVER_MEMORY:
        return _more_memory("driver", preset.driver_memory_mb, preset.overhead_mb)
    if needs == logs.LOST_RECORDS:
        return f"invoke reset --job {typed} starts over with what the topic holds now"
    if needs == logs.CHANGED_SCRIPT:
        return f"invoke reset --job {typed} lets it begin anew, or submit the script as it was"
    return "correct it and submit again"


def _more_memory(whose: str, heap_mb: int, overhead_mb: int) -> str:
    more = f"--{whose}-memory {2 * heap_mb} (it had {heap_mb} MB, and {overhead_mb} beside its heap)"
    return f"give it more, as in {more}, or a larger --preset, or let it hold less at a time"
