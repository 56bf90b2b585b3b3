"""`invoke restore`: stacks back to a snapshot, of the same student or another one.

Nothing is lost on the way. The snapshot is read whole before a stack is touched, and unpacked beside the data while the
daemons still run. Only then are they stopped, and the two change places, which is a rename in each volume. What was is
deleted when every service has proved itself on what came; if one does not, it is put back.

What came keeps its identities (of HDFS, of Kafka's cluster, of Cassandra's node, YARN's applications). Two students may
have the same ones, since neither's nodes can reach the other's.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

from streamlab.engines import engine
from streamlab.errors import LabError, WrongRequest
from streamlab.keeping import snapshots
from streamlab.keeping.carrier import Carrier, data_nodes, open_carrier, require_stack
from streamlab.keeping.snapshot import IDLE, chosen_name
from streamlab.keeping.snapshots import Manifest
from streamlab.stacks import suspend
from streamlab.students.inventory import Lab
from streamlab.students.topology import Student
from streamlab.ui import say


class _Interrupted(Exception):
    """Somebody pressed Ctrl-C; nothing has changed places yet."""


def restore(students: Sequence[Student], folder: Path) -> None:
    """Bring the stacks of these students to what the snapshot in `folder` holds, a few at a time.

    Raises:
        WrongRequest: it is damaged or does not fit, applications run, or there is no stack; nothing was touched.
        LabError: a stack could not be restored and is as it was before; the others are restored.
    """
    manifest = snapshots.read(folder)
    for student in students:
        snapshots.require_fit(manifest, student)
        with engine.connect(student.docker_host) as client:
            require_stack(client, student)
    suspend.require_idle(students, fix=IDLE)
    snapshots.require_whole(folder, manifest)
    interrupted = Event()

    def one(student: Student) -> LabError | None:
        try:
            _restore(student, folder, manifest, interrupted)
        except _Interrupted:
            say(f"{student.name}: as it was")
            return None
        except OSError as error:
            return LabError(
                f"{student.name}: the data could not be brought to its volumes",
                evidence=snapshots.words(error),
                fix="mend that, and run the same command again",
            )
        except LabError as error:
            return error
        return None

    # Ctrl-C reaches the main thread alone: a stack whose data have begun to change places is brought to an end.
    with ThreadPoolExecutor(suspend.AT_ONCE) as pool:
        try:
            errors = [error for error in pool.map(one, students) if error]
        except KeyboardInterrupt:
            interrupted.set()
            say("interrupted: what was begun gets to a clean end first")
            raise
    if errors:
        *others, last = errors
        last.evidence += [line for error in others for line in str(error).splitlines()]
        raise last


def _restore(student: Student, folder: Path, manifest: Manifest, interrupted: Event) -> None:
    began = time.monotonic()
    with engine.connect(student.docker_host) as client, open_carrier(client, student) as carrier:
        try:
            carrier.exchange("begin")
            for node in data_nodes(student):
                carrier.unpack(node, folder / snapshots.file_of(node))
                if interrupted.is_set():
                    raise _Interrupted
        except BaseException:
            carrier.exchange("end")
            raise
        unpacked = time.monotonic()
        say(f"{student.name}: {manifest.size_mb:.1f} MB unpacked in {unpacked - began:.1f} s")
        _change_places(student, carrier)
        carrier.exchange("end")
    say(
        f"{student.name}: restored from {manifest.name} of {manifest.student} and proved "
        f"in {time.monotonic() - unpacked:.1f} s"
    )


def _change_places(student: Student, carrier: Carrier) -> None:
    try:
        suspend.stop_nodes(student)
        carrier.exchange("swap")
        problems = suspend.start_nodes(student)
        if problems:
            raise suspend.came_back_badly(problems)
    except Exception as error:
        say(f"{student.name}: it does not work, and goes back to what was")
        suspend.stop_nodes(student)
        carrier.exchange("back")
        left = suspend.start_nodes(student)
        if left:
            raise suspend.came_back_badly(left) from error
        raise LabError(
            f"{student.name} could not be restored, and has again what it had before",
            evidence=str(error).splitlines(),
            fix="invoke logs --node NAME says what the daemons made of it",
        ) from error


def bring_back(lab: Lab, *, name: str | None, at: str | None, student: str | None, limit: str | None) -> None:
    """`invoke restore`: for the student who was named, or for those whose names match `limit`."""
    students = lab.named(student, limit)
    chosen = chosen_name(name, at)
    lab_class = students[0].lab_class
    if at and chosen not in [folder.name for folder in snapshots.found(lab_class)]:
        raise WrongRequest(
            f"no snapshot {chosen}: nobody has taken one at the start of {at}",
            evidence=f"known: {', '.join(folder.name for folder in snapshots.found(lab_class)) or 'none'}",
            fix=f"invoke snapshot --at {at} --student NAME runs the lessons before it in a stack, and takes it",
        )
    restore(students, snapshots.folder_of(lab_class, chosen))
