"""How much memory a container uses: without the page cache that the kernel would give back, as ``docker stats`` counts.

Source: "Cgroup v2" and "Memory Resource Controller" (v1) of the Linux kernel's documentation.
"""

from __future__ import annotations

from pathlib import Path

from docker.models.containers import Container

CGROUPS, PROCESSES = Path("/sys/fs/cgroup"), Path("/proc")


def in_use(container: Container, *, here: bool) -> int:
    """Bytes in use by a running container.

    The engine looks at all its containers once a second, and an answer waits for that; where it runs on this machine
    (`here`) the kernel says the same at once.
    """
    said = _of_kernel(container) if here else None
    return _of_engine(container) if said is None else said


def _of_kernel(container: Container) -> int | None:
    """None where this is not the container's kernel, or does not say."""
    try:
        folder, names = _group(container)
        used = int((folder / names[0]).read_text())
        stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        return used - int(stat[names[1]])
    except (OSError, LookupError, ValueError):
        return None


def _group(container: Container) -> tuple[Path, tuple[str, str]]:
    """The container's folder among the control groups, and what its use and the idle page cache are called there.

    Raises:
        LookupError: its process is not of this machine, such as where the engine is a virtual machine's.
    """
    lines = (PROCESSES / str(container.attrs["State"]["Pid"]) / "cgroup").read_text().splitlines()
    groups = (line.split(":", 2) for line in lines)
    paths = {controller: path for _, controllers, path in groups for controller in controllers.split(",")}
    version_1 = "memory" in paths
    path = paths["memory" if version_1 else ""]
    if container.id not in path:
        raise LookupError(path)
    if version_1:
        return CGROUPS / "memory" / path.lstrip("/"), ("memory.usage_in_bytes", "total_inactive_file")
    return CGROUPS / path.lstrip("/"), ("memory.current", "inactive_file")


def _of_engine(container: Container) -> int:
    usage = container.client.api.stats(container.id, stream=False, one_shot=True).get("memory_stats", {})
    detail = usage.get("stats", {})
    return usage.get("usage", 0) - detail.get("total_inactive_file", detail.get("inactive_file", 0))
