"""Python packages: wheels fetched with pip as a lock lists them, and locks resolved anew with uv."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from contextlib import suppress
from pathlib import Path

import docker

from streamlab.building.fetching import fetch
from streamlab.building.versions import lock_folder
from streamlab.engines.throwaway import inside, work_folder
from streamlab.paths import CACHE, IMAGES, ROOT, private_folder
from streamlab.ui import progress, say

#: What is locked of Python for the cluster's nodes.
NODES_LOCK = lock_folder("spark") / "requirements.lock"
#: Python locks: what is asked for, and what is written. For the cluster's nodes; for the gateway; for Flink; for
#: HBase's clients; for the control machine; for its static checks, which keep the control machine's versions.
LOCKS = {
    lock.with_suffix(".in"): lock
    for lock in (
        NODES_LOCK,
        *(folder / "requirements.lock" for folder in (IMAGES / "gateway", lock_folder("flink"), lock_folder("hbase"))),
        ROOT / "requirements.lock",
        ROOT / "requirements-dev.lock",
    )
}


def folder(requirements: Path, processor: str) -> Path:
    """Where the verified wheels of a lock are kept."""
    key = hashlib.sha256(requirements.read_bytes() + processor.encode()).hexdigest()[:16]
    return CACHE / "wheels" / key


def ensure_wheels(client: docker.DockerClient, builder: str, requirements: Path, *, processor: str) -> Path:
    """The folder with the wheels that `requirements` locks, verified by pip against its hashes."""
    place = folder(requirements, processor)
    if place.is_dir():
        return place
    started = time.monotonic()
    count = len(re.findall(r"^[A-Za-z]", requirements.read_text(encoding="utf-8"), re.MULTILINE))
    with work_folder() as work, progress("fetching") as line:
        shutil.copyfile(requirements, work / "requirements.lock")
        (work / "tmp").mkdir()
        # What is built here is unpacked once, and jars, most of PySpark, are compressed already.
        (work / "build.cfg").write_text("[bdist_wheel]\ncompression = stored\n", encoding="utf-8")

        def show() -> None:
            done = len(list(work.glob("wheels/*.whl")))
            line.update(f"{done} of {count} Python packages, {_size(work) / 1e6:.0f} MB on disk")

        # TMPDIR: pip's unfinished downloads are where the progress line can see them.
        argv = ["env", f"TMPDIR={inside(work / 'tmp')}", f"DIST_EXTRA_CONFIG={inside(work / 'build.cfg')}"]
        argv += ["python3", "-m", "pip", "wheel", "--wheel-dir=wheels"]
        argv += ["--no-deps", "--require-hashes", "--no-build-isolation", "--progress-bar=off"]
        argv += ["--requirement=requirements.lock"]
        fetch(client, builder, argv, "the Python packages of the lock", work=work, watch=show)
        private_folder(place.parent)
        if not place.is_dir():
            (work / "wheels").rename(place)
    say(f"fetched {len(list(place.iterdir()))} Python packages in {time.monotonic() - started:.0f} s")
    return place


def _size(of: Path) -> int:
    total = 0
    for parent, _, names in os.walk(of):
        for name in names:
            with suppress(FileNotFoundError):  # pip moves its files while we look; os.walk does not mind
                total += Path(parent, name).stat().st_size
    return total


def resolve(client: docker.DockerClient, builder: str, source: Path, lock: Path, *, before: str, uv: str) -> str:
    """Lock Python packages with uv: for every platform, with hashes, without any address."""
    with work_folder() as work, progress("resolving") as line:
        for file in source.parent.glob("requirements*"):  # one may name another as its constraints
            shutil.copyfile(file, work / file.name)
        (work / lock.name).write_text(before, encoding="utf-8")
        install = 'python3 -m pip install --quiet --target /tmp/uv "uv==$0" && exec /tmp/uv/bin/uv "$@"'
        argv = ["sh", "-c", install, uv, "pip", "compile", "--quiet", "--universal", "--python-version=3.11"]
        argv += ["--generate-hashes", "--no-emit-index-url", "--no-emit-find-links", "--no-annotate", "--no-header"]
        argv += [f"--output-file={lock.name}", source.name]
        asked = f"what {source.relative_to(ROOT)} asks for"
        fetch(client, builder, argv, asked, work=work, watch=lambda: line.update(source.name))
        return (work / lock.name).read_text(encoding="utf-8")
