"""Docker hosts: what an address in the inventory says of where an engine is. Pure: nothing is asked here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

#: The engine that is used where an inventory names no other, and the only one that the lab installs and starts.
LOCAL = "unix:///var/run/docker.sock"
_SOCKET = LOCAL.removeprefix("unix://")

_KNOWN = re.compile(r"unix:///\S+|ssh://((?P<user>\w[\w.-]*)@)?(?P<machine>\w[\w.-]*)(:(?P<port>\d+))?(/\S*)?")


def is_known(docker_host: str) -> bool:
    """Whether it is an address that the lab can use."""
    return _KNOWN.fullmatch(docker_host) is not None


def is_here(docker_host: str) -> bool:
    """Whether the engine is one of this machine: its ports, disk and routes can be looked at."""
    return docker_host.startswith("unix://")


def machine(docker_host: str) -> str:
    """The machine of an engine; this one, whichever of its sockets is meant, has no name."""
    return "" if is_here(docker_host) else urlsplit(docker_host).hostname or ""


def remote_socket(docker_host: str) -> str:
    """Where an ``ssh://`` host has its engine's socket: the path of the address, if there is one."""
    path = urlsplit(docker_host).path
    return path if path not in ("", "/") else _SOCKET


def ssh_destination(docker_host: str) -> list[str]:
    """How ``ssh`` is told of a machine: ``ssh://lab@second:2222`` is ``-p 2222 lab@second``."""
    # As it is written: an alias of ssh's own configuration may have capitals, and urlsplit lowers them.
    parts = _KNOWN.fullmatch(docker_host)
    port = ["-p", parts["port"]] if parts["port"] else []
    return [*port, f"{parts['user']}@{parts['machine']}" if parts["user"] else parts["machine"]]


def forwarding(docker_host: str, ports: Iterable[int]) -> str:
    """The command that makes another machine's published ports this one's."""
    forwarded = " ".join(f"-L {port}:127.0.0.1:{port}" for port in ports)
    return f"ssh -N {forwarded} {' '.join(ssh_destination(docker_host))}"
