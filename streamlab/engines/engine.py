"""Connections to a Docker Engine, and what is said where none comes about."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamlab.cancel import uninterrupted
from streamlab.engines import tunnel
from streamlab.errors import LabError, WrongRequest
from streamlab.students import endpoint
from streamlab.students.docker_hosts import LOCAL, Placed, by_docker_host, is_here, ssh_destination
from streamlab.students.endpoint import Endpoint
from streamlab.students.student import Student

if TYPE_CHECKING:
    # Its SDK takes a fifth of a second to import, and is not there where a student sits.
    import docker
    from docker.models.containers import Container

#: Timeout in seconds for one answer of the engine.
ANSWER_SECONDS = 60

#: How the engine says that something is under way already.
CONFLICT = 409

#: Timeout in seconds for an engine that was not asked for, when the one that was does not answer.
PROBE_SECONDS = 5

#: The oldest supported API: it came with Docker Engine 20.10, and reports a container's memory from one sample instead
#: of two taken a second apart.
NEEDED_API = (1, 41)
TOO_OLD = "install a newer engine there, or give its students another docker_host (invoke move brings their data along)"


class NoEngine(WrongRequest):
    """Nothing answers at a Docker host."""


@contextmanager
def connect(docker_host: str, *, seconds: int = ANSWER_SECONDS) -> Iterator[docker.DockerClient]:
    """A client of the engine at `docker_host`, closed afterwards; each answer may take `seconds`.

    Raises:
        NoEngine: nothing answers there.
        WrongRequest: this user may not ask, or the engine is too old; or it is out of reach from here on purpose.
    """
    if not docker_host:
        raise WrongRequest(
            "this needs the Docker Engine that carries the stack",
            evidence="from inside a stack, and with --cluster, there is none",
            fix="ask your instructor, on whose machine it works",
        )
    shared = _shared.get()
    if shared is None:
        with _connected(docker_host, seconds) as client:
            yield client
    else:
        client = shared(docker_host, seconds)
        address(docker_host)  # a tunnel that has ended since is made again, at the same place
        yield client


_shared: ContextVar[Callable[[str, int], docker.DockerClient] | None] = ContextVar("shared", default=None)


@contextmanager
def one_connection() -> Iterator[None]:
    """In the block this thread connects to each Docker host once: `connect` gives the same client again."""
    with ExitStack() as until_the_end:
        token = _shared.set(cache(lambda *to: until_the_end.enter_context(_connected(*to))))
        try:
            yield
        finally:
            _shared.reset(token)


@contextmanager
def _connected(docker_host: str, seconds: int) -> Iterator[docker.DockerClient]:
    import docker
    from docker.errors import DockerException

    client, digging = None, []
    try:
        if docker_host.startswith("ssh://"):
            digging.append(tunnel.through(docker_host))
        address = digging[0].docker_host if digging else docker_host
        client = docker.DockerClient(base_url=address, timeout=seconds, version="auto")
    except (DockerException, ConnectionError) as error:
        raise _no_engine(docker_host, error, digging[0].words() if digging else []) from None
    try:
        _require_version(client, docker_host)
        yield client
    finally:
        client.close()


def address(docker_host: str) -> str:
    """The address of a Docker host for a client on this machine; a host reached by ssh gets a tunnel's socket.

    Raises:
        ConnectionError: ssh could not log in.
    """
    return tunnel.through(docker_host).docker_host if docker_host.startswith("ssh://") else docker_host


@contextmanager
def temporary_container(
    client: docker.DockerClient, image: str, command: list[str], **options: Any
) -> Iterator[Container]:
    """A container that is created but not started, and is always removed at the end of the block, even on Ctrl-C."""
    made = None
    try:
        with uninterrupted():
            made = client.containers.create(image, command, **options)
        yield made
    finally:
        if made:
            with uninterrupted():
                _remove(made)


def _remove(container: Container) -> None:
    """Remove a container, which the engine may have removed by itself, or may be about to (`auto_remove`)."""
    from docker.errors import APIError, NotFound

    try:
        container.remove(force=True)
    except NotFound:
        pass
    except APIError as error:
        if error.status_code != CONFLICT:
            raise


def _require_version(client: docker.DockerClient, docker_host: str) -> None:
    found = client.api.api_version
    if tuple(int(part) for part in found.split(".")) < NEEDED_API:
        raise WrongRequest(
            f"the Docker Engine at {docker_host} is too old",
            evidence=f"found: API {found}; needed: API {'.'.join(map(str, NEEDED_API))}, which Docker Engine 20.10 has",
            fix=TOO_OLD,
        )


def answers(docker_host: str) -> bool:
    """Whether an engine answers at `docker_host`; a refused permission is an error, not a no."""
    return silence(docker_host) is None


def silence(docker_host: str) -> NoEngine | None:
    """Why no engine answers at `docker_host`; None if one does."""
    try:
        with connect(docker_host):
            return None
    except NoEngine as error:
        return error


def elsewhere(docker_host: str) -> list[Endpoint]:
    """Other engines that answer: those of this machine, and the one that the `docker` command would use."""
    asked = socket_of(docker_host)
    return [one for one in endpoint.candidates() if socket_of(one.address) != asked and _is_there(one.address)]


def socket_of(docker_host: str) -> str:
    """The same for two names of one socket: /var/run is /run."""
    return os.path.realpath(docker_host.removeprefix("unix://")) if is_here(docker_host) else docker_host


def _is_there(docker_host: str) -> bool:
    """Whether an engine answers; nothing is printed if it does not."""
    import docker
    from docker.errors import DockerException

    try:
        address = docker_host if is_here(docker_host) else tunnel.through(docker_host).docker_host
        docker.DockerClient(base_url=address, timeout=PROBE_SECONDS, version="auto").close()
    except (DockerException, ConnectionError):
        return False
    return True


def unreachable(students: Sequence[Placed]) -> dict[str, NoEngine]:
    """Docker host -> why it does not answer, of those that do not; all are asked at once."""
    hosts = sorted({student.docker_host for student in students})
    with ThreadPoolExecutor(max(1, len(hosts))) as pool:
        found = dict(zip(hosts, pool.map(silence, hosts), strict=True))
    return {host: error for host, error in found.items() if error is not None}


def not_reached(silent: Mapping[str, LabError], students: Sequence[Student]) -> LabError:
    """The error that names the students whose Docker host does not answer.

    It is a failure if the others could be served, and a wrong request if nobody could.
    """
    groups = [(host, group) for host, group in by_docker_host(students) if host in silent]
    names = ", ".join(student.name for _, group in groups for student in group)
    kind = NoEngine if all(student.docker_host in silent for student in students) else LabError
    return kind(
        f"not reached: {names}",
        evidence=[
            f"{', '.join(student.name for student in group)}: {silent[host].what}: {'; '.join(silent[host].evidence)}"
            for host, group in groups
        ],
        fix=silent[groups[0][0]].fix,
    )


def _no_engine(docker_host: str, error: Exception, ssh_messages: Sequence[str] = ()) -> WrongRequest:
    """The error if no engine answers, with ssh's own messages if the connection goes through ssh."""
    from docker.errors import InvalidVersion

    reason = _reason(error)
    if "Permission denied" in reason and is_here(docker_host):
        return WrongRequest(
            f"no permission to use the Docker Engine at {docker_host}",
            evidence=_socket_owner(docker_host),
            fix="sudo usermod -aG docker $USER, then log in again (or: newgrp docker)",
        )
    if isinstance(error, InvalidVersion):
        return WrongRequest(
            f"the Docker Engine at {docker_host} is too old",
            evidence=reason,
            fix="install Docker Engine 20.10 or newer",
        )
    evidence = list(ssh_messages) or [reason]
    if not is_here(docker_host):
        return NoEngine(f"no Docker Engine answers at {docker_host}", evidence=evidence, fix=_way_to(docker_host))
    others = elsewhere(docker_host)
    meant = endpoint.is_meant(docker_host)
    evidence += [endpoint.looked_at()] if meant else []
    evidence += [f"one answers at {other}" for other in others]
    fix = f"write docker_host: {others[0].address} into the inventory" if others else _way_to(docker_host, meant=meant)
    return NoEngine(f"no Docker Engine answers at {docker_host}", evidence=evidence, fix=fix)


def _way_to(docker_host: str, *, meant: bool = False) -> str:
    """The fix if no engine answers: the lab starts only this machine's own engine.

    Args:
        meant: Docker's own configuration says it, or nothing does.
    """
    if docker_host == LOCAL:
        return "invoke provision installs and starts one on Debian and Ubuntu; elsewhere start Docker, then try again"
    if docker_host.startswith("ssh://"):
        ssh = " ".join(["ssh", "-o", "BatchMode=yes", *ssh_destination(docker_host), "docker", "version"])
        return f"`{ssh}` must work: repair the connection, or correct docker_host in the inventory"
    return "start that engine, or " + (
        "write docker_host into the inventory, which comes first" if meant else "correct docker_host in the inventory"
    )


def _socket_owner(docker_host: str) -> str:
    path = docker_host.removeprefix("unix://")
    try:
        found = Path(path).stat()
    except OSError as error:
        return str(error)
    return (
        f"{path} belongs to uid {found.st_uid}, gid {found.st_gid}; you are uid {os.getuid()}, groups {os.getgroups()}"
    )


def _reason(error: BaseException) -> str:
    """The innermost operating system error in a chain of exceptions; without one, the client's message."""
    words = str(error)
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, OSError) and inner.strerror:
            words = inner.strerror
        inner = inner.__cause__ or inner.__context__
    return words


def processors(docker_host: str) -> int:
    """How many processors a Docker host has, which is how many students are worked on at a time there."""
    with connect(docker_host) as client:
        return max(1, int(client.info()["NCPU"]))
