"""`invoke snapshot`: all data of a stack at one moment, kept on this machine: HDFS, YARN, Kafka, Cassandra, metastore.

The daemons are stopped for the copy. Each alone could be copied while it runs; the checkpoints on HDFS, the offsets in
Kafka that they name and the rows in Cassandra would then be of different moments.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import docker

from streamlab import __version__
from streamlab.cancel import checkpoint, uninterrupted
from streamlab.engines import engine, labelled
from streamlab.errors import LabError, WrongRequest, unknown
from streamlab.keeping import snapshots
from streamlab.keeping.snapshots import Manifest
from streamlab.lessons import jobs
from streamlab.stacks import daemons, operation, recovery
from streamlab.stacks.carrier import Carrier, data_nodes, open_carrier, require_stack
from streamlab.stacks.idle import require_idle
from streamlab.stacks.operation import Access, Operation
from streamlab.stacks.prove import require_proved
from streamlab.students.student import Student
from streamlab.ui import Progress, confirm, progress, say
from streamlab.work import check, submit
from streamlab.work.request import request

#: How Docker says that a process had to be ended by SIGKILL.
KILLED = 137
SECONDS = 3600
IDLE = "end them with invoke stop --job NAME, or exit the shell that runs them"


def snapshot(student: Student, name: str) -> None:
    """Keep all data of a student's stack under `name`. A stack that is suspended stays so.

    Raises:
        WrongRequest: the name is taken, applications run, or there is no stack; nothing was stopped.
        LabError: the data could not be kept, and nothing was; or the stack did not come back as it should.
    """
    snapshots.require_free(student.lab_class, name)
    taking = Operation(f"snapshot {name}", Access.CHANGE, SECONDS)
    operation.act(lambda student: _snapshot(student, name), student, taking)


def _snapshot(student: Student, name: str) -> None:
    with engine.connect(student.docker_host) as client, progress(f"snapshot {name}") as line:
        require_stack(client, student)
        require_idle(student, fix=IDLE)
        ran = any(node.status == "running" for node in labelled.summaries(client, student).values())
        began = time.monotonic()
        with open_carrier(client, student, f"snapshot {name}", ran=ran) as carrier:
            recovery.settle(student, carrier)
            try:
                line.update("stopping the daemons")
                daemons.stop_nodes(student)
                stopped = time.monotonic()
                manifest = keep(student, carrier, name, line)
                kept = time.monotonic()
            except KeyboardInterrupt:
                line.close()
                say("interrupted: nothing is kept, and the daemons are started again first")
                raise
            finally:
                if ran:
                    line.update("starting the daemons")
                    with uninterrupted():
                        daemons.start_nodes(student)
        if ran:
            line.update("proving the services")
            require_proved(student)
    say(
        f"{student.name}: snapshot {name}, {manifest.size_mb:.1f} MB in {kept - stopped:.1f} s"
        + (f"; stopped in {stopped - began:.1f} s, back in {time.monotonic() - kept:.1f} s" if ran else "")
    )


def _require_clean_end(client: docker.DockerClient, student: Student) -> None:
    """A daemon that was killed has not written out what it held."""
    found = labelled.containers(client, student)
    killed = [
        f"{name} was ended by SIGKILL, as after {daemons.STOP_SECONDS} s without an end"
        for name in data_nodes(student)
        if found[name].attrs["State"]["ExitCode"] == KILLED
    ]
    if killed:
        raise LabError(
            f"{student.name}: a daemon had to be killed",
            evidence=killed,
            fix="invoke resume, so that it recovers its data, then take the snapshot again",
        )


def keep(
    student: Student, carrier: Carrier, name: str, line: Progress, *, replaced: bool = False, home: bool = False
) -> Manifest:
    """Copy the data of a stack whose daemons are stopped to a snapshot.

    Args:
        replaced: copy what a swap has replaced, and take the place of a snapshot of this name.
        home: copy all files of the student's home too, and take the place of a snapshot of this name.

    Raises:
        LabError: a daemon had to be killed, or the data could not be read or kept.
    """
    _require_clean_end(carrier.stack.client, student)
    with snapshots.new(student.lab_class, name, replace=replaced or home) as folder:
        for node in data_nodes(student):
            checkpoint()
            carrier.pack(node, folder / snapshots.file_of(node), line, replaced=replaced)
        if home:
            carrier.pack_home(folder / snapshots.HOME, line)
        manifest = _manifest(student, name, folder)
        snapshots.write_manifest(folder, manifest)
    return manifest


def _manifest(student: Student, name: str, folder: Path) -> Manifest:
    return Manifest(
        name=name,
        lab_class=student.lab_class,
        student=student.name,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        lab_version=__version__,
        products=snapshots.products(student.node_counts),
        nodes=dict(student.node_counts),
        files={file.name: snapshots.described(file) for file in sorted(folder.iterdir())},
    )


def lessons() -> list[str]:
    """The lessons in the course's order."""
    return [name for name in jobs.known_jobs() if name.startswith("lesson")]


def name_at(lesson: str) -> str:
    """The name of the snapshot at the start of `lesson`."""
    if lesson not in lessons():
        raise unknown("lesson", lesson, lessons(), usage="--at {}")
    return f"at-{lesson}"


def chosen_name(name: str | None, at: str | None) -> str:
    """The name that was given, or the one that belongs to a lesson; exactly one of the two is given."""
    if name is not None and at is None:
        return name
    if at is not None and name is None:
        return name_at(at)
    raise WrongRequest(
        "which snapshot?", evidence="give one of --name and --at", fix="--name before-exam, or --at lesson05"
    )


def snapshot_at(student: Student, lesson: str, *, yes: bool) -> None:
    """Bring a stack to the start of `lesson` by running all lessons before it that it can run, and take a snapshot.

    Raises:
        WrongRequest: there is such a snapshot already, or applications run; nothing was touched.
        LabError: a lesson did not do what it should; nothing is kept.
    """
    name = name_at(lesson)
    snapshots.require_free(student.lab_class, name)
    require_idle(student, fix=IDLE)
    before = [one for one in lessons() if one < lesson and check.can_run(student, jobs.load(jobs.JOBS / one))]
    confirm(f"reset every lesson of {student.name}, and run {', '.join(before) or 'none'} anew?", yes=yes)
    for job in jobs.known_jobs():
        check.reset_each([student], job, yes=True)
    for job in before:
        submit.submit_one(student, request(job))
        check.report(student, job, as_json=False)
    snapshot(student, name)


def take(student: Student, *, name: str | None, at: str | None, yes: bool) -> None:
    """`invoke snapshot`: under a name, or at the start of a lesson."""
    chosen = chosen_name(name, at)
    if at:
        snapshot_at(student, at, yes=yes)
    else:
        snapshot(student, chosen)
