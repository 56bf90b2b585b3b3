"""Submits a job to the student's YARN, follows it, and prints one useful line at the end."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from streamlab.edge.room import Room
from streamlab.errors import WrongRequest
from streamlab.lessons import bundle
from streamlab.lessons.jobs import Preset, Step
from streamlab.lessons.resources import containers, too_large
from streamlab.stacks import operation, parallel
from streamlab.stacks.channel import fields
from streamlab.stacks.operation import Access, Operation
from streamlab.stacks.stack import Stack, failed, open_stack, zip_path
from streamlab.students.docker_hosts import by_docker_host
from streamlab.students.inventory import Lab
from streamlab.students.services import require_service, yarn_tag
from streamlab.students.student import Student
from streamlab.ui import Progress, one_line, progress, say
from streamlab.work.follow import follow, kill
from streamlab.work.request import Request, positive

#: Seconds that what a step needs may take, and then Spark's client to hand the application to YARN.
PREPARE_SECONDS = 300
SUBMIT_SECONDS = 120

_room_fields = fields(
    free_mb=[int], free_vcores=[int], step_mb=int, total_mb=int, held_mb=int, running=[str], unhealthy=[str]
)


def _room(said: Any) -> Room:
    """What a node says of the room that its YARN has."""
    found = Room(**_room_fields(said))
    if len(found.free_mb) != len(found.free_vcores) or found.step_mb < 1:
        raise ValueError("this is not a description of YARN's free resources")
    return found


def spark_options(student: Student, step: Step, preset: Preset, services: Sequence[str] = ()) -> list[str]:
    """The options of one step's ``spark-submit``, in cluster mode; what is submitted comes after them.

    Args:
        services: the optional services that its job needs; YARN keeps that, for who would take one from the stack.
    """
    conf = {
        **({"spark.yarn.tags": ",".join(map(yarn_tag, services))} if services else {}),
        "spark.driver.memoryOverhead": f"{preset.overhead_mb}m",
        "spark.executor.memoryOverhead": f"{preset.overhead_mb}m",
        "spark.sql.shuffle.partitions": preset.shuffle_partitions,
        # We follow the application over REST: the client's JVM need not stay for that.
        "spark.yarn.submit.waitAppCompletion": "false",
        **(student.cluster.spark_conf if student.cluster else {}),
    }
    return [
        *("--deploy-mode", "cluster"),
        *("--name", application_name(student, step)),
        *("--driver-memory", f"{preset.driver_memory_mb}m"),
        *("--driver-cores", str(preset.driver_cores)),
        *("--num-executors", str(preset.executors)),
        *("--executor-memory", f"{preset.executor_memory_mb}m"),
        *("--executor-cores", str(preset.executor_cores)),
        *(part for key, value in sorted(conf.items()) for part in ("--conf", f"{key}={value}")),
    ]


def flink_options(student: Student, step: Step, preset: Preset, services: Sequence[str] = ()) -> list[str]:
    """The same for one step's ``sql-client.sh``: a JobManager in the driver's place, TaskManagers in the executors'.

    A container is as large as Spark's would be; how much of it is heap, Flink decides. It has a slot for each core.
    """
    conf = {
        **({"yarn.tags": ",".join(map(yarn_tag, services))} if services else {}),
        "yarn.application.name": application_name(student, step),
        "jobmanager.memory.process.size": f"{preset.driver_memory_mb + preset.overhead_mb}m",
        "yarn.appmaster.vcores": preset.driver_cores,
        "taskmanager.memory.process.size": f"{preset.executor_memory_mb + preset.overhead_mb}m",
        "taskmanager.numberOfTaskSlots": preset.executor_cores,
        # It asks YARN for TaskManagers until each part of the job has a slot.
        "parallelism.default": preset.executors * preset.executor_cores,
    }
    return [f"-D{key}={value}" for key, value in conf.items()]


def application_name(student: Student, step: Step) -> str:
    return f"{student.name}-{step.job}-{step.name}"


def running_of(stack: Stack, steps: Sequence[Step]) -> dict[str, str]:
    """Which of these steps run now: the application's name -> its id."""
    return stack.answer(
        "edge.running", *(application_name(stack.student, step) for step in steps), seconds=30,
        read=lambda said: {str(name): str(app_id) for name, app_id in said.items()},
    )  # fmt: skip


def application_id(text: str) -> str | None:
    """The application that ``spark-submit`` or ``sql-client.sh`` says it started."""
    found = re.search(r"application_\d+_\d+", text)
    return found.group(0) if found else None


def submit_each(lab: Lab, students: Sequence[Student], wanted: Request, *, at_once: str | None = None) -> None:
    """Submit for every student, on each Docker host `at_once` at a time, or as many as it has memory and cores for.

    Raises:
        WrongRequest: somebody would never have a turn.
        LabError: it failed for some students; it is done for the others.
    """
    number = positive("--at-once", at_once) if at_once is not None else None

    @cache
    def turns(docker_host: str) -> int:
        from streamlab.stacks import capacity  # asks an engine, which is not where a student sits

        return number or capacity.at_once(lab, docker_host)

    if wanted.continuous and not wanted.detach and len(students) > 1:
        for docker_host, group in by_docker_host(students):
            _require_turns(wanted, docker_host, turns(docker_host), len(group))
    parallel.each(students, lambda student: submit(student, wanted), Operation(wanted.what, Access.USE, None, turns))


def _require_turns(wanted: Request, docker_host: str, turns: int, students: int) -> None:
    """Refuse a stream that is followed and does not end, where more students are to have it than may at a time."""
    if students > turns:
        step = next(step for step in wanted.steps if step.streaming)
        raise WrongRequest(
            f"{wanted.what} would begin for {turns} of {students} students only",
            evidence=f"with --continuous it never ends, and {turns} run at a time on {docker_host}",
            fix=f"--job {wanted.job.typed}/{step.name} --continuous --detach leaves it running and goes on",
        )


def submit_one(student: Student, wanted: Request) -> list[str]:
    """`submit`, as an operation of its own."""
    return operation.act(lambda student: submit(student, wanted), student, Operation(wanted.what, Access.USE, None))


def submit(student: Student, wanted: Request) -> list[str]:
    """Run the steps one after another on the student's YARN; returns the applications' ids.

    Raises:
        WrongRequest: it does not fit, there is no stack, or the stack lacks a service that the job needs.
        LabError: a step failed; the probable cause is the evidence.
    """
    for service in wanted.job.services:
        require_service(student, service, wanted.job.name)
    packed = bundle.job_bundle(wanted.job.folder, wanted.job.exercise)
    with open_stack(student) as stack:
        return [_run(stack, step, wanted, packed) for step in wanted.steps]


def _run(stack: Stack, step: Step, wanted: Request, packed: bundle.Bundle) -> str:
    began = time.monotonic()
    app_id = _hand_over(stack, step, wanted, packed)
    if wanted.detach:
        say(
            f"{step.full_name}: {app_id} keeps running; follow it with `invoke logs --app {app_id}`, "
            f"end it with `invoke stop --job {step.full_name}`"
        )
        return app_id
    continuous = wanted.continuous and step.streaming
    seconds = 10**7 if continuous else step.timeout
    # What an exercise has written is for its check to say: the gaps are the student's own. And Flink counts nothing.
    unsaid = wanted.job.exercise or step.flink
    nothing = f"see how it went: invoke check --job {wanted.job.typed}" if unsaid else "it wrote nothing"
    follow(
        stack, step, app_id, began, seconds=seconds, preset=wanted.presets[step.name], typed=wanted.job.typed,
        nothing=nothing,
    )  # fmt: skip
    return app_id


def _hand_over(stack: Stack, step: Step, wanted: Request, packed: bundle.Bundle) -> str:
    """Make what the step needs, and run its engine's client until YARN has the application; its id."""
    preset = wanted.presets[step.name]
    options = flink_options if step.flink else spark_options
    request = {
        "zip": zip_path(packed),
        "sha256": packed.sha256,
        "containers": containers(preset),
        "step": step.full_name,
        "name": application_name(stack.student, step),
        "typed": wanted.job.typed,
        "arguments": [x for key, value in sorted(wanted.args[step.name].items()) for x in ("--set", f"{key}={value}")],
        "seed": wanted.seed,
        "flink": step.flink,
        "options": options(stack.student, step, preset, wanted.job.services),
        "continuous": wanted.continuous and step.streaming,
        "seconds": SUBMIT_SECONDS,
    }
    own = wanted.prepared_by
    # What comes first is what is imported, also of the job's own package.
    zips = [*([bundle.job_bundle(own.folder, own.exercise)] if own else []), packed]
    seen: dict[str, Any] = {}
    said: list[str] = []
    with progress(step.full_name) as line:

        def tell(event: dict[str, Any]) -> None:
            if "fits" in event:
                seen["fits"], seen["room"] = event["fits"] is True, _room(event["room"])
            elif "bundle" in event or "script" in event:
                seen["handed"] = True
            _made(event, line, f"{step.full_name} for {stack.student.name}, preset {preset.name}", packed)

        def printed(stream: str, text: str) -> None:
            if "handed" in seen:
                said.append(text)
            elif stream == "out":  # by the job's own prepare.py
                line.close()
                say(f"  | {text}")

        seconds = PREPARE_SECONDS + SUBMIT_SECONDS
        try:
            done = stack.python(
                "edge.submit", json.dumps(request), seconds=seconds, about=step.full_name, zips=zips, tell=tell,
                printed=printed,
            )  # fmt: skip
        except KeyboardInterrupt:
            line.close()
            kill(stack, application_id("\n".join(said)))
            raise
    if seen.get("fits") is False:
        raise too_large(preset, seen["room"])
    if "handed" not in seen:
        raise failed(f"{step.full_name}: what it needs could not be made", done, seconds=seconds)
    app_id = application_id("\n".join(said))
    if done.code != 0 or app_id is None:
        client = "sql-client.sh" if step.flink else "spark-submit"
        raise failed(f"{step.full_name}: {client} could not hand it over", done, seconds=SUBMIT_SECONDS)
    return app_id


def _made(event: Mapping[str, Any], line: Progress, title: str, packed: bundle.Bundle) -> None:
    """Say what edge.submit has done."""
    line.close()
    if "waiting" in event:
        line.update(str(event["waiting"]))
    elif event.get("fits"):
        say(title)
    elif "made" in event:
        say(f"  {event['made']}")
    elif "bundle" in event:
        there = "uploaded" if event["uploaded"] else "already there"
        say(f"  bundle {packed.short}: {there} ({len(packed.data) / 1024:.0f} kB)")
        line.update("submitting the application to YARN")
    elif "script" in event:
        say(f"  script {event['script']}: {_begins(event['state'])}")
        line.update("submitting the application to YARN")


def _begins(state: object) -> str:
    """Where a script of Flink's begins."""
    return f"goes on from {one_line(str(state))}" if state else "from the beginning"
