"""Frees a stack's memory and processors while nobody works: containers stop, data and addresses stay."""

from __future__ import annotations

from collections.abc import Sequence

from streamlab.engines import disk, engine, labelled
from streamlab.errors import LabError, WrongRequest
from streamlab.stacks import daemons, parallel, status
from streamlab.stacks.operation import Access, Operation
from streamlab.stacks.prove import require_proved
from streamlab.students.student import Student
from streamlab.ui import say

#: Seconds in which a stack has stopped, or started and proved itself, or something is wrong.
SUSPEND_SECONDS, RESUME_SECONDS = 180, 400


def suspend(students: Sequence[Student], *, force: bool = False) -> None:
    """Stop every node of these students' stacks. A stack that is suspended already is left as it is.

    Raises:
        WrongRequest: a student has no stack, or applications run, which would be lost, and `force` is not given.
        LabError: it is not known whether applications run, or a stack could not be stopped; the others were.
    """

    def one(student: Student) -> None:
        require_stack(student)
        if not force:
            require_idle(student, fix="invoke stop --job NAME, or add --force")
        stopped = daemons.stop_nodes(student)
        say(f"{student.name}: {f'suspended, {stopped} nodes stopped' if stopped else 'was suspended already'}")

    parallel.each(students, one, Operation("suspend", Access.CHANGE, SUSPEND_SECONDS, engine.processors))


def suspend_over_disk(students: Sequence[Student], *, force: bool = False) -> None:
    """Suspend those of these students' stacks that use more disk than the inventory allows.

    Raises:
        WrongRequest: applications run in one of them, which would be lost, and `force` is not given.
        LabError: a stack could not be stopped, or a Docker host does not answer; the others were.
    """
    silent = engine.unreachable(students)
    usages = disk.of_all([student for student in students if student.docker_host not in silent])
    over = [usage for usage in usages if usage.is_over]
    for usage in over:
        say(f"{usage.student.name}: {usage}")
    if over:
        suspend([usage.student for usage in over], force=force)
    else:
        say(f"{len(usages)} {'stack' if len(usages) == 1 else 'stacks'} measured, none uses more than its disk_mb")
    if silent:
        raise engine.not_reached(silent, students)


def resume(students: Sequence[Student]) -> None:
    """Start the stacks again, and prove every service.

    Raises:
        WrongRequest: a student has no stack.
        LabError: a service did not answer; the others' stacks are up.
    """

    def one(student: Student) -> None:
        require_stack(student)
        daemons.start_nodes(student)
        require_proved(student)
        say(f"{student.name}: resumed and proved")

    parallel.each(students, one, Operation("resume", Access.CHANGE, RESUME_SECONDS, engine.processors))


def require_stack(student: Student) -> None:
    """Refuse a student who has no stack.

    Raises:
        WrongRequest: no container of it is on the Docker host.
    """
    with engine.connect(student.docker_host) as client:
        if not labelled.summaries(client, student):
            raise labelled.no_stack(student)


def require_idle(student: Student, *, fix: str) -> None:
    """Refuse to stop what runs an application, or what may run one.

    Raises:
        WrongRequest: applications run, or a command of the lab is about to start one; nothing was stopped.
        LabError: YARN does not say.
    """
    with engine.connect(student.docker_host) as client:
        found = labelled.summaries(client, student)
        workers = [name for name, node in found.items() if name.startswith("nodemanager") and node.status == "running"]
    if not workers:
        return  # nothing that could run an application
    (state,) = status.look([student])["students"]
    if state["applications"] is None:
        raise LabError(
            f"{student.name}: it is not known whether applications are running; they would be lost",
            evidence=["YARN does not answer", *_problems(state)],
            fix=f"invoke provision --student {student.name} repairs it; or {fix}",
        )
    busy = [f"{app['id']} {app['name']}" for app in status.unfinished(state)]
    busy += [f"{lesson}, which is about to be submitted" for lesson in state["submits"]]
    if busy:
        raise WrongRequest(
            f"{student.name}: applications are running and would be lost",
            evidence=[f"{student.name}: {one}" for one in busy],
            fix=fix,
        )


def _problems(state: dict) -> list[str]:
    return [f"{node['name']}: {node['problem']}" for node in state["nodes"] if node["problem"]]
