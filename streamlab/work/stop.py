"""Ends a running stream cleanly: between two batches, by the job itself."""

from __future__ import annotations

import json
from collections.abc import Sequence

from streamlab.engines.inside import run_inside
from streamlab.lessons import jobs
from streamlab.lessons.jobs import Job, Step
from streamlab.stacks.stack import failed, open_stack
from streamlab.students import many
from streamlab.students.topology import Student
from streamlab.ui import say
from streamlab.work.submit import application_name

#: Seconds that a job may take to see that it should stop, and to finish its batch.
SECONDS = 90


def stop_each(students: Sequence[Student], name: str) -> None:
    """Stop what runs of a lesson, or of one step of it, for every student."""
    job, steps = jobs.find(name)
    many.each(students, lambda student: stop(student, job, steps), what=f"stop {name}")


def stop(student: Student, job: Job, steps: tuple[Step, ...]) -> None:
    """Ask every running application of `steps` to end, and wait until it has.

    Raises:
        LabError: one did not end in time, and was killed; its checkpoint holds what it had finished.
    """
    with open_stack(student) as stack:
        running = stack.answer("edge.running", *(application_name(student, step) for step in steps), seconds=30)
        if not running:
            say(f"nothing to stop: no step of {job.name} runs for {student.name}")
            return
        for step in steps:
            app_id = running.get(application_name(student, step))
            if app_id is None:
                continue
            done = stack.python("edge.stop", job.name, step.name, app_id, str(SECONDS), seconds=SECONDS + 30)
            if done.code != 0:
                run_inside(stack.edge, ["yarn", "application", "-kill", app_id], seconds=60)
                raise failed(f"{step.full_name}: {app_id} did not stop by itself and was killed", done, seconds=SECONDS)
            began = json.loads(done.out)["began"]
            how = "stopped after its last batch" if began else "had not begun, and was taken back"
            say(f"{step.full_name}: {app_id} {how}")
