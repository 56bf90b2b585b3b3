"""Checks: what a lesson should have left behind, looked at from outside the job."""

from __future__ import annotations

import json
from typing import Any

from streamlab import bundle, jobs
from streamlab.errors import LabError, WrongRequest
from streamlab.jobs import Job
from streamlab.stack import open_stack
from streamlab.topology import Student
from streamlab.ui import say

SECONDS = 120


def check(student: Student, job: Job) -> dict[str, Any]:
    """Ask a lesson's check on the student's edge node.

    Returns:
        ``{"job", "student", "passed", "assertions": [{"name", "expected", "found", "passed", "where"}]}``
    """
    with open_stack(student) as stack:
        assertions = stack.answer("common.check", job.name, seconds=SECONDS, zips=[bundle.job_bundle(job.folder)])
    passed = bool(assertions) and all(a["passed"] for a in assertions)
    return {"job": job.name, "student": student.name, "passed": passed, "assertions": assertions}


def describe(found: dict[str, Any]) -> str:
    """One line per assertion: what was expected, what was found, and where to look when the two differ."""
    lines = []
    for assertion in found["assertions"]:
        if assertion["passed"]:
            lines.append(f"  ok    {assertion['name']}: {assertion['found']}")
        else:
            lines.append(
                f"  WRONG {assertion['name']}: expected {assertion['expected']}, found {assertion['found']}; look at {assertion['where']}"
            )
    right = sum(a["passed"] for a in found["assertions"])
    return "\n".join(
        [*lines, f"{found['job']} of {found['student']}: {right} of {len(found['assertions'])} as expected"]
    )


def report(student: Student, name: str, *, as_json: bool) -> None:
    """Check a lesson and print what was found.

    Raises:
        LabError: an assertion does not hold.
    """
    job, _ = jobs.find(name)
    if not (job.folder / "check.py").is_file():
        raise WrongRequest(
            f"{job.name} has no check",
            evidence=f"{job.folder} has no check.py",
            fix="write one, like jobs/lesson08/check.py",
        )
    found = check(student, job)
    say(json.dumps(found, indent=2) if as_json else describe(found))
    if not found["passed"]:
        wrong = [a["name"] for a in found["assertions"] if not a["passed"]]
        fix = f"look where the lines marked WRONG say; invoke submit --job {job.name} runs it again"
        raise LabError(f"{job.name} of {student.name} is not as it should be", evidence=f"{len(wrong)} of {len(found['assertions'])} assertions do not hold, first: {wrong[0]}", fix=fix)
