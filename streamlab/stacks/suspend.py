"""Memory and processor given back while nobody works, and taken up again: containers stop, data and places stay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from docker.models.containers import Container

from streamlab.engines import engine
from streamlab.errors import LabError, WrongRequest
from streamlab.stacks import status
from streamlab.stacks.prove import failure, prove
from streamlab.students.topology import Student
from streamlab.ui import say

#: Seconds that a daemon may take to write out what it holds, before the engine ends it.
STOP_SECONDS = 30
#: Stacks that are stopped or started at the same time: more would make each miss its deadline.
AT_ONCE = 4
STOPPED = ("created", "exited", "dead")
UNFINISHED = ("NEW", "NEW_SAVING", "SUBMITTED", "ACCEPTED", "RUNNING")


def suspend(students: Sequence[Student], *, force: bool = False) -> None:
    """Stop every node of these students' stacks. A stack that is suspended already is left as it is.

    Raises:
        WrongRequest: applications run, which would be lost, and `force` is not given; nothing was stopped.
        LabError: a Docker host does not answer; nothing was stopped.
    """
    silent = engine.unreachable(students)
    if silent:
        raise engine.not_reached(silent, students)
    if not force:
        require_idle(students, fix="invoke stop --job NAME, or add --force")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for student, stopped in zip(students, pool.map(stop_nodes, students), strict=True):
            say(f"{student.name}: {f'suspended, {stopped} nodes stopped' if stopped else 'was suspended already'}")


def require_idle(students: Sequence[Student], *, fix: str) -> None:
    """Refuse to stop what runs an application."""
    busy = [line for student in students for line in _unfinished(student)]
    if busy:
        raise WrongRequest("applications run, and would be lost", evidence=busy, fix=fix)


def _unfinished(student: Student) -> list[str]:
    (found,) = status.look([student])["students"]
    return [f"{student.name}: {app['id']} {app['name']}" for app in found["applications"] if app["state"] in UNFINISHED]


def stop_nodes(student: Student) -> int:
    """Stop what runs of a student's stack, and return how many nodes that were.

    A daemon that ends again and again runs too, though the engine calls it restarting at most moments. NodeManagers
    stop while HDFS still runs: one that has just run an application brings its log there, and waits until it can.
    """
    with engine.connect(student.docker_host) as client:
        found = engine.containers(client, student).items()
        running = {name: node for name, node in found if node.status not in STOPPED}
        workers = {name for name in running if name.startswith("nodemanager")}
        for names in (workers, running.keys() - workers):
            _each([running[name] for name in names], lambda node: node.stop(timeout=STOP_SECONDS))
    return len(running)


def resume(students: Sequence[Student]) -> None:
    """Start the stacks again, and prove every service.

    Raises:
        WrongRequest: a student has no stack; nothing was started.
        LabError: a service did not answer; the others' stacks are up.
    """
    for student in students:
        with engine.connect(student.docker_host) as client:
            if not engine.containers(client, student):
                raise WrongRequest(
                    f"{student.name} has no stack", evidence="there is nothing to resume", fix="invoke provision"
                )
    errors = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for student, problems in zip(students, pool.map(start_nodes, students), strict=True):
            say(f"{student.name}: {'resumed, but not as it should be' if problems else 'resumed and proved'}")
            errors += problems
    if errors:
        raise came_back_badly(errors)


def came_back_badly(problems: Sequence[LabError]) -> LabError:
    """The error for stacks that were started again, of which not every service answers."""
    return LabError(
        "a stack did not come back as it should",
        evidence=[line for problem in problems for line in str(problem).splitlines()],
        fix="invoke provision mends what it can",
    )


def start_nodes(student: Student) -> list[LabError]:
    """Start what does not run of a student's stack, and prove every service; an error for each that fails."""
    with engine.connect(student.docker_host) as client:
        stopped = [node for node in engine.containers(client, student).values() if node.status != "running"]
        _each(stopped, lambda node: node.start())
    return [failure(student, proven) for proven in prove(student) if not proven.passed]


def _each(nodes: Sequence[Container], do: Callable[[Container], None]) -> None:
    with ThreadPoolExecutor(max(1, len(nodes))) as pool:
        list(pool.map(do, nodes))
