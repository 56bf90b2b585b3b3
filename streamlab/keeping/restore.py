"""`invoke restore`: stacks back to a snapshot, of the same student or another one.

Nothing is lost on the way. The snapshot is read whole before a stack is touched, and unpacked beside the data while the
daemons still run. Only then are they stopped, and the two are swapped, which is a rename in each volume. What was there
is kept as an automatic snapshot, and deleted when every service has proved itself on what came and a mark in each
volume says so; until then it is put back, by this command or, if that was killed, by the next.

What came keeps its identities (of HDFS, of Kafka's cluster, of Cassandra's node, YARN's applications). Two students may
have the same ones, since neither's nodes can reach the other's.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from streamlab.cancel import checkpoint, uninterrupted
from streamlab.engines import engine
from streamlab.errors import LabError, WrongRequest
from streamlab.keeping import snapshots
from streamlab.keeping.snapshot import IDLE, chosen_name, keep
from streamlab.keeping.snapshots import Manifest
from streamlab.stacks import daemons, parallel, recovery
from streamlab.stacks.carrier import Carrier, data_nodes, open_carrier, require_stack
from streamlab.stacks.idle import require_idle
from streamlab.stacks.operation import Access, Operation
from streamlab.stacks.prove import require_proved
from streamlab.students.inventory import Lab
from streamlab.students.student import Student
from streamlab.ui import confirm, progress, say

SECONDS = 3600


def restore(students: Sequence[Student], folder: Path) -> None:
    """Bring the stacks of these students to what the snapshot in `folder` holds, a few at a time.

    Raises:
        WrongRequest: it is damaged or does not fit, applications run, or there is no stack; nothing was touched.
        LabError: a stack could not be restored and is as it was before; the others are restored.
    """
    manifest = snapshots.read(folder)
    for student in students:
        snapshots.require_fit(manifest, student)
    snapshots.require_whole(folder, manifest)
    parallel.each(
        students,
        lambda student: _restore(student, folder, manifest),
        Operation(f"restore {manifest.name}", Access.CHANGE, SECONDS),
    )


def _restore(student: Student, folder: Path, manifest: Manifest) -> None:
    began = time.monotonic()
    with engine.connect(student.docker_host) as client:
        require_stack(client, student)
        require_idle(student, fix=IDLE)
        with open_carrier(client, student, f"restore {manifest.name}", ran=True) as carrier:
            recovery.settle(student, carrier)
            unpack(student, carrier, folder)
            unpacked = time.monotonic()
            say(f"{student.name}: {manifest.size_mb:.1f} MB unpacked in {unpacked - began:.1f} s")
            kept = _swap(student, carrier, _kept_as(student, manifest))
    say(
        f"{student.name}: restored from {manifest.name} of {manifest.student} and proved "
        f"in {time.monotonic() - unpacked:.1f} s; the previous data is the snapshot {kept.name}"
    )


def unpack(student: Student, carrier: Carrier, folder: Path, *, home: bool = False) -> None:
    """Unpack a snapshot beside the stack's data, for a swap; with `home`, its files into the student's home at once.

    Raises:
        LabError: that was not possible, and nothing is left beside the data.
    """
    try:
        carrier.exchange("begin")
        for node in data_nodes(student):
            checkpoint()
            carrier.unpack(node, folder / snapshots.file_of(node))
        if home:
            carrier.unpack_home(folder / snapshots.HOME)
    except BaseException as error:
        with uninterrupted():
            carrier.exchange("end")
        if isinstance(error, OSError):  # the engine's refusals are such errors too
            raise LabError(
                f"{student.name}: the data could not be copied to its volumes",
                evidence=snapshots.words(error),
                fix="fix that, and run the same command again",
            ) from error
        raise


def _kept_as(student: Student, manifest: Manifest) -> str:
    """What the automatic snapshot is called; not as the one that is restored, which others may still have to read."""
    name = snapshots.automatic_name(student)
    return f"{name}-undo" if manifest.name == name else name


def _swap(student: Student, carrier: Carrier, keep_as: str) -> Manifest:
    """Swap what was unpacked in, and prove it; the automatic snapshot of what was there."""
    try:
        daemons.stop_nodes(student)
        carrier.exchange("swap")
        with progress(f"{student.name}: keeping the previous data") as line:
            kept = keep(student, carrier, keep_as, line, replaced=True)
        daemons.start_nodes(student)
        require_proved(student)
        with uninterrupted():
            carrier.exchange("prove")
    except BaseException as error:
        say(f"{student.name}: restoring the previous data")
        with uninterrupted():
            daemons.stop_nodes(student)
            carrier.exchange("end")
            daemons.start_nodes(student)
        if not isinstance(error, Exception):
            raise
        require_proved(student)
        raise LabError(
            f"{student.name} could not be restored; the previous data is back",
            evidence=str(error).splitlines(),
            fix="invoke logs --node NAME shows what the daemons say",
        ) from error
    carrier.exchange("end")
    return kept


def bring_back(
    lab: Lab, *, name: str | None, at: str | None, student: str | None, limit: str | None, yes: bool
) -> None:
    """`invoke restore`: for the student who was named, or for those whose names match `limit`; asked before."""
    students = lab.explicitly_chosen(student, limit)
    chosen = chosen_name(name, at)
    lab_class = students[0].lab_class
    if at and chosen not in [folder.name for folder in snapshots.found(lab_class)]:
        raise WrongRequest(
            f"no snapshot {chosen}: nobody has taken one at the start of {at}",
            evidence=f"known: {', '.join(folder.name for folder in snapshots.found(lab_class)) or 'none'}",
            fix=f"invoke snapshot --at {at} --student NAME runs the lessons before it in a stack, and takes it",
        )
    folder = snapshots.folder_of(lab_class, chosen)
    names = ", ".join(student.name for student in students)
    confirm(f"replace all data of {names} by the snapshot {chosen}?", yes=yes)
    restore(students, folder)
