"""Which of the known causes it is for which an application stands still or failed."""

from __future__ import annotations

from streamlab.diagnoses.diagnosis import FINAL, Diagnosis, Facts, running, span
from streamlab.diagnoses.failures import FAILURES, probable_cause
from streamlab.diagnoses.standstills import STANDSTILLS

#: Lines of a log that are shown where no cause is known.
LINES = 8


def diagnose(facts: Facts) -> Diagnosis:
    """The first known cause that the facts are of; else one that is called "unknown", with the evidence, or "works"."""
    over = facts["state"] in FINAL
    broken = bool(facts["job_errors"] or any(query["error"] for query in facts["queries"]))
    if facts["final_status"] == "SUCCEEDED" and not broken:
        return Diagnosis("succeeded", {"seconds": span(facts["seconds"])})
    failed = over or broken or facts["lost"] or facts["failures"]
    for cause_of in (*(FAILURES if failed else ()), *(() if over else STANDSTILLS)):
        found = cause_of(facts)
        if found:
            return found
    return _unknown(facts) if failed or facts["state"] != "RUNNING" or facts["unread"] else _works(facts)


def _unknown(facts: Facts) -> Diagnosis:
    seconds = span(facts["seconds"])
    if facts["state"] in FINAL:
        # Of a program whose driver is on the edge node YARN knows only that it has gone.
        ended = {"KILLED": "was ended", "SUCCEEDED": "ended, with a job that had failed,"}
        what = f"It {ended.get(facts['final_status'], 'failed')} after {seconds}."
        lines = probable_cause(facts).lines
    elif facts["state"] == "RUNNING":
        what, lines = (
            f"It has run for {seconds}.",
            [facts["unread"]] if facts["unread"] else probable_cause(facts).lines,
        )
    else:
        what, lines = f"YARN has had it for {seconds} as {facts['state']}.", facts["diagnostics"].splitlines()
    return Diagnosis("unknown", {"what": what, "id": facts["id"]}, [one for one in lines if one.strip()][-LINES:])


def _works(facts: Facts) -> Diagnosis:
    lines = [
        f"{one['query']}: its first batch has not ended after {span(one['age_s'])}"
        if one["batch"] is None
        else f"{one['query']}: batch {one['batch']} ended {span(one['age_s'])} ago, after {span(one['batch_s'])}"
        for one in running(facts)
    ]
    return Diagnosis("works", {"seconds": span(facts["seconds"]), "id": facts["id"]}, lines)
