"""Zips that are the same, byte for byte, whenever their contents are: a hash then says whether one is already there."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from streamlab.errors import WrongRequest
from streamlab.paths import JOBS, ROOT, STATE, private_folder, typed
from streamlab.ui import say

#: The earliest time that a zip can hold; real times would make equal trees differ.
_TIME = (1980, 1, 1, 0, 0, 0)
#: The most that the files of one folder may have together. A node's programs are given them in memory, and every
#: container of a job has a copy of its own.
MAX_BYTES = 50_000_000
#: What of a lesson stays with the instructor: answers to its questions, and its exercise with the gaps filled in.
ANSWERS = ("ANSWERS.md", "exercise.py", "exercise.sql")
_CACHES = {"__pycache__", "node_modules"}
#: What Python marks a virtual environment with.
_ENVIRONMENT = "pyvenv.cfg"


@dataclass(frozen=True)
class Bundle:
    """A deterministic zip and the SHA-256 of its bytes."""

    data: bytes
    sha256: str

    @property
    def short(self) -> str:
        return self.sha256[:12]


def zip_of(files: Mapping[str, bytes]) -> Bundle:
    """A zip of `files` (path -> contents) with sorted names and fixed times.

    Stored, not deflated: what deflate writes depends on the version of zlib, and the same tree must give the same
    hash on two machines.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _TIME)
            entry.create_system = 3  # Unix, whatever machine writes it
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name])
    data = buffer.getvalue()
    return Bundle(data, hashlib.sha256(data).hexdigest())


def files_below(folder: Path, *, under: str) -> dict[str, bytes]:
    """Every file of a package below `folder`, as path below `under` -> contents.

    Hidden files and folders (`.git`, `.env`), virtual environments and caches are left out.

    Raises:
        WrongRequest: a link leads to something else than a file of this folder, or the files are too large together.
    """
    paths = sorted(_package_files(folder))
    _require_size(folder, paths)
    return {f"{under}/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in paths}


def _package_files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [
            name
            for name in folders
            if not (name.startswith(".") or name in _CACHES or Path(parent, name, _ENVIRONMENT).exists())
        ]
        for path in (Path(parent, name) for name in [*folders, *names] if not name.startswith(".")):
            if path.is_symlink():
                _require_inside(path, folder)
            if path.is_file() and path.suffix != ".pyc":
                yield path


def _require_inside(link: Path, folder: Path) -> None:
    """Refuse a link by which a file of the caller's, which is not the job's, would be packed: a private key, say."""
    if not (link.is_file() and link.resolve().is_relative_to(folder.resolve())):
        raise WrongRequest(
            f"{folder} has a link that cannot be packed",
            evidence=f"{link} -> {link.readlink()} is not a file in this folder",
            fix="remove the link, or put the file itself in its place",
        )


def _require_size(folder: Path, paths: list[Path]) -> None:
    sizes = {path: path.stat().st_size for path in paths}
    total = sum(sizes.values())
    if total > MAX_BYTES:
        largest = sorted(sizes, key=lambda path: -sizes[path])[:3]
        raise WrongRequest(
            f"{folder} is too large to be packed: {total / 1e6:.1f} MB, and {MAX_BYTES / 1e6:.0f} MB is the limit",
            evidence=[f"{sizes[path] / 1e6:.1f} MB  {path.relative_to(folder)}" for path in largest],
            fix=f"move data to HDFS, and out of the folder: invoke put {largest[0].name} --to hdfs:{folder.name}/",
        )


def job_bundle(folder: Path, exercise: str = "") -> Bundle:
    """What goes to YARN for one job: its own folder, `common`, and nothing else.

    Args:
        exercise: the lesson whose exercise the job is; that lesson's data and check come along.
    """
    if not exercise:
        return zip_of({**lesson_files(folder, under=folder.name), **_common()})
    return zip_of(
        {**files_below(folder, under=folder.name), **lesson_files(JOBS / exercise, under=exercise), **_common()}
    )


def lesson_files(folder: Path, *, under: str) -> dict[str, bytes]:
    """As `files_below`, of a lesson, without the files that would give its answers away."""
    hidden = {f"{under}/{name}" for name in ANSWERS}
    return {path: data for path, data in files_below(folder, under=under).items() if path not in hidden}


def tools() -> Bundle:
    """What the control program runs inside a stack: streamlab/edge and `common`."""
    return zip_of({**files_below(ROOT / "streamlab" / "edge", under="edge"), **_common()})


def _common() -> dict[str, bytes]:
    return files_below(JOBS / "common", under="common")


def write(folder: Path, to: str | None, exercise: str = "") -> None:
    """Write a job's bundle below .streamlab/bundles, or to the path `to`, and print the path and the SHA-256."""
    packed = job_bundle(folder, exercise)
    if to:
        path = typed(to)
        path.parent.mkdir(parents=True, exist_ok=True)
    else:
        path = private_folder(STATE / "bundles") / f"{folder.name}-{packed.short}.zip"
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(packed.data)
    partial.replace(path)
    say(f"{path}  sha256 {packed.sha256}")
