"""How much memory a container uses: without the page cache that the kernel would give back, as ``docker stats`` counts.

Source: "Cgroup v2" and "Memory Resource Controller" (v1) of the Linux kernel's documentation.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docker.models.containers import Container

CGROUPS = Path("/sys/fs/cgroup")
#: Where an engine has its containers' groups: below systemd's, or below one of its own.
FOLDERS = ("system.slice/docker-{id}.scope", "docker/{id}")


def in_use(container: Container, *, here: bool) -> int:
    """Bytes in use by a running container.

    The engine looks at all its containers once a second, and an answer waits for that; where it runs on this machine
    (`here`) the kernel says the same at once.
    """
    said = _of_kernel(container.id) if here else None
    return _of_engine(container) if said is None else said


def _of_kernel(container_id: str) -> int | None:
    """None where this is not the container's kernel (the engine is a virtual machine's), or does not say."""
    for tree, usage, idle in (
        (CGROUPS / "memory", "memory.usage_in_bytes", "total_inactive_file"),  # version 1
        (CGROUPS, "memory.current", "inactive_file"),
    ):
        for folder in FOLDERS:
            group = tree / folder.format(id=container_id)
            try:
                used = int((group / usage).read_text(encoding="utf-8"))
                stat = dict(line.split() for line in (group / "memory.stat").read_text(encoding="utf-8").splitlines())
                return used - int(stat[idle])
            except (OSError, LookupError, ValueError):
                continue
    return None


def _of_engine(container: Container) -> int:
    usage = container.client.api.stats(container.id, stream=False, one_shot=True).get("memory_stats", {})
    detail = usage.get("stats", {})
    return usage.get("usage", 0) - detail.get("total_inactive_file", detail.get("inactive_file", 0))
