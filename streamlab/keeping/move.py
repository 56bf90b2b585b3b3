"""`invoke move`: stacks with all their data to the Docker host that the inventory names now.

The old stack is stopped, copied, and stays as it was until the new one has been proved on the copy; only then is it
removed. A mark on the new engine says how far a move has come. After a kill, the same command begins again from the old
stack, or has only that left to remove. Both stacks are locked meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from docker.errors import DockerException

from streamlab import display
from streamlab.cancel import uninterrupted
from streamlab.engines import engine, labelled, volumes
from streamlab.errors import LabError, WrongRequest
from streamlab.keeping import restore, snapshots
from streamlab.keeping.snapshot import IDLE, keep
from streamlab.stacks import (
    daemons,
    destroy,
    host_setup,
    known_hosts,
    location,
    operation,
    parallel,
    provision,
    recovery,
)
from streamlab.stacks.carrier import open_carrier, require_stack
from streamlab.stacks.idle import require_idle
from streamlab.stacks.location import Locations, Mark
from streamlab.stacks.operation import Access, Operation
from streamlab.stacks.parallel import Outcome
from streamlab.stacks.prove import require_proved
from streamlab.students.docker_hosts import is_known
from streamlab.students.inventory import Lab
from streamlab.students.student import Student
from streamlab.students.topology import nodes
from streamlab.ui import confirm, progress, say

#: Three hours for each student: the data goes through this machine.
MOVE = Operation("move", Access.CHANGE, 3 * 3600)


def move(lab: Lab, students: Sequence[Student], *, yes: bool) -> None:
    """Bring the stacks of these students to where the inventory says, one after another, after a confirmation.

    Raises:
        WrongRequest: there is no stack elsewhere, or it is not as the inventory describes it; nothing was touched.
        LabError: a stack could not be moved, and is as it was; the others are moved.
    """
    there = location.find(lab, students, everywhere=True)
    location.warn(there.silent)
    sources: dict[str, Student] = {}
    outcomes: list[Outcome] = []
    for student in students:
        try:
            source = _source(student, there)
        except LabError as error:
            outcomes.append(Outcome(student.name, 0, error=error))
            continue
        if source == student.docker_host:
            say(f"{student.name}: nothing to move: the stack is on {source}, as the inventory says")
        else:
            sources[student.name] = replace(student, docker_host=source)
    if sources:
        moves = "; ".join(
            f"{one.name} from {sources[one.name].docker_host} to {one.docker_host}"
            for one in students
            if one.name in sources
        )
        confirm(f"move {moves}, and remove the old stack once the new one is proved?", yes=yes)
    for student in students:
        if student.name in sources:
            outcomes.append(_turn(lab, student, sources[student.name]))
    parallel.require_done(outcomes, MOVE)


def _source(student: Student, there: Locations) -> str:
    """The Docker host that the student's stack comes from; the inventory's own if there is nothing to move."""
    here, elsewhere = there.here.get(student.name), there.elsewhere.get(student.name, ())
    addresses = [one.docker_host for one in elsewhere]
    if here and here.mark and (here.mark.source in addresses or (here.mark.proved and is_known(here.mark.source))):
        return here.mark.source
    if here and here.mark:
        raise WrongRequest(
            f"{student.name}: a move to {student.docker_host} was interrupted, and its source does not have the stack",
            evidence=f"it is marked as coming from {here.mark.source}; that was not reached, or has nothing",
            fix="make that Docker host reachable, and run the same command again",
        )
    moved = [one.docker_host for one in elsewhere if one.mark and one.mark.proved]
    if moved:
        raise WrongRequest(
            f"{student.name}'s stack has been moved to {moved[0]}, where it is proved",
            evidence=f"the inventory says {student.docker_host}",
            fix=f"write docker_host: {moved[0]} into the inventory, and run the same command again",
        )
    if here and elsewhere:
        raise WrongRequest(
            f"{student.name} has a stack on {student.docker_host}, as the inventory says, and another one elsewhere",
            evidence=[str(one) for one in (here, *elsewhere)],
            fix=f"remove the one that is not needed: "
            f"invoke destroy --student {student.name} --docker-host {addresses[0]}",
        )
    if len(addresses) > 1:
        raise WrongRequest(
            f"{student.name} has several stacks, none of them on {student.docker_host}",
            evidence=[str(one) for one in elsewhere],
            fix=f"remove those that are not needed: "
            f"invoke destroy --student {student.name} --docker-host {addresses[0]}",
        )
    if elsewhere:
        return addresses[0]
    with engine.connect(student.docker_host) as client:
        if not labelled.summaries(client, student):
            raise labelled.no_stack(student)
    return student.docker_host


def _turn(lab: Lab, student: Student, old: Student) -> Outcome:
    began = time.monotonic()
    try:
        operation.act(lambda old: _move(lab, student, old), old, MOVE)
    except LabError as error:
        return Outcome(student.name, time.monotonic() - began, error=error)
    say(
        f"{student.name}: moved from {old.docker_host} to {student.docker_host} and proved "
        f"in {time.monotonic() - began:.1f} s"
    )
    return Outcome(student.name, time.monotonic() - began)


def _move(lab: Lab, student: Student, old: Student) -> None:
    """For who has the lock of the old stack."""
    with display.whole("engine", "images"):
        host_setup.ensure_engines(lab, [student])
        found, at_once = location.mark_of(student), 1
        if not (found and found.proved):
            _require_movable(old)
            at_once = provision.prepare(lab, [student], {})
    with operation.admitted(student, replace(MOVE, repairs=False)), engine.connect(student.docker_host) as client:
        if not (found and found.proved):
            _copy(lab, student, old, found, at_once=at_once)
        destroy.take_away(old)
        location.remove_marks(client, student)
    snapshots.delete(student.lab_class, snapshots.name_of_move(student))


def _require_movable(old: Student) -> None:
    """Refuse an old stack that is not, node by node, the one that the inventory describes: a node's data would be lost.

    Raises:
        WrongRequest: it differs, or applications run.
    """
    fix = (
        f"write docker_host: {old.docker_host} and the old size into the inventory, "
        f"invoke provision --student {old.name}, and only then move it"
    )
    with engine.connect(old.docker_host) as client:
        require_stack(client, old, fix=fix)
        kept = volumes.nodes(volumes.there(client, labelled.stack_filter(old)), old.prefix)
    more = sorted(kept - {node.name for node in nodes(old)})
    if more:
        raise WrongRequest(
            f"{old.name}'s stack on {old.docker_host} has nodes that the inventory does not name",
            evidence=", ".join(more),
            fix=fix,
        )
    require_idle(old, fix=IDLE)


def _copy(lab: Lab, student: Student, old: Student, left: Mark | None, *, at_once: int) -> None:
    """Make the new stack from the old one, which is stopped then. If that fails, both are as they were.

    Args:
        left: the mark of an earlier try that was killed.
    """
    with engine.connect(student.docker_host) as client, engine.connect(old.docker_host) as before:
        there = destroy.belongings(client, student.lab_class).get(student.name)
        if there and left:
            say(f"{student.name}: a move was interrupted here; what it has made is removed, and the move begins again")
            marks = [volume.name for volume in location.marks(client, student)]
            destroy.remove(client, replace(there, volumes=tuple(name for name in there.volumes if name not in marks)))
        elif there:
            raise WrongRequest(
                f"{student.name} has something on {student.docker_host} by now",
                evidence="another command has made it meanwhile",
                fix=f"invoke status --student {student.name} shows it",
            )
        ran = any(node.status == "running" for node in labelled.summaries(before, old).values())
        ran = ran or (left is not None and left.ran)
        known_hosts.remember([student])
        try:
            location.mark(client, student, source=old.docker_host, ran=ran)
            folder = _keep(old, ran=ran)
            with display.whole("cluster"):
                provision.bring_up(lab, [student], at_once=at_once)
            _bring(student, folder)
            location.mark(client, student, source=old.docker_host, ran=ran, proved=True)
        except BaseException as error:
            _undo(student, old, ran=ran)
            if not isinstance(error, Exception):
                raise
            raise LabError(
                f"{student.name} could not be moved to {student.docker_host}; "
                f"the stack on {old.docker_host} is as it was",
                evidence=str(error).removeprefix("error: ").splitlines(),
                fix="fix that, and run the same command again",
            ) from error


def _keep(old: Student, *, ran: bool) -> Path:
    """Stop the old stack and copy all its data, and the files of the student's home, to this machine."""
    name, began = snapshots.name_of_move(old), time.monotonic()
    with engine.connect(old.docker_host) as client, progress(f"{old.name}: copying from {old.docker_host}") as line:
        require_idle(old, fix=IDLE)
        with open_carrier(client, old, "move", ran=ran) as carrier:
            recovery.settle(old, carrier)
            line.update("stopping the daemons")
            daemons.stop_nodes(old)
            manifest = keep(old, carrier, name, line, home=True)
    say(f"{old.name}: stopped and copied, {manifest.size_mb:.1f} MB in {time.monotonic() - began:.1f} s")
    return snapshots.folder_of(old.lab_class, name)


def _bring(student: Student, folder: Path) -> None:
    """Put the copy into the new stack, and prove every service on it."""
    manifest = snapshots.read(folder)
    snapshots.require_fit(manifest, student)
    snapshots.require_whole(folder, manifest)
    with engine.connect(student.docker_host) as client, open_carrier(client, student, "move", ran=True) as carrier:
        restore.unpack(student, carrier, folder, home=True)
        daemons.stop_nodes(student)
        carrier.exchange("swap")
        daemons.start_nodes(student)
        require_proved(student)
        carrier.exchange("prove")
        carrier.exchange("end")


def _undo(student: Student, old: Student, *, ran: bool) -> None:
    """Start the old stack if it ran, and remove what there is of the new one; neither waits for the other's success."""
    with uninterrupted():
        for what, step in (
            (f"starting the stack on {old.docker_host} again", lambda: daemons.start_nodes(old) if ran else 0),
            (f"removing what was made on {student.docker_host}", lambda: destroy.take_away(student)),
        ):
            say(f"{student.name}: {what}")
            try:
                step()
            except (LabError, DockerException, OSError) as error:
                say(f"{student.name}: that failed; invoke move --student {student.name} tries it again: {error}")
        snapshots.delete(old.lab_class, snapshots.name_of_move(old))
