"""Ends a running stream cleanly: between two batches, by the job itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from streamlab.engines.inside import run_inside
from streamlab.errors import LabError
from streamlab.lessons import jobs
from streamlab.lessons.jobs import Job, Step
from streamlab.stacks import parallel
from streamlab.stacks.channel import fields
from streamlab.stacks.operation import Access, Operation
from streamlab.stacks.stack import Stack, failed, open_stack
from streamlab.students.student import Student
from streamlab.ui import one_line, say
from streamlab.work.submit import application_name, running_of

#: Seconds that a job may take to see that it should stop, and to finish its batch.
SECONDS = 90


def stop_each(students: Sequence[Student], name: str) -> None:
    """Stop the running steps of a lesson, or one of its steps, for every student."""
    job, steps = jobs.find(name)
    parallel.each(students, lambda student: stop(student, job, steps), Operation(f"stop {name}", Access.USE))


def stop(student: Student, job: Job, steps: tuple[Step, ...]) -> None:
    """Ask every running application of `steps` to end, and wait until it has.

    Raises:
        LabError: one did not end in time, and was killed; its checkpoint holds what it had finished.
    """
    with open_stack(student) as stack:
        running = running_of(stack, steps)
        if not running:
            say(f"nothing to stop: no step of {job.name} runs for {student.name}")
            return
        for step in steps:
            app_id = running.get(application_name(student, step))
            if app_id is None:
                continue
            named = (job.name, step.name, app_id, str(SECONDS))
            try:
                ended = stack.answer("edge.stop", *named, seconds=SECONDS + 30, read=fields(began=bool, savepoint=str))
            except LabError as error:
                raise _killed(stack, step, app_id, error) from error
            say(f"{step.full_name}: {app_id} {_how(ended)}")


def _killed(stack: Stack, step: Step, app_id: str, error: LabError) -> LabError:
    """Kill an application that did not end when it was asked to; the error that says so."""
    killed = run_inside(stack.edge, ["yarn", "application", "-kill", app_id], seconds=60)
    if killed.code != 0:
        return failed(f"{step.full_name}: {app_id} did not stop by itself, and could not be killed", killed, seconds=60)
    return LabError(
        f"{step.full_name}: {app_id} did not stop by itself and was killed",
        evidence=[error.what, *error.evidence],
        fix=f"what it had finished is kept; the whole log: invoke logs --app {app_id}",
    )


def _how(ended: Mapping[str, Any]) -> str:
    if not ended["began"]:
        return "had not started, and was withdrawn"
    if ended["savepoint"]:
        return f"stopped with a savepoint, {one_line(ended['savepoint'])}"
    return "stopped after its last batch"
