"""`invoke grade`: run each hand-in on a stack that was made for it alone, and ask from outside what came of it.

Another's program may have changed anything in a stack in which it ran: YARN, HDFS, Kafka and Cassandra let everybody do
everything. So nothing is reset: a grading stack is removed and made anew for each hand-in, and the engine says that
nothing was left. The data are made from a seed that nobody can know beforehand, and the program is not told; what makes
them, and what looks at the outcome, imports nothing of the student's.
"""

from __future__ import annotations

import hashlib
import hmac
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from streamlab.engines import engine
from streamlab.errors import LabError, WrongRequest
from streamlab.grading import points, report
from streamlab.grading.deadlines import counting, deadline_of
from streamlab.grading.packing import Contents
from streamlab.grading.store import HandIn, Store
from streamlab.lessons import exercise, jobs
from streamlab.lessons.jobs import Job
from streamlab.paths import JOBS
from streamlab.stacks import destroy, parallel
from streamlab.stacks import prove as proofs
from streamlab.stacks.operation import Access, Operation
from streamlab.stacks.parallel import Outcome
from streamlab.stacks.provision import provision
from streamlab.students.inventory import Lab, matching
from streamlab.students.topology import Student
from streamlab.ui import captured_output, say
from streamlab.work import check
from streamlab.work import submit as submission
from streamlab.work.follow import JobFailed
from streamlab.work.request import request

#: Seconds that a hand-in's turn may take beside its program: to prepare it, to ask what came of it, and to prove after
#: that what did not answer was not the stack.
BESIDE_SECONDS = 1500
#: The services that a check asks, and the seconds that each may take to prove that it answers.
ASKED, PROOF_SECONDS = ("hdfs", "yarn", "kafka", "cassandra"), 60


def grade(
    lab: Lab,
    lesson: str,
    *,
    on: str | None = None,
    student: str | None = None,
    limit: str | None = None,
    from_: str | None = None,
    deadlines: str | None = None,
    again: bool = False,
) -> None:
    """Grade the hand-in of each student that counts, and write the reports. What has a result keeps it.

    Args:
        on: the grading stacks to use, with wildcards and commas; all that there are, if none.
        again: grade also what has a result.

    Raises:
        WrongRequest: there is no such exercise, no grading stack, or no hand-in; nothing was touched.
        LabError: some could not be graded; the others are.
    """
    exercise.load(lesson)
    graders, store = graders_of(lab, on), Store(lab.students[0].lab_class, from_)
    wanted = [one.name for one in lab.chosen(student, limit)]
    found = [one for one in store.hand_ins(lesson) if one.student in wanted]
    refuse_hand_ins_of(graders, store)
    languages = {one.name: one.language for one in lab.students}
    due = deadline_of(lesson, deadlines, lab.path, lab_class=graders[0].lab_class, students=list(languages))
    chosen = list(counting(found, due).values())
    if not chosen:
        raise WrongRequest(
            f"nobody has handed in {lesson}", evidence=f"no record in {store.folder / lesson}", fix="invoke collect"
        )
    left = [one for one in chosen if again or store.result(one, seed=seed_of(store, one)) is None]
    say(f"{lesson}: {len(chosen)} hand-ins count, {len(chosen) - len(left)} of them are graded already")
    failed = _rounds(lab, graders, store, left) if left else {}
    for one in chosen:
        if result := store.result(one, seed=seed_of(store, one)):
            text = report.of(one, result, points.of(lesson, result["assertions"]), language=languages[one.student])
            store.keep_report(one, text)
    say(f"reports are in {store.folder / lesson}/STUDENT")
    if failed:
        raise LabError(
            f"{len(failed)} of {len(left)} hand-ins could not be graded",
            evidence=[f"{name}: {': '.join([why.what, *why.evidence[-1:]])}" for name, why in failed.items()],
            fix="run the same command again; it goes on with these",
        )


def graders_of(lab: Lab, on: str | None) -> list[Student]:
    """The grading stacks of a class, or those of them that `on` names.

    Raises:
        WrongRequest: there is none, or one that is named is a student's.
    """
    graders = {one.name: one for one in lab.graders}
    if not graders:
        raise WrongRequest(
            f"{lab.path.name} has no stack to grade on",
            evidence="a stack on which hand-ins are graded is removed and made anew for each of them",
            fix="add one to the students: grader01: {grading: true, port_base: …, subnet: …}",
        )
    names = matching(on, [one.name for one in lab.everybody]) if on else graders.keys()
    others = sorted(set(names) - set(graders))
    if others:
        raise WrongRequest(
            f"{', '.join(others)} is not a stack to grade on",
            evidence=f"without `grading: true` it is a student's, and would be removed; there are {', '.join(graders)}",
            fix=f"--on {','.join(graders)}",
        )
    return [graders[name] for name in sorted(names)]


def refuse_hand_ins_of(graders: Sequence[Student], store: Store) -> None:
    """Refuse a grading stack under whose name something was handed in: it may be a student's with work in it."""
    for one in graders:
        if store.known(one.name):
            raise WrongRequest(
                f"{one.name} has handed in itself",
                evidence=f"records in {store.folder}",
                fix=f"take `grading: true` away from {one.name}, or remove these records",
            )


def seed_of(store: Store, hand_in: HandIn) -> int:
    """From which a hand-in's data are made: it follows from the store's secret, so a run that is cut off can go on."""
    about = f"{hand_in.lesson}/{hand_in.student}/{hand_in.sha256}"
    return int.from_bytes(hmac.digest(store.secret, about.encode(), hashlib.sha256)[:6])


def _rounds(lab: Lab, graders: Sequence[Student], store: Store, left: Sequence[HandIn]) -> dict[str, LabError]:
    """Grade hand-ins, as many at a time as there are grading stacks; who failed -> why."""
    failed: dict[str, LabError] = {}
    done = 0
    try:
        while done < len(left):
            used = graders[: len(left) - done]
            pairs = dict(zip([one.name for one in used], left[done:], strict=False))
            say(f"{done} of {len(left)} are done; making {', '.join(pairs)} anew")
            _make_clean(lab, used)
            turn = partial(_turn, store=store, pairs=pairs)
            for outcome in parallel.run(used, turn, _operation(left[0].lesson, len(used))):
                say(_described(pairs[outcome.name], outcome))
                if outcome.error:
                    failed[pairs[outcome.name].student] = outcome.error
            done += len(used)
    finally:
        _remove(lab, graders)  # what a hand-in has started does not outlive its turn
    return failed


def _operation(lesson: str, graders: int) -> Operation:
    seconds = exercise.load(lesson)["timeout"] + BESIDE_SECONDS
    return Operation(f"grade {lesson}", Access.USE, seconds, at_once=lambda docker_host: graders)


def _described(hand_in: HandIn, outcome: Outcome) -> str:
    said = f"NOT GRADED: {outcome.error.what}" if outcome.error else f"{outcome.answer:g} of 100"
    return f"{hand_in.student:13} hand-in {hand_in.number}: {said}, in {outcome.seconds:.0f} s on {outcome.name}"


def _make_clean(lab: Lab, graders: Sequence[Student]) -> None:
    """Remove the grading stacks with all that is in them, and make them anew.

    Raises:
        LabError: something was left, or one could not be made.
    """
    _remove(lab, graders)
    provision(lab, graders)


def _remove(lab: Lab, graders: Sequence[Student]) -> None:
    names = ",".join(one.name for one in graders)
    with captured_output():
        destroy.destroy(lab, limit=names, yes=True)
    for one in graders:
        with engine.connect(one.docker_host) as client:
            left = destroy.belongings(client, one.lab_class).get(one.name, destroy.Belongings())
        if len(left):
            raise LabError(
                f"{one.name} could not be made clean",
                evidence=f"after it was removed there are {left}",
                fix=f"invoke destroy --student {one.name}, then the same command again",
            )


def _turn(grader: Student, *, store: Store, pairs: Mapping[str, HandIn]) -> float:
    """Grade one hand-in on a stack that is clean, keep the result, and return its points of 100."""
    hand_in = pairs[grader.name]
    seed, began = seed_of(store, hand_in), time.monotonic()
    with written(store.contents(hand_in)) as (theirs, ours):
        wanted = replace(request(str(theirs.folder)), prepared_by=ours, seed=seed)
        run: dict[str, Any] = {"ended": "SUCCEEDED", "words": []}
        try:
            submission.submit(grader, wanted)
        except JobFailed as error:
            run = {"ended": "FAILED", "words": [error.what, *error.evidence]}
        assertions = check.check(grader, ours, seed=seed)["assertions"]
    if not all(one["passed"] for one in assertions):
        _require_answers(grader)
    store.keep_result(
        hand_in,
        {
            "student": hand_in.student, "lesson": hand_in.lesson, "sha256": hand_in.sha256, "seed": seed,
            "graded_at": datetime.now(UTC).isoformat(timespec="seconds"), "on": grader.name,
            "seconds": round(time.monotonic() - began, 1), "run": run, "assertions": assertions,
        },
    )  # fmt: skip
    return points.percent(points.of(hand_in.lesson, assertions))


def _require_answers(grader: Student) -> None:
    """Points are lost: make sure that it was not a service which did not answer.

    Raises:
        LabError: one does not.
    """
    found = proofs.prove(grader, ASKED, seconds=PROOF_SECONDS)
    silent = [proofs.failure(grader, one) for one in found if not one.passed]
    if silent:
        raise silent[0]


@contextmanager
def written(contents: Contents) -> Iterator[tuple[Job, Job]]:
    """A hand-in as a job to run, and the job of the same name that the lab's own programs prepare and check it by.

    What the exercise needs, its limits of time and memory, and its steps are the lesson's in both, whatever the
    student's own job.yml says.
    """
    source = (JOBS / contents.lesson / "exercise.py").read_text(encoding="utf-8")
    lab_s = exercise.files(contents.lesson, contents.job, exercise.with_gaps(source))
    own = {path.partition("/")[2]: data for path, data in contents.files.items()}
    with tempfile.TemporaryDirectory(prefix="streamlab-grade-") as work:
        theirs = _write(Path(work, "theirs", contents.job), {**own, "job.yml": lab_s["job.yml"].encode()})
        ours = _write(Path(work, "ours", contents.job), {path: text.encode() for path, text in lab_s.items()})
        yield jobs.load(theirs), jobs.load(ours)


def _write(folder: Path, files: Mapping[str, bytes]) -> Path:
    for path, data in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return folder
