"""Copies a job's output folder on HDFS to the control machine."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
import uuid
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from streamlab.cancel import checkpoint
from streamlab.edge.filesystem import printable
from streamlab.engines.inside import run_inside
from streamlab.errors import LabError, WrongRequest
from streamlab.lessons import jobs
from streamlab.paths import STATE, private_folder, typed
from streamlab.stacks import operation
from streamlab.stacks.channel import list_of, shortened
from streamlab.stacks.operation import Access, Operation
from streamlab.stacks.stack import open_on_engine
from streamlab.students.student import Student
from streamlab.ui import say

SECONDS = 120
#: The most that is taken from a node: the edge node has it on its own disk a second time meanwhile.
MAX_BYTES = 500_000_000
FETCH = Operation("fetch-output", Access.USE)


def fetch_output(student: Student, name: str, to: str | None) -> list[Path]:
    """Copy a job's output (plots, reports, tables) to `to`, or below .streamlab/output, and print each path.

    Raises:
        WrongRequest: `to` already exists.
        LabError: the job has left nothing, more than `MAX_BYTES`, or what is no regular file below the output folder;
            nothing was written.
    """
    job, _ = jobs.find(name)
    place = typed(to) if to else STATE / "output" / student.name / job.name
    if to and place.exists():
        raise WrongRequest(f"{place} already exists", evidence="nothing was overwritten", fix="choose another --to")
    with tempfile.TemporaryFile() as archive:
        operation.act(lambda student: _bring(student, job.name, archive), student, FETCH)
        archive.seek(0)
        try:
            with tarfile.open(fileobj=archive) as files:
                paths = _unpack(files, place, job.name)
        except (tarfile.TarError, ValueError, OSError) as error:
            raise LabError(
                f"the output of {job.name} cannot be written to {place}",
                evidence=shortened(f"{type(error).__name__}: {error}"),
                fix=f"look at it on the edge node (invoke shell): hdfs dfs -ls -R {job.name}/out",
            ) from error
    for path in paths:
        say(f"{printable(str(path))}  {path.stat().st_size} bytes")
    return paths


def _bring(student: Student, job: str, archive: BinaryIO) -> None:
    """Write a job's output to `archive`, as a tar archive of one folder."""
    folder = f"/tmp/streamlab-output-{uuid.uuid4().hex[:12]}"
    with open_on_engine(student) as stack:
        try:
            if not stack.answer("edge.fetch", job, folder, seconds=SECONDS, read=list_of(str)):
                raise LabError(
                    f"{job} of {student.name} has left no output",
                    evidence=f"/user/student/{job}/out on HDFS is empty or missing",
                    fix=f"invoke submit --job {job}",
                )
            _keep(stack.edge.get_archive(folder)[0], archive, job)
        finally:
            run_inside(stack.edge, ["rm", "-rf", folder], seconds=30)


def _keep(pieces: Iterable[bytes], archive: BinaryIO, job: str) -> None:
    for piece in pieces:
        checkpoint()
        archive.write(piece)
        if archive.tell() > MAX_BYTES:
            raise _too_large(job)


def _unpack(archive: tarfile.TarFile, place: Path, job: str) -> list[Path]:
    """Write the files of an archive to the folder `place`, whole or not at all; their paths, sorted."""
    # By hand: extractall(filter="data") is younger than the Python of Debian 12.
    files = {_below(entry): entry for entry in archive if not entry.isdir()}
    if sum(entry.size for entry in files.values()) > MAX_BYTES:  # a sparse file is larger than what there is of it
        raise _too_large(job)
    parent = private_folder(place.parent) if place.is_relative_to(STATE) else place.parent
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix=f".{place.name}.") as work:
        half = Path(work) / "half"
        for path, entry in files.items():
            file = half / path
            file.parent.mkdir(parents=True, exist_ok=True)
            content = archive.extractfile(entry)
            assert content is not None  # `_below` has refused what is no regular file
            with content, file.open("xb") as made:
                shutil.copyfileobj(content, made)
        shutil.rmtree(place, ignore_errors=True)
        half.rename(place)
    return [place / path for path in sorted(files)]


def _below(entry: tarfile.TarInfo) -> PurePosixPath:
    """The path of a regular file below the archive's one folder.

    Raises:
        ValueError: it leads elsewhere, or is of another kind.
    """
    path = PurePosixPath(entry.name)
    if not entry.isreg():
        raise ValueError(f"{entry.name} is not a regular file")
    if path.is_absolute() or ".." in path.parts or len(path.parts) < 2:
        raise ValueError(f"{entry.name} is not below the output folder")
    return PurePosixPath(*path.parts[1:])


def _too_large(job: str) -> LabError:
    return LabError(
        f"the output of {job} is larger than {MAX_BYTES / 1e6:.0f} MB",
        evidence="nothing was written",
        fix=f"invoke get hdfs:{job}/out --to DIR, which copies any size",
    )
