"""Frees a stack's memory and processors while nobody works: containers stop, data and addresses stay."""

from __future__ import annotations

from collections.abc import Sequence

from streamlab.engines import disk, engine, labelled
from streamlab.stacks import daemons, parallel
from streamlab.stacks.idle import require_idle
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
