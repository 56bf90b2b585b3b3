"""`invoke grade`: run each hand-in on a stack that was made for it alone, and ask from outside what came of it.

Another's program may have changed anything in a stack in which it ran: YARN, HDFS, Kafka and Cassandra let everybody do
everything. So nothing is reset: a grading stack is removed and made anew for each hand-in, and the engine says that
nothing was left. The data are made from a seed that nobody can know beforehand, and the program is not told; what makes
them, and what looks at the outcome, imports nothing of the student's.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from streamlab.engines import engine
from streamlab.errors import LabError, WrongRequest
from streamlab.grading import points, report, stacks
from streamlab.grading.deadlines import counting, deadline_of
from streamlab.grading.packing import Contents
from streamlab.grading.store import HandIn, Store
from streamlab.lessons import exercise, jobs
from streamlab.lessons.jobs import Job
from streamlab.stacks import parallel
from streamlab.stacks import prove as proofs
from streamlab.stacks.operation import Access, Operation, admitted
from streamlab.stacks.parallel import Outcome
from streamlab.students.inventory import Lab
from streamlab.students.services import require_service
from streamlab.students.student import Student
from streamlab.ui import progress, say
from streamlab.work import check
from streamlab.work import submit as submission
from streamlab.work.follow import JobFailed
from streamlab.work.request import request

#: Seconds that a hand-in's turn may take beside its program: to make its stack, to prepare it, to ask what came of it,
#: and to prove after that what did not answer was not the stack.
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
        WrongRequest: there is no such exercise, no grading stack, one without a service that the exercise needs, or no
            hand-in; nothing was touched.
        LabError: some could not be graded; the others are.
    """
    services = exercise.load(lesson).get("services", [])
    graders, store = stacks.graders_of(lab, on), Store(lab.students[0].lab_class, from_)
    for grader, service in itertools.product(graders, services):
        require_service(grader, service, lesson)
    wanted = [one.name for one in lab.chosen(student, limit)]
    found = [one for one in store.hand_ins(lesson) if one.student in wanted]
    stacks.refuse_hand_ins_of(graders, store)
    languages = {one.name: one.language for one in lab.students}
    due = deadline_of(lesson, deadlines, lab.path, lab_class=graders[0].lab_class, students=list(languages))
    chosen = list(counting(found, due).values())
    if not chosen:
        raise WrongRequest(
            f"nobody has handed in {lesson}", evidence=f"no record in {store.folder / lesson}", fix="invoke collect"
        )
    left = [one for one in chosen if again or store.result(one, seed=seed_of(store, one)) is None]
    say(f"{lesson}: {len(chosen)} hand-ins count, {len(chosen) - len(left)} of them are graded already")
    failed = _grade_all(lab, graders, store, left) if left else {}
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


def seed_of(store: Store, hand_in: HandIn) -> int:
    """From which a hand-in's data are made: it follows from the store's secret, so a run that is cut off can go on."""
    about = f"{hand_in.lesson}/{hand_in.student}/{hand_in.sha256}"
    return int.from_bytes(hmac.digest(store.secret, about.encode(), hashlib.sha256)[:6])


def _grade_all(lab: Lab, graders: Sequence[Student], store: Store, left: Sequence[HandIn]) -> dict[str, LabError]:
    """Grade hand-ins, as many at a time as there are grading stacks; who failed -> why.

    Each stack takes the next hand-in when it is done with one, so a program that runs to its limit holds up no other.
    """
    lesson, used, queue = left[0].lesson, graders[: len(left)], deque(left)
    turns = {grader.name: queue.popleft() for grader in used}
    clean = set(turns)  # made, and nothing has run there
    failed: dict[str, LabError] = {}
    done = 0

    def turn(grader: Student) -> float:
        if grader.name not in clean:
            stacks.make_anew(lab, grader)
        clean.discard(grader.name)
        with engine.one_connection(), admitted(grader, Operation(f"grade {lesson}", Access.USE)):
            return _turn(grader, store, turns[grader.name])

    def finished(grader: Student, outcome: Outcome) -> float | None:
        nonlocal done
        hand_in = turns[grader.name]
        line.close()
        if isinstance(outcome.error, stacks.StackNotMade):
            say(f"{grader.name}: {outcome.error.what}; no more is graded on it")
            queue.appendleft(hand_in)
            failed[hand_in.student] = outcome.error
            return None
        say(_described(hand_in, outcome))
        done += 1
        failed.pop(hand_in.student, None)
        if outcome.error:
            failed[hand_in.student] = outcome.error
        line.update(f"{done} of {len(left)} are done")
        if not queue:
            return None
        turns[grader.name] = queue.popleft()
        return 0.0

    with progress("grade", elsewhere=False) as line:
        say(f"making {', '.join(turns)} anew, for this and for each hand-in")
        try:
            stacks.make_clean(lab, used)
            seconds = exercise.load(lesson)["timeout"] + BESIDE_SECONDS
            each = Operation("grade", Access.READ, seconds, at_once=lambda docker_host: len(used))
            parallel.repeat(used, turn, each, finished=finished)
        finally:
            stacks.remove(lab, graders)  # what a hand-in has started does not outlive its turn
    none_left = LabError("it was not begun", evidence="no stack was left to grade on")
    return failed | {one.student: failed.get(one.student, none_left) for one in queue}


def _described(hand_in: HandIn, outcome: Outcome) -> str:
    said = f"NOT GRADED: {outcome.error.what}" if outcome.error else f"{outcome.answer:g} of 100"
    return f"{hand_in.student:13} hand-in {hand_in.number}: {said}, in {outcome.seconds:.0f} s on {outcome.name}"


def _turn(grader: Student, store: Store, hand_in: HandIn) -> float:
    """Grade one hand-in on a stack that is clean, keep the result, and return its points of 100."""
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
    program = exercise.with_gaps(exercise.text_of_program(contents.lesson))
    lab_s = exercise.files(contents.lesson, contents.job, program)
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
