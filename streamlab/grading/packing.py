"""A hand-in as one file: a zip that is the same whenever its contents are, and what is believed of one that comes."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from streamlab.edge.outbox import MOST_BYTES
from streamlab.errors import LabError, WrongRequest
from streamlab.lessons import exercise, jobs
from streamlab.lessons.bundle import Bundle, files_below, zip_of
from streamlab.lessons.jobs import Job
from streamlab.lessons.scaffold import require_free

#: Files of one hand-in.
MOST_FILES = 100
_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,60}(/[A-Za-z0-9_][A-Za-z0-9_.-]{0,60}){1,5}")


@dataclass(frozen=True)
class Contents:
    """What is in a hand-in.

    Args:
        job: the name of the student's folder.
        lesson: whose exercise it is.
        files: path, which begins with the folder's name, -> bytes.
    """

    job: str
    lesson: str
    files: Mapping[str, bytes]

    @property
    def program(self) -> str:
        """What the student wrote."""
        return self.files[f"{self.job}/{exercise.source(self.lesson).name}"].decode("utf-8")


def pack(job: Job) -> Bundle:
    """The zip of an exercise's folder: regular files in a fixed order, without times and owners.

    Raises:
        WrongRequest: it is too large, has too many files, or a path or link that cannot be packed.
    """
    files = files_below(job.folder, under=job.name)
    packed = zip_of(files)
    if len(packed.data) > MOST_BYTES or len(files) > MOST_FILES:
        largest = sorted(files, key=lambda path: -len(files[path]))[:3]
        raise WrongRequest(
            f"{job.folder} is too large to be handed in: {len(files)} files, {len(packed.data) / 1e3:.0f} kB",
            evidence=[
                f"at most {MOST_FILES} files and {MOST_BYTES / 1e3:.0f} kB",
                *(f"{len(files[path]) / 1e3:.0f} kB  {path}" for path in largest),
            ],
            fix="move what is no part of your program out of the folder",
        )
    wrong = [path for path in files if not _PATH.fullmatch(path)]
    if wrong:
        raise WrongRequest(
            f"{job.folder} has a file whose name cannot be handed in",
            evidence=wrong[0],
            fix="use the letters a-z, digits, '.', '-' and '_' in names",
        )
    return packed


def unpack(data: bytes, *, sha256: str, about: str) -> Contents:
    """What is in a zip that somebody handed in. Nothing in it is run or written to disk.

    Args:
        about: what an error names first.

    Raises:
        LabError: it is not what `pack` makes of an exercise.
    """
    try:
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ValueError(f"its SHA-256 is not {sha256[:12]}…")
        files = _files(data)
        (job,) = {path.partition("/")[0] for path in files}
        lesson = yaml.safe_load(files[f"{job}/job.yml"])["exercise"]
        require_free(job)  # the name of a lesson or a package would stand in its place
        if lesson not in jobs.known_exercises():
            raise ValueError(f"its job.yml names no exercise of the course: {lesson!r:.60}")
        contents = Contents(job, lesson, files)
        assert contents.program is not None
    except (ValueError, KeyError, TypeError, zipfile.BadZipFile, yaml.YAMLError, RecursionError) as error:
        raise LabError(
            f"{about} is not a hand-in", evidence=f"{type(error).__name__}: {error}", fix="the student hands in again"
        ) from error
    return contents


def _files(data: bytes) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
        if len(entries) > MOST_FILES:
            raise ValueError(f"{len(entries)} files")
        for entry in entries:
            # Stored, so that what comes out is no larger than what came in.
            stored = entry.compress_type == zipfile.ZIP_STORED and entry.file_size == entry.compress_size
            if not stored or not _PATH.fullmatch(entry.filename) or entry.filename in files:
                raise ValueError(f"an entry that the lab would not write: {entry.filename!r:.80}")
            files[entry.filename] = archive.read(entry)
    return files
