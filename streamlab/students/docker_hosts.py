"""Docker hosts: what an address in the inventory says of where an engine is. Pure: nothing is asked here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Protocol, TypeVar

#: The engine that is used where an inventory names no other, and the only one that the lab installs and starts.
LOCAL = "unix:///var/run/docker.sock"
_SOCKET = LOCAL.removeprefix("unix://")

#: Neither a user nor a machine begins with a dash: ssh would take it for an option.
_SSH = re.compile(
    r"ssh://(?P<destination>(?:\w[\w.-]*@)?(?P<machine>\w[\w.-]*))(?::(?P<port>[0-9]+))?(?P<socket>/\S*)?"
)
_HIGHEST_PORT = 65535


class Placed(Protocol):
    """What is on a Docker host: a student, or what is left of one."""

    @property
    def name(self) -> str: ...

    @property
    def docker_host(self) -> str: ...


P = TypeVar("P", bound=Placed)


def is_known(docker_host: str) -> bool:
    """Whether it is an address that the lab can use."""
    if ssh := _SSH.fullmatch(docker_host):
        return 0 < int(ssh["port"] or 22) <= _HIGHEST_PORT
    return re.fullmatch(r"unix:///\S+", docker_host) is not None


def is_here(docker_host: str) -> bool:
    """Whether the engine is one of this machine: its ports, disk and routes can be looked at."""
    return docker_host.startswith("unix://")


def machine(docker_host: str) -> str:
    """The machine of an engine; this one, whichever of its sockets is meant, has no name."""
    if is_here(docker_host):
        return ""
    ssh = _SSH.fullmatch(docker_host)
    return ssh["machine"].lower() if ssh else docker_host


def _parts(docker_host: str) -> re.Match[str]:
    ssh = _SSH.fullmatch(docker_host)
    assert ssh is not None, f"{docker_host} is no ssh:// host"
    return ssh


def remote_socket(docker_host: str) -> str:
    """Where an ``ssh://`` host has its engine's socket: the path of the address, if there is one."""
    path = _parts(docker_host)["socket"]
    return path if path not in (None, "/") else _SOCKET


def ssh_destination(docker_host: str) -> list[str]:
    """The arguments by which ``ssh`` connects to a machine: ``ssh://lab@second:2222`` is ``-p 2222 lab@second``.

    The machine may be a Host of ~/.ssh/config, where ssh tells upper case from lower.
    """
    ssh = _parts(docker_host)
    return [*(["-p", ssh["port"]] if ssh["port"] else []), ssh["destination"]]


def forwarding(docker_host: str, ports: Iterable[int]) -> str:
    """The command that makes another machine's published ports this one's."""
    forwarded = " ".join(f"-L {port}:127.0.0.1:{port}" for port in ports)
    return f"ssh -N {forwarded} {' '.join(ssh_destination(docker_host))}"


def by_docker_host(students: Sequence[P]) -> Iterator[tuple[str, list[P]]]:
    """The students of each Docker host together; the hosts of this machine come first."""
    ordered = sorted(students, key=lambda student: (not is_here(student.docker_host), student.docker_host))
    return ((host, list(group)) for host, group in groupby(ordered, key=lambda student: student.docker_host))
