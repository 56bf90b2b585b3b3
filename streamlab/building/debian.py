"""The Debian base of all our images: pulled if a registry answers, otherwise made here."""

from __future__ import annotations

import os
import queue
import shutil
import subprocess
import tempfile
import threading
from io import BytesIO
from pathlib import Path

import docker

from streamlab.errors import LabError
from streamlab.paths import CACHE, private_folder
from streamlab.ui import progress

_ANSWER_WITHIN = 20  # seconds of silence after which a registry counts as not there
#: What is required, and apt; nothing that is only recommended. Folders like /bin are links from the start: the package
#: that makes them so afterwards brings all of Perl.
_OPTIONS = (
    *("--variant=minbase", '--aptopt=APT::Install-Recommends "false"'),
    *("--include=usr-is-merged", "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr"),
)
_LABEL = "LABEL streamlab.image=debian"
#: Documentation and lists that nobody reads in a container, which the official slim image leaves out as well.
_UNREAD = ("usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale")


def make(client: docker.DockerClient, suite: str, *, tag: str) -> str:
    """Make `tag` in the engine; return how, for people."""
    official = f"debian:{suite}-slim"
    if _pulled(client, official):
        dockerfile = BytesIO(f"FROM {official}\n{_LABEL}\n".encode())
        client.images.build(fileobj=dockerfile, tag=tag, rm=True)
        return f"{official}, pulled from the registry"
    _bootstrap(client, suite, tag=tag)
    return f"Debian {suite}, made here with mmdebstrap (no image registry answered)"


def _pulled(client: docker.DockerClient, name: str) -> bool:
    """Pull `name` as long as the engine reports progress. One that gets no answer would keep us waiting for minutes."""
    if client.images.list(name=name):
        return True
    events: queue.SimpleQueue[dict[str, object] | None] = queue.SimpleQueue()

    def pull() -> None:
        try:
            for event in client.api.pull(name, stream=True, decode=True):
                events.put(event)
        except (docker.errors.DockerException, OSError):
            events.put({"error": "no answer"})
        events.put(None)

    threading.Thread(target=pull, daemon=True).start()
    with progress("base system") as line:
        while True:
            line.update(f"asking the registry for {name}")
            try:
                event = events.get(timeout=_ANSWER_WITHIN)
            except queue.Empty:
                return False
            if event is None:
                return bool(client.images.list(name=name))
            if "error" in event:
                return False


def _bootstrap(client: docker.DockerClient, suite: str, *, tag: str) -> None:
    if os.geteuid() != 0:
        raise _no_base("no image registry answers, and making a base system here takes root on Linux")
    _ensure_tool()
    private_folder(CACHE)
    with tempfile.TemporaryDirectory(dir=CACHE) as name, progress("base system") as line:
        line.update("mmdebstrap")
        archive = Path(name) / "root.tar"
        unread = " ".join(f'"$1"/{folder}/*' for folder in _UNREAD)
        # What it mounts is in a namespace of its own, and what it writes in our folder: both are gone if it is killed.
        _run("env", f"TMPDIR={name}", "mmdebstrap", *_OPTIONS, f"--customize-hook=rm -rf {unread}", suite, archive)
        line.update("importing")
        repository, _, version = tag.partition(":")
        client.api.import_image_from_file(str(archive), repository=repository, tag=version, changes=[_LABEL])


def _ensure_tool() -> None:
    if shutil.which("mmdebstrap"):
        return
    if not shutil.which("apt-get"):
        raise _no_base("no image registry answers, and this system has no mmdebstrap")
    _run("apt-get", "update", "-qq")
    # The keyring is what Debian's signatures are checked with; Ubuntu does not bring it along.
    _run("apt-get", "install", "-y", "-qq", "--no-install-recommends", "mmdebstrap", "debian-archive-keyring")


def _run(*argv: str | Path) -> None:
    done = subprocess.run(argv, capture_output=True, encoding="utf-8", errors="replace", check=False)
    if done.returncode != 0:
        lines = (done.stdout + done.stderr).splitlines()[-5:]
        what = f"{' '.join(map(str, argv[:3]))} … failed while making the base system"
        raise LabError(what, evidence=lines, fix="run the same command again")


def _no_base(why: str) -> LabError:
    fix = "go where the engine can pull images, or run the same command once as root on Debian or Ubuntu"
    return LabError("there is nothing to build the images on", evidence=why, fix=fix)
