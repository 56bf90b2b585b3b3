"""Whether applications would be lost: of a stack that is about to stop, or of a service that is to leave it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from streamlab.engines import engine, labelled
from streamlab.errors import LabError, WrongRequest
from streamlab.stacks import status
from streamlab.stacks.containers import found_made_from
from streamlab.students.docker_hosts import by_docker_host
from streamlab.students.services import all_kinds, clients_of, in_order, kind_of, uses
from streamlab.students.student import Student

if TYPE_CHECKING:
    from docker.models.containers import Container


def require_idle(student: Student, *, fix: str) -> None:
    """Refuse to stop what runs an application, or what may run one.

    Raises:
        WrongRequest: applications run, or a command of the lab is about to start one; nothing was stopped.
        LabError: YARN does not say.
    """
    with engine.connect(student.docker_host) as client:
        if not _may_run(labelled.summaries(client, student)):
            return
    (state,) = status.look([student])["students"]
    _require_known(state, fix=f"invoke provision --student {student.name} repairs it; or {fix}")
    busy = [f"{app['id']} {app['name']}" for app in status.unfinished(state)]
    busy += [f"{lesson}, which is about to be submitted" for lesson in state["submits"]]
    if busy:
        raise WrongRequest(
            f"{student.name}: applications are running and would be lost",
            evidence=[f"{student.name}: {one}" for one in busy],
            fix=fix,
        )


def refusals(students: Sequence[Student], *, silent: Collection[str] = ()) -> dict[str, LabError]:
    """Student -> why the stack may not be brought to what the inventory says: an application uses what it would lose.

    Args:
        silent: Docker hosts that are known not to answer.
    """
    leaving: dict[str, tuple[str, ...]] = {}
    asked: list[Student] = []
    for docker_host, group in by_docker_host([one for one in students if one.docker_host not in silent]):
        with engine.connect(docker_host) as client:
            stacks = labelled.stacks(client, group[0].lab_class)
        for student in group:
            nodes = stacks.get(student.name, {})
            leaving[student.name] = tuple(name for name in _services(nodes) if name not in student.services)
            if leaving[student.name] and _may_run(nodes):
                asked.append(student)
    states = status.look(asked)["students"] if asked else []
    refused = {}
    for student, state in zip(asked, states, strict=True):
        try:
            _require_unused(student, leaving[student.name], state)
        except LabError as error:
            refused[student.name] = error
    return refused


def _services(nodes: Mapping[str, Container]) -> tuple[str, ...]:
    """The optional services that a stack has as it is: those with a node, and those with programs on the edge node."""
    of_nodes = [all_kinds().get(kind_of(name), "") for name in nodes]
    made_from = found_made_from(nodes["edge"].attrs["Labels"]) if "edge" in nodes else None
    return in_order([*of_nodes, *(clients_of(made_from["image"]) if made_from else ())])


def _require_unused(student: Student, leaving: Sequence[str], state: Mapping[str, Any]) -> None:
    """Refuse to take services from a stack while applications use them.

    Raises:
        WrongRequest: some do.
        LabError: YARN does not say.
    """
    kept = f"services: [{', '.join(in_order({*student.services, *leaving}))}]"
    _require_known(
        state,
        fix=f"keep {kept} in the inventory, and invoke provision --student {student.name} repairs it; "
        f"then take {' and '.join(leaving)} away",
    )
    using = [(service, app) for service in leaving for app in status.unfinished(state) if uses(service, app)]
    if using:
        used = " and ".join(dict.fromkeys(service for service, _ in using))
        kill = " ".join(["yarn application -kill", *dict.fromkeys(app["id"] for _, app in using)])
        raise WrongRequest(
            f"{student.name}: applications use {used}, which the inventory does not give the stack any more",
            evidence=[
                *(f"{app['id']} {app['name']} uses {service}" for service, app in using),
                f"nothing was changed: the stack has {kept}",
            ],
            fix=f'wait for their end, or: invoke shell --student {student.name} --command "{kill}"',
        )


def _may_run(nodes: Mapping[str, Container]) -> bool:
    """Whether an application may run in a stack, whose nodes these are."""
    return any(kind_of(name) == "nodemanager" and node.status == "running" for name, node in nodes.items())


def _require_known(state: Mapping[str, Any], *, fix: str) -> None:
    """Refuse to go on where it is not known which applications a stack runs.

    Raises:
        LabError: YARN does not say.
    """
    if state["applications"] is None:
        problems = [f"{node['name']}: {node['problem']}" for node in state["nodes"] if node["problem"]]
        raise LabError(
            f"{state['name']}: it is not known whether applications are running; they would be lost",
            evidence=["YARN does not answer", *problems],
            fix=fix,
        )
