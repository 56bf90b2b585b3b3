"""Zips that are the same, byte for byte, whenever their contents are: a hash then says whether one is already there."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from streamlab.paths import JOBS, ROOT, STATE
from streamlab.ui import say

#: The earliest time that a zip can hold; real times would make equal trees differ.
_TIME = (1980, 1, 1, 0, 0, 0)
_LEFT_OUT_FOLDERS = {"__pycache__", ".ipynb_checkpoints"}
_LEFT_OUT_SUFFIXES = {".pyc"}


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
    """Every file of a package below `folder`, as path below `under` -> contents."""
    return {
        f"{under}/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and path.suffix not in _LEFT_OUT_SUFFIXES
        and not _LEFT_OUT_FOLDERS & set(path.relative_to(folder).parts)
    }


def job_bundle(folder: Path) -> Bundle:
    """What goes to YARN for one job: its own folder, `common`, and nothing else."""
    return zip_of({**files_below(folder, under=folder.name), **_common()})


def tools() -> Bundle:
    """What the control program runs inside a stack: streamlab/edge and `common`."""
    return zip_of({**files_below(ROOT / "streamlab" / "edge", under="edge"), **_common()})


def _common() -> dict[str, bytes]:
    return files_below(JOBS / "common", under="common")


def write(folder: Path, to: str | None) -> None:
    """Write a job's bundle below .streamlab/bundles, or to the path `to`, and print the path and the SHA-256."""
    packed = job_bundle(folder)
    path = Path(to) if to else STATE / "bundles" / f"{folder.name}-{packed.short}.zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(packed.data)
    partial.replace(path)
    say(f"{path}  sha256 {packed.sha256}")
