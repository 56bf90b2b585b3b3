"""Every lock written anew, for `invoke lock`."""

from __future__ import annotations

from pathlib import Path

import docker

from streamlab.building import maven, npm, pip
from streamlab.building.jars import diff_locks, format_lock
from streamlab.building.versions import load_versions
from streamlab.paths import ROOT


def write_locks(client: docker.DockerClient, builder: str, *, upgrade: bool = False) -> list[str]:
    """Write every lock anew from versions.yml and the requirements.in files; return what changed, a line each.

    Python packages that nothing pins keep the version they have, unless `upgrade`.
    """
    versions = load_versions()
    changes = []
    for product, jars in maven.resolve_jars(client, builder, versions).items():
        changes += [f"{product}: {line}" for line in diff_locks(maven.load_jars(product), jars)]
        _replace(maven.jars_lock(product), format_lock(jars))
    after = npm.resolve(client, builder, versions.npm)
    if after != npm.LOCK.read_text(encoding="utf-8"):
        changes.append(f"{npm.LOCK.relative_to(ROOT)}: changed, see git diff")
        _replace(npm.LOCK, after)
    for source, lock in pip.LOCKS.items():
        before = lock.read_text(encoding="utf-8") if lock.is_file() else ""
        after = pip.resolve(client, builder, source, lock, before="" if upgrade else before, uv=versions.uv)
        if before != after:
            changes.append(f"{lock.relative_to(ROOT)}: changed, see git diff")
            _replace(lock, after)
    return changes


def _replace(path: Path, text: str) -> None:
    half = path.with_name(path.name + ".new")
    half.write_text(text, encoding="utf-8")
    half.rename(path)
