"""Why a job stands still or failed: `invoke why`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from streamlab.diagnoses.diagnosis import Diagnosis
from streamlab.diagnoses.known import diagnose
from streamlab.errors import WrongRequest
from streamlab.lessons import jobs
from streamlab.stacks import operation, parallel
from streamlab.stacks.channel import fields, list_of, understood
from streamlab.stacks.operation import Access, Operation
from streamlab.stacks.stack import open_stack
from streamlab.students.student import Student
from streamlab.ui import one_line, say
from streamlab.work.look import require_application_id
from streamlab.work.submit import application_name

#: Seconds in which a stack answers: YARN may take 30 to collect the log of what has just ended.
SECONDS = 90
LOOK = Operation("why", Access.READ, seconds=SECONDS + 30)

#: An application's name, id and state, and why it is so.
Told = tuple[dict[str, str], Diagnosis]


def report(students: Sequence[Student], *, job: str | None, app: str | None, as_json: bool) -> None:
    """Say of an application, the last one of a job, or of those that run, why it stands still or failed.

    Raises:
        WrongRequest: a job and an application are named, or what is named is neither.
        LabError: a student's stack does not answer.
    """
    if job and app:
        raise WrongRequest("--job and --app name two things", fix="leave one of them out")
    if app:
        require_application_id(app)
    steps = jobs.find(job)[1] if job else ()

    def ask(student: Student) -> list[Told]:
        names = [application_name(student, step) for step in steps]
        with open_stack(student) as stack:
            words = [f"--app={app}"] if app else names
            found = stack.answer("edge.why", *words, seconds=SECONDS, read=list_of(_facts))
        about = f"what is known of {student.name}'s applications"
        return understood(lambda said: [(_named(one), diagnose(one)) for one in said], found, about=about)

    if len(students) == 1:
        outcomes = [parallel.Outcome(students[0].name, 0.0, answer=operation.act(ask, students[0], LOOK))]
    else:
        outcomes = parallel.run(students, ask, LOOK)
    done = [outcome for outcome in outcomes if not outcome.error]
    if as_json:
        say(json.dumps({"students": [_document(outcome.name, outcome.answer) for outcome in done]}, indent=2))
    else:
        say("\n\n".join(describe(outcome.name, outcome.answer) for outcome in done))
    parallel.require_done(outcomes, LOOK)


def _facts(said: Any) -> dict[str, Any]:
    texts = ("id", "name", "state", "final_status", "diagnostics", "unread", "log", "errors")
    lists = ("pending_mb", "holders", "lost", "failures", "job_errors", "stages", "queries", "there")
    return fields(**dict.fromkeys(texts, str), **dict.fromkeys(lists, list), topics=dict)(said)


def _named(facts: dict[str, Any]) -> dict[str, str]:
    return {name: one_line(facts[name]) for name in ("id", "name", "state", "final_status")}


def describe(student: str, told: Sequence[Told]) -> str:
    """For each application a line with its name and state, a paragraph, the evidence and the fix."""
    if not told:
        return f"{student}: no application runs, and none has since YARN was started"
    return "\n\n".join(_described(app, diagnosis) for app, diagnosis in told)


def _described(app: dict[str, str], diagnosis: Diagnosis) -> str:
    state = app["state"] if app["final_status"] == "UNDEFINED" else app["final_status"]
    return "\n".join(
        [
            f"{app['name']} {app['id']} {state}: {diagnosis.name}",
            f"  {one_line(diagnosis.words)}",
            *(f"    {one_line(line)}" for line in diagnosis.evidence),
            f"  fix: {diagnosis.fix}",
        ]
    )


def _document(student: str, told: Sequence[Told]) -> dict[str, Any]:
    return {
        "name": student,
        "applications": [
            {**app, "diagnosis": one.name, "words": one.words, "evidence": list(one.evidence), "fix": one.fix}
            for app, one in told
        ],
    }
