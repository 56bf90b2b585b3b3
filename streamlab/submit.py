"""From a job's name to an application on the student's YARN, and from there to one useful line."""

from __future__ import annotations

import json
import re
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from streamlab import bundle, jobs
from streamlab.cause import probable_cause
from streamlab.engine import run_inside
from streamlab.errors import LabError, WrongRequest
from streamlab.jobs import Job, Preset, Step
from streamlab.stack import Stack, failed, open_stack
from streamlab.topology import Student
from streamlab.ui import progress, say

#: Seconds that Spark's client may take to hand an application to YARN.
SUBMIT_SECONDS = 120
PREPARE_SECONDS = 300
OUTCOME = "streamlab-outcome: "


@dataclass(frozen=True)
class Capacity:
    """What YARN could hand out now, node by node, and the step in which it does (MB)."""

    free_mb: tuple[int, ...]
    free_vcores: tuple[int, ...]
    step_mb: int
    total_mb: int
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


def too_large(preset: Preset, capacity: Capacity) -> WrongRequest | None:
    """The refusal, with the arithmetic, of a preset that YARN could not run now; None when it can."""
    wanted = containers(preset, step_mb=capacity.step_mb)
    if fits(wanted, capacity):
        return None
    driver, *executors = (mb for mb, _ in wanted)
    needs = f"driver {driver} + {len(executors)} executor(s) of {executors[0] if executors else 0} = {sum((driver, *executors))} MB"
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


def argv(
    *, student: Student, step: Step, preset: Preset, shelf: Mapping[str, str], args: Mapping[str, str], continuous: bool
) -> list[str]:
    """The ``spark-submit`` of one step, in cluster mode; `shelf` says where its files stand on HDFS."""
    conf = {
        "spark.driver.memoryOverhead": f"{preset.overhead_mb}m",
        "spark.executor.memoryOverhead": f"{preset.overhead_mb}m",
        "spark.sql.shuffle.partitions": preset.shuffle_partitions,
        # We follow the application over REST: the client's JVM need not stay for that.
        "spark.yarn.submit.waitAppCompletion": "false",
    }
    return [
        "spark-submit",
        *("--deploy-mode", "cluster"),
        *("--name", application_name(student, step)),
        *("--driver-memory", f"{preset.driver_memory_mb}m"),
        *("--driver-cores", str(preset.driver_cores)),
        *("--num-executors", str(preset.executors)),
        *("--executor-memory", f"{preset.executor_memory_mb}m"),
        *("--executor-cores", str(preset.executor_cores)),
        *(part for key, value in sorted(conf.items()) for part in ("--conf", f"{key}={value}")),
        *("--py-files", shelf["bundle"]),
        shelf["launcher"],
        step.full_name,
        *(part for key, value in sorted(args.items()) for part in ("--set", f"{key}={value}")),
        *(["--continuous"] if continuous else []),
    ]


def application_name(student: Student, step: Step) -> str:
    return f"{student.name}-{step.job}-{step.name}"


def application_id(text: str) -> str | None:
    """The application that ``spark-submit`` says it started."""
    found = re.search(r"application_\d+_\d+", text)
    return found.group(0) if found else None


@dataclass(frozen=True)
class Request:
    """Everything that was asked of one submit, checked."""

    job: Job
    steps: tuple[Step, ...]
    presets: Mapping[str, Preset]
    args: Mapping[str, Mapping[str, str]]
    continuous: bool
    detach: bool


def request(
    job: str, *, preset: str | None, given: list[str], continuous: bool, detach: bool, resources: Mapping[str, int]
) -> Request:
    """Check what was asked, without a cluster.

    Args:
        resources: single values that replace those of each step's preset, for example ``{"executor_memory_mb": 2048}``.
    """
    found, steps = jobs.find(job)
    presets = {step.name: replace(jobs.preset(preset or step.preset), **resources) for step in steps}
    if detach and len(steps) > 1:
        raise WrongRequest(
            f"{found.name} has {len(steps)} steps that follow one another, so it cannot be left alone",
            evidence=f"steps: {', '.join(step.name for step in steps)}",
            fix=f"name one: --job {steps[-1].full_name} --detach",
        )
    if continuous and not any(step.streaming for step in steps):
        raise WrongRequest(
            f"{job} has no stream to continue",
            evidence=f"steps: {', '.join(s.name for s in steps)}",
            fix="leave out --continuous",
        )
    args = {
        step.name: jobs.arguments(step, [item for item in given if _meant_for(item, step, steps)]) for step in steps
    }
    return Request(found, steps, presets, args, continuous, detach)


def _meant_for(item: str, step: Step, steps: Sequence[Step]) -> bool:
    """An argument goes to the steps that know it; one that none knows goes to all, where it is refused."""
    key = item.partition("=")[0]
    knowing = [s for s in steps if key in s.args]
    return step in knowing or not knowing


def submit(student: Student, wanted: Request) -> list[str]:
    """Run the steps one after another on the student's YARN; returns the applications' ids.

    Raises:
        WrongRequest: it does not fit, or there is no stack.
        LabError: a step failed; the probable cause is the evidence.
    """
    packed = bundle.job_bundle(wanted.job.folder)
    with open_stack(student) as stack:
        return [_run(stack, step, wanted, packed) for step in wanted.steps]


def _run(stack: Stack, step: Step, wanted: Request, packed: bundle.Bundle) -> str:
    preset = wanted.presets[step.name]
    began = time.monotonic()
    problem = too_large(preset, capacity(stack))
    if problem:
        raise problem
    say(f"{step.full_name} for {stack.student.name}, preset {preset.name}")
    _prepare(stack, step, wanted.args[step.name], packed)
    shelf = stack.answer("edge.shelve", stack.put(packed), packed.sha256, seconds=60)
    say(
        f"  bundle {packed.short}: {'uploaded' if shelf['uploaded'] else 'already there'} ({len(packed.data) / 1024:.0f} kB)"
    )
    continuous = wanted.continuous and step.streaming
    command = argv(
        student=stack.student, step=step, preset=preset, shelf=shelf, args=wanted.args[step.name], continuous=continuous
    )
    app_id = _hand_over(stack, command)
    if wanted.detach:
        say(
            f"{step.full_name}: {app_id} runs on; follow it with `invoke logs --app {app_id}`, end it with `invoke stop --job {step.full_name}`"
        )
        return app_id
    _follow(stack, step, app_id, began, seconds=10**7 if continuous else step.timeout)
    return app_id


def capacity(stack: Stack) -> Capacity:
    """What the student's YARN could hand out now."""
    found = stack.answer("edge.capacity", seconds=30)
    return Capacity(
        tuple(found["free_mb"]),
        tuple(found["free_vcores"]),
        found["step_mb"],
        found["total_mb"],
        tuple(found["running"]),
    )


def _prepare(stack: Stack, step: Step, args: Mapping[str, str], packed: bundle.Bundle) -> None:
    given = [part for key, value in args.items() for part in ("--set", f"{key}={value}")]

    def heard(stream: str, line: str) -> None:
        if stream == "out":
            say(f"  {line}")

    done = stack.python("common.prepare", step.full_name, *given, seconds=PREPARE_SECONDS, zips=[packed], lines=heard)
    if done.code != 0:
        raise failed(f"{step.full_name}: what it needs could not be made", done, seconds=PREPARE_SECONDS)


def _hand_over(stack: Stack, command: Sequence[str]) -> str:
    """Run ``spark-submit`` until YARN has the application, and return its id."""
    with progress("spark-submit") as line:
        line.update("handing the application to YARN")
        done = run_inside(stack.edge, command, seconds=SUBMIT_SECONDS)
    app_id = application_id(done.err + done.out)
    if done.code != 0 or app_id is None:
        raise failed(f"spark-submit could not hand over {shlex.join(command[-3:])}", done, seconds=SUBMIT_SECONDS)
    return app_id


def _follow(stack: Stack, step: Step, app_id: str, began: float, *, seconds: int) -> None:
    say(f"  {app_id} accepted")
    seen: dict[str, Any] = {"outcome": {}, "final": None}
    with progress(step.full_name) as line:

        def heard(stream: str, text: str) -> None:
            if stream == "out":
                _event(json.loads(text), seen, line)

        try:
            done = stack.python("edge.follow", app_id, str(seconds), seconds=seconds + 120, lines=heard)
        except KeyboardInterrupt:
            line.close()
            run_inside(stack.edge, ["yarn", "application", "-kill", app_id], seconds=60)
            say(f"ended {app_id}; with --detach it would run on")
            raise
    final = seen["final"]
    if final is None:
        raise failed(f"{step.full_name}: {app_id} could not be followed", done, seconds=seconds)
    if final["final"] != "SUCCEEDED":
        why = (
            final["diagnostics"].splitlines()
            if final["final"] == "KILLED"
            else probable_cause(final["log"] or "", final["diagnostics"])
        )
        raise LabError(
            f"{step.full_name}: {app_id} ended {final['final']}",
            evidence=why,
            fix=f"correct it and submit again; the whole log: invoke logs --app {app_id}",
        )
    written = "; ".join(f"{count} to {place}" for place, count in seen["outcome"].get("written", {}).items())
    say(f"{step.full_name}: {app_id} SUCCEEDED in {time.monotonic() - began:.1f} s: {written or 'it wrote nothing'}")


def _event(event: Mapping[str, Any], seen: dict[str, Any], line: Any) -> None:
    if "final" in event:
        seen["final"] = event
    elif "out" in event:
        if event["out"].startswith(OUTCOME):
            seen["outcome"] = json.loads(event["out"].removeprefix(OUTCOME))
        else:
            line.close()
            say(f"  | {event['out']}")
    elif "stage" in event:
        line.update(f"{event['stage']}: {event['done']} of {event['total']} tasks")
    elif "state" in event:
        line.update(event["state"].lower())
