"""Runs the ordinary clients of registries (Maven, pip, uv, npm), which fetch what locks list, and resolve new locks.

Only verified files get a place of their own in the cache: jars/<sha256>.jar, wheels/<key>/, npm/<key>/. Each arrives at
one stroke, so what is there is whole, whenever a run was interrupted. Maven's repository and pip's cache, kept beside
them, are what lets an interrupted fetch go on where it stopped.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import docker

from streamlab.engines.throwaway import ClientFailed, run_client, without_hosts
from streamlab.errors import LabError

_AGAIN = "run the same command again: it goes on from there"
#: How clients mark an error, what they add to every one, and what stands before the reason.
_MARK = re.compile(r"(\[ERROR\]|ERROR:|error:)\s*")
_HOUSEKEEPING = re.compile(
    r"To see the full stack trace|Re-run Maven|For more information|\[Help|After correcting|Ignored the following"
)
_PREAMBLE = re.compile(r"^Failed to execute goal on project \S+: Could not resolve dependencies for project \S+: ")


def fetch(
    client: docker.DockerClient,
    builder: str,
    argv: list[str],
    what: str,
    *,
    work: Path,
    watch: Callable[[], None] = lambda: None,
) -> None:
    """Run a registry's client in a temporary container of the builder image, calling `watch` meanwhile.

    Raises:
        LabError: `what` it should have fetched could not be.
    """
    try:
        run_client(client, builder, argv, work=work, watch=watch)
    except ClientFailed as error:
        reasons = reasons_in(error.log)
        # The registry answered, and will answer the same again.
        final = any("Could not find artifact" in line or "No matching distribution" in line for line in reasons)
        fix = "name another version in images/versions.yml and run: ./lab lock" if final else _AGAIN
        raise LabError(f"{what} cannot be fetched", evidence=reasons, fix=fix) from error


def reasons_in(log: str) -> list[str]:
    """A client's own reason out of its log: its first error lines, else its last lines; without host names."""
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).strip() for line in log.splitlines()]
    marked = [_MARK.sub("", line, count=1) for line in lines if _MARK.match(line)]
    telling = [line for line in marked if line and not _HOUSEKEEPING.match(line)]
    chosen = telling[:3] or [line for line in lines if line][-5:]
    told = (without_hosts(_PREAMBLE.sub("", line).replace("-> [Help 1]", "")).strip() for line in chosen)
    return [line if len(line) <= 300 else f"{line[:300]} …" for line in told]
