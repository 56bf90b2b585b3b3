"""Brings what a job left under its output folder on HDFS to the control machine."""

from __future__ import annotations

import io
import shutil
import tarfile
import uuid
from pathlib import Path, PurePosixPath

from streamlab.engines.inside import run_inside
from streamlab.errors import LabError, WrongRequest
from streamlab.lessons import jobs
from streamlab.paths import STATE
from streamlab.stacks.channel import list_of
from streamlab.stacks.stack import open_stack
from streamlab.students.topology import Student
from streamlab.ui import say

SECONDS = 120


def fetch_output(student: Student, name: str, to: str | None) -> list[Path]:
    """Copy a job's output (plots, reports, tables) to `to`, or below .streamlab/output, and print each path.

    Raises:
        WrongRequest: `to` is there already.
        LabError: the job has left nothing.
    """
    job, _ = jobs.find(name)
    place = Path(to).expanduser() if to else STATE / "output" / student.name / job.name
    if to and place.exists():
        raise WrongRequest(f"{place} is there already", evidence="nothing was written over", fix="choose another --to")
    parcel = f"/tmp/streamlab-output-{uuid.uuid4().hex[:12]}"
    with open_stack(student) as stack:
        try:
            copied = stack.answer("edge.fetch", job.name, parcel, seconds=SECONDS, read=list_of(_below))
            if not copied:
                raise LabError(
                    f"{job.name} of {student.name} has left no output",
                    evidence=f"/user/student/{job.name}/out on HDFS is empty or missing",
                    fix=f"invoke submit --job {job.name}",
                )
            archive = b"".join(stack.edge.get_archive(parcel)[0])
        finally:
            run_inside(stack.edge, ["rm", "-rf", parcel], seconds=30)
    half = place.with_name(f"{place.name}.partial")
    shutil.rmtree(half, ignore_errors=True)
    with tarfile.open(fileobj=io.BytesIO(archive)) as parcels:
        for path in copied:  # one by one: extractall(filter=…) is younger than the Python of Debian 12
            file = half / path
            file.parent.mkdir(parents=True, exist_ok=True)
            packed = parcels.extractfile(f"{Path(parcel).name}/{path}")
            if packed is None:
                raise LabError(
                    f"{path} of {student.name} cannot be brought",
                    evidence="it is not a file any more",
                    fix="run the same command again",
                )
            file.write_bytes(packed.read())
    shutil.rmtree(place, ignore_errors=True)
    half.rename(place)
    files = [place / path for path in copied]
    for file in files:
        say(f"{file}  {file.stat().st_size} bytes")
    return files


def _below(said: str) -> str:
    """A path as the node names it, which must not lead out of the folder it is written to."""
    path = PurePosixPath(said)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{said} is not below the output folder")
    return said
