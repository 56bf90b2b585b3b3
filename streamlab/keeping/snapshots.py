"""The snapshots that are kept: a folder for each on this machine, whole or not there, and a manifest of what it is."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from streamlab.building.images import PRODUCTS
from streamlab.building.versions import load_versions
from streamlab.errors import LabError, WrongRequest, unknown
from streamlab.paths import SNAPSHOTS, private_folder
from streamlab.students.inventory import Lab
from streamlab.students.services import OPTIONAL
from streamlab.students.student import Student
from streamlab.ui import confirm, say, table

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")
MANIFEST = "manifest.json"
PARTIAL = ".partial"
#: The archive of all files of a student's home, which only the snapshot of a move has.
HOME = "home.tar.gz"


@dataclass(frozen=True)
class Manifest:
    """What a snapshot is: of whom, when, of which products and how many nodes, and its files with size and SHA-256."""

    name: str
    lab_class: str
    student: str
    made: str
    lab_version: str
    products: Mapping[str, str]
    nodes: Mapping[str, int]
    files: Mapping[str, Mapping[str, str | int]]

    @property
    def size_mb(self) -> float:
        return sum(int(file["bytes"]) for file in self.files.values()) / 2**20


def products(nodes: Mapping[str, int]) -> dict[str, str]:
    """The versions that decide whether daemons can read each other's data. An image may be rebuilt without harm.

    Args:
        nodes: kind -> how many of them the stack has.
    """
    versions = load_versions().products
    optional = (name for name, service in OPTIONAL.items() if nodes.get(service.kind))
    return {name: versions[name].version for name in (*PRODUCTS, *optional)}


def file_of(node: str) -> str:
    return f"{node}.tar.gz"


def described(file: Path) -> dict[str, str | int]:
    """What a manifest says of a file."""
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return {"bytes": file.stat().st_size, "sha256": digest}


def require_free(lab_class: str, name: str) -> None:
    """Refuse a name that is invalid or taken."""
    if not NAME.fullmatch(name):
        raise WrongRequest(
            f"a snapshot cannot be called {name!r}",
            evidence="it becomes the name of a folder",
            fix="use lower-case letters, digits and dashes, 41 at most, such as --name before-exam",
        )
    folder = SNAPSHOTS / lab_class / name
    if folder.exists():
        raise WrongRequest(
            f"there is a snapshot {name} already",
            evidence=str(folder),
            fix=f"choose another --name, or invoke snapshots --remove {name}",
        )


def automatic_name(student: Student) -> str:
    """The name of the snapshot that a restore keeps of the replaced data; the next restore replaces it."""
    return f"before-restore-{student.name}"


def name_of_move(student: Student) -> str:
    """The name of the snapshot by which a move brings the data; nobody can choose it."""
    return f"{student.name}.moving"


def delete(lab_class: str, name: str) -> None:
    """Delete a snapshot, if it is there.

    It is renamed first: what an interruption leaves is no snapshot any more.
    """
    folder = SNAPSHOTS / lab_class / name
    if folder.exists():
        half = folder.with_name(f"{name}.{os.getpid()}.old{PARTIAL}")
        folder.rename(half)
        shutil.rmtree(half)


@contextmanager
def new(lab_class: str, name: str, *, replace: bool = False) -> Iterator[Path]:
    """A folder to write a snapshot into: under its name once the block has ended well, and otherwise gone.

    Args:
        replace: in place of one that has this name.
    """
    folder = SNAPSHOTS / lab_class / name
    half, old = (folder.with_name(f"{name}.{os.getpid()}.{kind}{PARTIAL}") for kind in ("new", "old"))
    try:
        _remove_cut_off(private_folder(folder.parent))
        private_folder(half)
        yield half
        for file in half.iterdir():
            file.chmod(0o600)  # all data of a student
        if replace and folder.exists():
            folder.rename(old)
        half.rename(folder)
    except OSError as error:
        raise LabError(
            f"the snapshot {name} could not be kept", evidence=words(error), fix="fix that, and take it again"
        ) from error
    finally:
        shutil.rmtree(half, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _remove_cut_off(folder: Path) -> None:
    """Remove what processes that were killed have left half-made."""
    for half in folder.glob(f"*{PARTIAL}"):
        pid = half.name.split(".")[-3]
        if not (pid.isdigit() and Path("/proc", pid).exists()):
            shutil.rmtree(half, ignore_errors=True)


def words(error: OSError) -> str:
    """What this machine or the engine says went wrong: the engine's refusals are such errors too."""
    return str(getattr(error, "explanation", None) or error)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    (folder / MANIFEST).write_text(json.dumps(asdict(manifest), indent=2) + "\n", encoding="utf-8")


def found(lab_class: str) -> list[Path]:
    """The folders of a class's snapshots, by name."""
    return sorted(file for file in (SNAPSHOTS / lab_class).glob("*") if file.is_dir() and file.suffix != PARTIAL)


def folder_of(lab_class: str, name: str, *, usage: str = "--name {}") -> Path:
    """Where a snapshot is.

    Raises:
        WrongRequest: there is none of that name.
    """
    known = {folder.name: folder for folder in found(lab_class)}
    if name not in known:
        raise unknown("snapshot", name, known, usage=usage)
    return known[name]


def read(folder: Path) -> Manifest:
    """A snapshot's manifest.

    Raises:
        WrongRequest: it is missing, or is none.
    """
    try:
        values = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        manifest = Manifest(**{field.name: values[field.name] for field in fields(Manifest)})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise damaged(folder, [f"{MANIFEST}: {type(error).__name__}: {error}"]) from None
    return manifest


def require_whole(folder: Path, manifest: Manifest) -> None:
    """Refuse a snapshot of which a file is not what the manifest says; every one is read."""
    wrong = []
    for name, expected in manifest.files.items():
        file = folder / name
        if not file.is_file():
            wrong.append(f"{name} is missing")
        elif described(file) != expected:
            wrong.append(f"{name} is not what was written: {file.stat().st_size} bytes, or its SHA-256 differs")
    if wrong:
        raise damaged(folder, wrong)


def damaged(folder: Path, evidence: list[str]) -> WrongRequest:
    return WrongRequest(
        f"the snapshot {folder.name} is damaged",
        evidence=evidence,
        fix=f"invoke snapshots --remove {folder.name}, and take it again",
    )


def require_fit(manifest: Manifest, student: Student) -> None:
    """Refuse data that this student's daemons could not read."""
    wrong = [
        f"{kind}: {manifest.nodes.get(kind, 0)}, {student.name} has {student.node_counts.get(kind, 0)}"
        for kind in dict.fromkeys([*student.node_counts, *manifest.nodes])
        if manifest.nodes.get(kind, 0) != student.node_counts.get(kind, 0)
    ]
    if wrong:
        raise WrongRequest(
            f"the snapshot {manifest.name} is from a stack with other nodes",
            evidence=wrong,
            fix=f"use the snapshot of a student with the same size and services as {student.name}",
        )
    here = products(student.node_counts)
    wrong = [
        f"{name} {manifest.products.get(name, 'none')}, here {here.get(name, 'none')}"
        for name in sorted({*here, *manifest.products})
        if manifest.products.get(name) != here.get(name)
    ]
    if wrong:
        raise WrongRequest(
            f"the snapshot {manifest.name} is from another version",
            evidence=wrong,
            fix="take it again with these versions",
        )


def report(lab: Lab) -> None:
    """Print a line for every snapshot of the class."""
    lab_class = lab.students[0].lab_class
    rows = [_row(folder) for folder in found(lab_class)]
    if rows:
        say(table(["name", "made", "of", "size", "lab", "state"], rows))
    else:
        say(f"no snapshots of the class {lab_class}: invoke snapshot --name NAME takes one")


def _row(folder: Path) -> list[str]:
    try:
        manifest = read(folder)
    except WrongRequest as error:
        return [folder.name, "", "", "", "", error.evidence[0]]
    state = "ready" if manifest.products == products(manifest.nodes) else "from another version"
    return [folder.name, manifest.made, manifest.student, f"{manifest.size_mb:.1f} MB", manifest.lab_version, state]


def remove(lab: Lab, name: str, *, yes: bool) -> None:
    """Delete one snapshot, after a confirmation unless `yes`."""
    folder = folder_of(lab.students[0].lab_class, name, usage="--remove {}")
    confirm(f"remove the snapshot {name}?", yes=yes)
    delete(lab.students[0].lab_class, folder.name)
    say(f"removed the snapshot {name}")
