"""`invoke export` and `invoke import`: everything that a room without internet needs, in one folder.

`images.tar` holds the images; below `cache/` stands what else would be fetched, as the user's cache has it: the wheels
of the control program (`./lab` makes .venv of them), and the jars and wheels of which images are built again. Lessons
generate their data, so none is carried. The manifest has every file's SHA-256; all are checked before one is used.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import docker

from streamlab.building import build, images, travel
from streamlab.engines import engine
from streamlab.engines.throwaway import work_folder
from streamlab.errors import LabError, WrongRequest
from streamlab.paths import CACHE, ROOT, private_folder, typed
from streamlab.stacks.host_setup import ensure_images, own_engine, wanted_images
from streamlab.students.inventory import Lab
from streamlab.ui import Progress, progress, say

FORMAT = 1
MANIFEST = "manifest.json"
ARCHIVE = "images.tar"
KEPT = "cache"
_PACKAGE = re.compile(rf"{KEPT}/(jars/\w+\.jar|wheels/[\w-]+/[^/]+\.whl|npm/\w+/[^/]+\.tgz)")
LOCK = ROOT / "requirements.lock"
PIECE = 2**20
_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def export(lab: Lab, to: str) -> None:
    """Write the folder `to`, and say what is in it.

    Raises:
        WrongRequest: `to` already exists.
        LabError: it could not be written; nothing of it stays.
    """
    place = typed(to)
    if place.exists():
        raise WrongRequest(f"{place} already exists", evidence="nothing was overwritten", fix="choose another --to")
    docker_host = own_engine(lab)
    wanted = wanted_images(lab.students)
    ensure_images(docker_host, wanted=wanted)
    half = place.with_name(f"{place.name}.partial")
    shutil.rmtree(half, ignore_errors=True)
    try:
        half.mkdir(parents=True)
        with engine.connect(docker_host, seconds=travel.SILENT_SECONDS) as client, progress("packing") as line:
            manifest = _pack(client, docker_host, half, line, wanted)
        (half / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        half.rename(place)
    except OSError as error:
        raise LabError(f"{place} could not be written", evidence=str(error), fix="check the disk") from error
    finally:
        shutil.rmtree(half, ignore_errors=True)
    size = sum(entry["bytes"] for entry in manifest["files"].values())
    say(f"{place}: {len(manifest['images'])} images and {len(manifest['files']) - 1} packages, {size / 1e6:.0f} MB")
    say(f"  for {manifest['processor']} and Python {manifest['python']}: ./lab import --from {place.name}, in a clone")


def _pack(
    client: docker.DockerClient, docker_host: str, place: Path, line: Progress, wanted: Sequence[str]
) -> dict[str, Any]:
    """Write everything but the manifest, and return that: the images `wanted`, and a gateway's for a class to come."""
    chosen = images.with_parents([*wanted, images.GATEWAY])
    kept = [*_control_wheels().iterdir(), *build.all_artifacts(client, chosen, fetch_at=docker_host)]
    sources = {f"{KEPT}/{path.relative_to(CACHE).as_posix()}": path for path in kept}
    every = images.all_tags()
    tags = [tag for image in chosen if build.is_present(client, tag := every[image.name])]
    files = {name: _write(place / name, pieces(path), line) for name, path in sorted(sources.items())}
    files[ARCHIVE] = _write(place / ARCHIVE, travel.saved(client, tags), line)
    processor = client.version()["Arch"]
    return {"format": FORMAT, "processor": processor, "python": _PYTHON, "images": tags, "files": files}


def control_wheels() -> Path:
    """Where the wheels of the control program are kept; `lab` looks for them under this name as well."""
    key = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    return CACHE / "wheels" / f"lab-{key}"


def _control_wheels() -> Path:
    """The same, fetched by pip if they are not there: for this Python on this processor."""
    place = control_wheels()
    if not place.is_dir():
        with work_folder() as work:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes", "--no-deps"]
            command += [
                "--only-binary=:all:",
                f"--requirement={LOCK}",
                f"--dest={work / 'wheels'}",
            ]
            done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)
            if done.returncode != 0:
                raise LabError(
                    "the control program's packages cannot be fetched",
                    evidence=done.stderr.strip().splitlines()[-3:],
                    fix="run the same command again where the packages are available",
                )
            private_folder(place.parent)
            (work / "wheels").rename(place)
    return place


def pieces(path: Path) -> Iterator[bytes]:
    """A file, piece by piece."""
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def _write(place: Path, source: Iterable[bytes], line: Progress) -> dict[str, Any]:
    """Write one file; return its entry of the manifest."""
    place.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with place.open("wb") as file:
        for piece in source:
            file.write(piece)
            digest.update(piece)
            size += len(piece)
            line.update(f"{place.name}, {size / 1e6:.0f} MB")
    return {"bytes": size, "sha256": digest.hexdigest()}


def import_(lab: Lab, source: str) -> None:
    """Take in what `export` wrote: nothing of it unless all of it is whole and meant for this lab.

    Raises:
        WrongRequest: a file is missing or damaged, or it is another version's, processor's or Python's.
        LabError: the engine did not take the images; what it took is whole, and the next run goes on from there.
    """
    folder = typed(source)
    manifest = read_manifest(folder)
    require_whole(folder, manifest["files"])
    docker_host = own_engine(lab)
    with engine.connect(docker_host, seconds=travel.SILENT_SECONDS) as client:
        _require_processor(manifest["processor"], client.version()["Arch"])
        lacking = [tag for tag in manifest["images"] if not build.is_present(client, tag)]
        if lacking:
            with progress("loading images") as line:
                travel.load(client, _counted(folder / ARCHIVE, line), line=line)
        absent = [tag for tag in manifest["images"] if not build.is_present(client, tag)]
    if absent:
        raise LabError("the engine lacks images that it was given", evidence=absent, fix="run the same command again")
    taken = take_in(folder, manifest["files"])
    say(f"{len(lacking) or 'no'} images and {taken or 'no'} packages imported, the rest were there: invoke provision")


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of an export that this checkout can use."""
    fix = "copy the folder again, whole, or run invoke export once more"
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files = manifest["files"]
        shape = (
            manifest["format"] == FORMAT
            and all(isinstance(manifest[name], str) for name in ("processor", "python"))
            and ARCHIVE in files
            and all(is_ours(name) for name in files)
            and all(isinstance(entry["bytes"], int) and isinstance(entry["sha256"], str) for entry in files.values())
        )
        lacking = set(images.image_tags().values()) - set(manifest["images"])
    except FileNotFoundError:
        raise WrongRequest(f"{folder} is not an export", evidence=f"it has no {MANIFEST}", fix=fix) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WrongRequest(f"{folder}/{MANIFEST} cannot be read", evidence=repr(error), fix=fix) from None
    if not shape:
        raise WrongRequest(
            f"{folder}/{MANIFEST} does not have the expected format", evidence=f"format {FORMAT}", fix=fix
        )
    if lacking:
        raise WrongRequest(
            f"{folder} was exported from another version of the lab",
            evidence=[f"it lacks {tag}" for tag in sorted(lacking)],
            fix="use the clone that it was exported from, or export again from this one",
        )
    if manifest["python"] != _PYTHON:
        raise WrongRequest(
            f"{folder} was exported for another Python",
            evidence=f"exported: {manifest['python']}; here: {_PYTHON}",
            fix=f"make .venv with Python {manifest['python']}, or export on a machine with {_PYTHON}",
        )
    return manifest


def is_ours(name: str) -> bool:
    """Whether a file of the manifest has a place in the cache: a jar, or a package in the folder of its lock."""
    return name == ARCHIVE or _PACKAGE.fullmatch(name) is not None


def require_whole(folder: Path, files: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse an export of which a file is missing or is not what was written, before any of it is used."""
    bad = []
    with progress("checking") as line:
        for name, entry in files.items():
            path = folder / name
            if path.resolve() != folder.resolve() / name:
                bad.append(f"{name} is a link, or below one")
            elif not path.is_file():
                bad.append(f"{name} is missing")
            elif path.stat().st_size != entry["bytes"]:
                bad.append(f"{name} has {path.stat().st_size} bytes; {entry['bytes']} were written")
            elif (found := _hash(path, line)) != entry["sha256"]:
                bad.append(f"{name} is damaged: its SHA-256 begins with {found[:12]}, not {entry['sha256'][:12]}")
            elif path.suffix == ".jar" and path.stem != found:  # by its name it is looked for, and not hashed again
                bad.append(f"{name} has another SHA-256, which begins with {found[:12]}")
    if bad:
        raise WrongRequest(
            f"{len(bad)} of {len(files)} files of {folder} are not what was exported",
            evidence=bad[:5],
            fix="copy the folder again; none of it was used",
        )


def _hash(path: Path, line: Progress) -> str:
    digest = hashlib.sha256()
    for piece in _counted(path, line):
        digest.update(piece)
    return digest.hexdigest()


def _counted(path: Path, line: Progress) -> Iterator[bytes]:
    """A file, piece by piece, with progress."""
    done, size = 0, path.stat().st_size
    for piece in pieces(path):
        done += len(piece)
        line.update(f"{path.name}, {done / 1e6:.0f} of {size / 1e6:.0f} MB")
        yield piece


def _require_processor(exported: str, here: str) -> None:
    if exported != here:
        raise WrongRequest(
            "it was exported for another processor",
            evidence=f"exported: {exported}; this engine's: {here}",
            fix="export on a machine with such a processor",
        )


def take_in(folder: Path, names: Iterable[str]) -> int:
    """Copy what the cache lacks of an export's files, a folder of wheels only as a whole; how many files it were."""
    lacking: dict[Path, list[Path]] = {}
    for path in (PurePosixPath(name) for name in names if name != ARCHIVE):
        place = CACHE.joinpath(*path.parts[1:3])  # a jar, or a folder of wheels
        if not place.exists():
            lacking.setdefault(place, []).append(folder / path)
    for place, sources in lacking.items():
        with work_folder() as work:
            for source in sources:
                copy = work / source.relative_to(folder / KEPT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, copy)
            private_folder(place.parent)
            (work / place.relative_to(CACHE)).rename(place)
    return sum(map(len, lacking.values()))
