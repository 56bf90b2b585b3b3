"""Proofs: every service of a stack answers a real question, or the error says which did not, and why."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from streamlab.engines import engine, inside, labelled
from streamlab.errors import LabError, unknown
from streamlab.stacks import operation, parallel
from streamlab.stacks.channel import fields
from streamlab.stacks.operation import Access, Operation
from streamlab.stacks.stack import TMP, Stack, StackOnEngine, failed, open_on_engine, open_stack
from streamlab.students.services import all_services, require_service, rests_on, service_of
from streamlab.students.student import Student
from streamlab.students.topology import nodes
from streamlab.ui import one_line, say

#: Seconds within which a service that has just been started must have answered.
SECONDS = 150

#: Seconds that a try may take which is begun at the last moment: three questions of Cassandra's, 20 s each, and some.
LAST_TRY_SECONDS = 70


@dataclass(frozen=True)
class Proven:
    """One service's answer, or what came instead."""

    service: str
    passed: bool
    seconds: float
    answer: str


def prove(
    student: Student,
    services: Sequence[str] | None = None,
    *,
    seconds: int = SECONDS,
    tell: Callable[[Proven], None] = lambda proven: None,
) -> list[Proven]:
    """Prove `services`, or all that the stack has, at once; `tell` is called with each result as it arrives.

    A node that does not run fails its service at once: waiting would not start it.

    Raises:
        WrongRequest: the stack does not have one of them.
        LabError: it could not be asked.
    """
    _require_known(services or ())
    services = services or student.all_services
    for service in services:
        require_service(student, service)
    with open_stack(student) as stack:
        down = _down(stack) if isinstance(stack, StackOnEngine) else {}
        results = []
        ask = []
        for service in services:
            stopped = [text for needed in (*rests_on(service), service) for text in down.get(needed, [])]
            if stopped:
                results.append(Proven(service, False, 0.0, "; ".join(stopped)))
                tell(results[-1])
            else:
                ask.append(service)
        if ask:
            results += _ask(stack, ask, seconds=seconds, tell=tell)
    return sorted(results, key=lambda proven: student.all_services.index(proven.service))


def _require_known(services: Sequence[str]) -> None:
    for service in services:
        if service not in all_services():
            raise unknown("service", service, all_services(), usage="--service {}")


def remember(student: Student) -> None:
    """Leave a mark on the edge node that exactly these containers have passed every proof."""
    with open_on_engine(student) as stack:
        inside.put_files(stack.edge, TMP, {_mark(stack): b""})


def is_proved(student: Student) -> bool:
    """Whether the containers that the stack has now have passed every proof since they were made."""
    with engine.connect(student.docker_host) as client:
        found = labelled.summaries(client, student)
        edge = found.get("edge")
        return edge is not None and inside.has_path(edge, f"{TMP}/{_mark(StackOnEngine(student, client, edge))}")


def _mark(stack: StackOnEngine) -> str:
    ids = sorted(node.id for node in labelled.summaries(stack.client, stack.student).values())
    return f"streamlab-proved-{hashlib.sha256(' '.join(ids).encode()).hexdigest()[:12]}"


def _down(stack: StackOnEngine) -> dict[str, list[str]]:
    """Service -> its nodes that have no running container."""
    found = labelled.summaries(stack.client, stack.student)
    down: dict[str, list[str]] = {}
    for node in nodes(stack.student):
        state = found[node.name].status if node.name in found else "missing"
        if state != "running":
            down.setdefault(node.service, []).append(f"node {node.name} is {state}")
    return down


def _ask(stack: Stack, services: Sequence[str], *, seconds: int, tell: Callable[[Proven], None]) -> list[Proven]:
    results: list[Proven] = []

    def received(event: dict[str, Any]) -> None:
        said = fields(service=str, passed=bool, seconds=float, answer=str)(event)
        if said["service"] in services:
            results.append(Proven(**{**said, "answer": one_line(said["answer"])}))
            tell(results[-1])

    names = ",".join(_node_names(stack.student))
    ends = seconds + LAST_TRY_SECONDS
    done = stack.python("edge.prove", str(seconds), names, *services, seconds=ends, tell=received)
    if done.code != 0:
        raise failed(f"{stack.student.name}: the proofs could not be run", done, seconds=ends)
    return results


def _node_names(student: Student) -> Sequence[str]:
    return student.cluster.nodes if student.cluster else [node.name for node in nodes(student)]


def failure(student: Student, proven: Proven) -> LabError:
    """The error for a service that did not prove itself: its name, the evidence, the fix."""
    own = [name for name in _node_names(student) if service_of(name) == proven.service] or ["edge"]
    named = [name for name in _node_names(student) if f"node {name} " in proven.answer]
    if student.cluster is not None:
        fix = "invoke status shows what answers"
    else:
        fix = f"invoke logs --node {[*named, *own][0]} says why; invoke provision starts what is not running"
    return LabError(
        f"{student.name}: {proven.service} does not answer correctly",
        evidence=proven.answer,
        fix=fix,
    )


def require_proved(student: Student) -> None:
    """Prove every service of a stack that was started.

    Raises:
        LabError: not every service answers.
    """
    problems = [failure(student, proven) for proven in prove(student) if not proven.passed]
    if problems:
        raise LabError(
            f"{student.name}'s stack did not come back healthy",
            evidence=[line for problem in problems for line in str(problem).splitlines()],
            fix=f"invoke provision --student {student.name} repairs what it can",
        )


def prove_all(students: Sequence[Student], services: Sequence[str] | None, *, seconds: int) -> None:
    """Prove the services of these students, and print each answer: of a single one as it comes.

    Raises:
        LabError: a service did not answer as it should, or a Docker host did not at all.
    """
    _require_known(services or ())

    def one(student: Student) -> None:
        def tell(proven: Proven) -> None:
            verdict = "proved" if proven.passed else "FAILED"
            say(f"{student.name:13} {proven.service:11} {verdict}: {proven.answer} ({proven.seconds} s)")

        found = prove(student, services, seconds=seconds, tell=tell)
        errors = [failure(student, proven) for proven in found if not proven.passed]
        if errors:
            *others, last = errors
            last.evidence += [line for error in others for line in str(error).splitlines()]
            raise last

    proving = Operation("prove", Access.USE, seconds + LAST_TRY_SECONDS + 30, engine.processors)
    if len(students) == 1:
        operation.act(one, students[0], proving)
    else:
        outcomes = parallel.run(students, one, proving, finished=lambda outcome: say("\n".join(outcome.lines)))
        parallel.require_done(outcomes, proving)
