"""Checks a lesson's results from outside the job."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from streamlab.errors import LabError, WrongRequest
from streamlab.lessons import bundle, jobs, results
from streamlab.lessons.jobs import Job
from streamlab.stacks import operation, parallel
from streamlab.stacks.channel import fields, list_of
from streamlab.stacks.operation import Access, Operation
from streamlab.stacks.stack import Stack, failed, open_stack
from streamlab.students.services import require_service
from streamlab.students.student import Student
from streamlab.ui import confirm, one_line, say
from streamlab.work.submit import running_of

SECONDS = 120


def check(
    student: Student,
    job: Job,
    step: str = "",
    *,
    seed: int | None = None,
    printed: Callable[[str, str], None] = lambda stream, line: None,
) -> dict[str, Any]:
    """Ask a lesson's check from beside the student's stack; with a `step`, what concerns that step alone.

    It asks the services with the lab's own code, in a container that the student cannot change. What a job has written
    may still be forged by who owns the stack; that it is there, as it is, is what `passed` says.

    Args:
        seed: from which an exercise's data was made; None for the student's own.
        printed: is given the stream and each line that the check prints of its own accord.

    Returns:
        ``{"job", "student", "passed", "assertions": [each as `common.checks.Assertion` has it]}``

    Raises:
        WrongRequest: the job needs a service that the stack does not have.
    """
    for service in job.services:
        require_service(student, service, job.name)
    with _asked_by(student) as stack:
        target = f"{job.name}/{step}" if step else job.name
        zips = [bundle.job_bundle(job.folder, job.exercise)]
        arguments = [target] if seed is None else [target, "--seed", str(seed)]
        assertions = stack.answer(
            "common.check", *arguments, seconds=SECONDS, zips=zips, read=list_of(_assertion), printed=printed
        )
    if not assertions:
        raise LabError(
            f"the check of {job.name} looked at nothing",
            evidence=f"{job.folder}/check.py gave no assertion",
            fix="let it give at least one",
        )
    passed = all(a["passed"] for a in assertions)
    return {"job": job.name, "student": student.name, "passed": passed, "assertions": assertions}


def _asked_by(student: Student) -> AbstractContextManager[Stack]:
    """Who asks: the lab's own container beside the stack; a student who checks alone can deceive nobody else."""
    if student.cluster is not None:
        return open_stack(student)
    from streamlab.stacks.beside import open_beside

    return open_beside(student)


def _assertion(said: Any) -> dict[str, Any]:
    checked = fields(name=str, passed=bool, where=str, help=str, pending=bool, gap=int)(said)
    names = ("name", "expected", "found", "passed", "where", "help", "pending", "gap")
    return {name: checked[name] for name in names}


def reset_each(students: Sequence[Student], name: str, *, yes: bool) -> None:
    """Bring one lesson of every student back to its start, after one confirmation unless `yes`."""
    job, _ = jobs.find(name)
    names = ", ".join(student.name for student in students)
    confirm(f"delete all that {job.name} has left in the {_stacks(students)} of {names}?", yes=yes)
    resetting = Operation(f"reset {job.name}", Access.CHANGE, 2 * SECONDS)
    parallel.each(students, lambda student: reset(student, job), resetting)


def _stacks(students: Sequence[Student]) -> str:
    return "stack" if len(students) == 1 else "stacks"


def reset(student: Student, job: Job) -> None:
    """Bring one lesson of a student back to its start, and say what was taken away.

    Raises:
        WrongRequest: a step of it runs now.
    """
    with open_stack(student) as stack:
        running = running_of(stack, job.steps)
        if running:
            evidence = [f"{app_id} {app}" for app, app_id in running.items()]
            raise WrongRequest(f"{job.name} runs now", evidence=evidence, fix=f"invoke stop --job {job.name}")

        def heard(stream: str, line: str) -> None:
            if stream == "out":
                say(f"  {line}")

        packed = bundle.job_bundle(job.folder, job.exercise)
        done = stack.python("common.reset", job.name, seconds=SECONDS, zips=[packed], printed=heard)
    if done.code != 0:
        raise failed(f"{job.name} could not be reset", done, seconds=SECONDS)
    say(f"{job.name} of {student.name}: back at its start")


def describe(found: dict[str, Any]) -> str:
    """One line per assertion: what was expected, what was found, and where to look when the two differ."""
    lines = []
    for assertion in found["assertions"]:
        found_there = one_line(str(assertion["found"]))
        if assertion["passed"]:
            lines.append(f"  ok    {assertion['name']}: {found_there}")
        else:
            mark = "open " if assertion["pending"] else "WRONG"
            differs = f"expected {assertion['expected']}, found {found_there}"
            lines.append(f"  {mark} {assertion['name']}: {differs}; look at {assertion['where']}")
            if assertion["help"]:
                lines.append(f"        read {assertion['help']}")
    right = sum(a["passed"] for a in found["assertions"])
    return "\n".join(
        [*lines, f"{found['job']} of {found['student']}: {right} of {len(found['assertions'])} as expected"]
    )


def report(student: Student, name: str | None, *, as_json: bool) -> None:
    """Check one lesson, one step of it, or without a name every lesson, and print what was found.

    Raises:
        LabError: an assertion failed.
    """

    def heard(stream: str, line: str) -> None:
        if stream == "out" and not as_json:
            say(f"  | {line}")

    targets = [(job, step) for job, step in asked(name) if name or can_run(student, job)]
    found = operation.act(
        lambda student: [check(student, job, step, printed=heard) for job, step in targets],
        student,
        Operation("check", Access.USE),
    )
    for (job, step), one in zip(targets, found, strict=True):
        if student.cluster is not None and student.cluster.is_here and not step:
            right, of = sum(each["passed"] for each in one["assertions"]), len(one["assertions"])
            results.keep(one["job"], right=right, of=of, exercise=job.exercise)
        say(json.dumps(one, indent=2) if as_json else describe(one))
    wrong = [failure(one) for one in found if not one["passed"]]
    if len(wrong) > 1:
        names = ", ".join(one["job"] for one in found if not one["passed"])
        raise LabError(f"{len(wrong)} of {len(found)} lessons did not pass", evidence=names, fix=wrong[0].fix)
    if wrong:
        raise wrong[0]


def can_run(student: Student, job: Job) -> bool:
    """Whether a stack has what a job needs. Of one that it cannot run nothing is expected, unless it is named."""
    return set(job.services) <= set(student.all_services)


def asked(name: str | None) -> list[tuple[Job, str]]:
    """The jobs to check, each with the step that alone was meant, or with none."""
    if name is None:
        return [(jobs.load(jobs.JOBS / known), "") for known in jobs.known_jobs()]
    job, steps = jobs.find(name)
    if not job.has_check:
        raise WrongRequest(
            f"{job.name} has no check",
            evidence=f"{job.folder} has no check.py",
            fix="write one, like jobs/lesson08/check.py",
        )
    named = name.endswith(f"/{steps[0].name}") and len(steps) == 1
    return [(job, steps[0].name if named else "")]


def failure(found: dict[str, Any]) -> LabError:
    """The error for a lesson whose outcome is not as it should be."""
    missed = [a for a in found["assertions"] if not a["passed"]]
    wrong = [a["name"] for a in missed if not a["pending"]]
    open_ = len(missed) - len(wrong)
    evidence = [f"{len(wrong)} of {len(found['assertions'])} assertions failed, first: {wrong[0]}"] if wrong else []
    if open_:
        evidence.append(f"{open_} are open" if wrong else f"{open_} are open, first: {missed[0]['name']}")
    marked = "WRONG" if wrong else "open"
    return LabError(
        f"{found['job']} of {found['student']} did not pass",
        evidence=evidence,
        fix=f"look where the lines marked {marked} point to; invoke submit --job {found['job']} runs it again",
    )
