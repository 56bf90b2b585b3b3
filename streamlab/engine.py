"""The Docker Engine: the one module through which the control program touches containers."""

from __future__ import annotations

import io
import os
import tarfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.errors import DockerException, NotFound
from docker.models.containers import Container

from streamlab import interrupt
from streamlab.errors import LabError, WrongRequest, unknown
from streamlab.topology import Student

#: Seconds that one answer of the engine may take.
ANSWER_SECONDS = 60

#: The user `student` of every image (images/base/Dockerfile).
STUDENT_UID = 10001

#: Ends every process whose environment has the mark that is the script's own name.
END_MARKED = 'for p in /proc/[0-9]*; do grep -qzs "^$0$" $p/environ && kill "${p#/proc/}"; done'


@dataclass(frozen=True)
class Result:
    """What a command inside a node came to."""

    code: int
    out: str
    err: str


@contextmanager
def connect(docker_host: str) -> Iterator[docker.DockerClient]:
    """A client of the engine at `docker_host`, closed afterwards.

    Raises:
        WrongRequest: nothing answers there, or this user may not ask.
    """
    client = None
    try:
        # The machine's own ssh, with its keys and configuration, where the engine is on another one.
        by_ssh = docker_host.startswith("ssh://")
        client = docker.DockerClient(
            base_url=docker_host, timeout=ANSWER_SECONDS, version="auto", use_ssh_client=by_ssh
        )
    except DockerException as error:
        raise _no_engine(docker_host, error) from None
    try:
        yield client
    finally:
        client.close()


def answers(docker_host: str) -> bool:
    """Whether an engine answers at `docker_host`; a refused permission is an error, not a no."""
    try:
        with connect(docker_host):
            return True
    except WrongRequest as error:
        if "permission" in error.what:
            raise
        return False


def _no_engine(docker_host: str, error: Exception) -> WrongRequest:
    reason = _reason(error)
    if "Permission denied" in reason:
        return WrongRequest(
            f"no permission to use the Docker Engine at {docker_host}",
            evidence=_socket_owner(docker_host),
            fix="sudo usermod -aG docker $USER, then log in again (or: newgrp docker)",
        )
    return WrongRequest(
        f"no Docker Engine answers at {docker_host}",
        evidence=reason,
        fix="invoke provision installs and starts one on Debian and Ubuntu; elsewhere start Docker, then try again",
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
    """The operating system's words, where they are the innermost of a chain of exceptions, else the client's."""
    words, inner = str(error), error
    while inner is not None:
        if isinstance(inner, OSError) and inner.strerror:
            words = inner.strerror
        inner = inner.__cause__ or inner.__context__
    return words


def stack_filter(student: Student) -> dict[str, list[str]]:
    """The engine's filter for everything of one student's stack."""
    return {"label": [f"streamlab.class={student.lab_class}", f"streamlab.student={student.name}"]}


def containers(client: docker.DockerClient, student: Student) -> dict[str, Container]:
    """Node name -> container, of every node of the stack that exists, running or not."""
    found = client.containers.list(all=True, filters=stack_filter(student), ignore_removed=True)
    return {c.labels["streamlab.node"]: c for c in found if "streamlab.node" in c.labels}


def is_suspended(found: Mapping[str, Container]) -> bool:
    """Whether a stack's containers were all stopped on purpose: the engine starts again what ends by itself."""
    return bool(found) and all(container.status == "exited" for container in found.values())


def node(client: docker.DockerClient, student: Student, name: str, *, running: bool = True) -> Container:
    """One node's container.

    Raises:
        WrongRequest: there is no such node, or it does not run.
    """
    found = containers(client, student)
    if not found:
        raise WrongRequest(
            f"{student.name} has no stack",
            evidence=f"no container on {student.docker_host} carries its label",
            fix="invoke provision",
        )
    if name not in found:
        raise unknown("node", name, found, usage="--node {}")
    if running and found[name].status != "running":
        raise LabError(
            f"{student.name}'s node {name} does not run",
            evidence=f"its container is {found[name].status}",
            fix=f"invoke provision starts it again; invoke logs --node {name} says why it stopped",
        )
    return found[name]


def run_inside(
    container: Container,
    argv: Sequence[str],
    *,
    seconds: int,
    env: Mapping[str, str] | None = None,
    lines: object = None,
) -> Result:
    """Run a command in a node and wait for it, at most `seconds`.

    Output is collected; with `lines`, a function ``(stream: "out" | "err", line: str)``, it is handed over line by line
    as it comes as well. A command that is interrupted here is ended there too.
    """
    # The engine cannot end what it was asked to run in a container; this mark finds the process and its children.
    mark = f"STREAMLAB_RUN={uuid.uuid4().hex}"
    name, _, value = mark.partition("=")
    api = container.client.api
    command = ["timeout", "-k", "5", str(seconds), *argv]
    exec_id = api.exec_create(container.id, command, environment={**(env or {}), name: value})["Id"]
    out, err = _Lines("out", lines), _Lines("err", lines)

    def end() -> None:
        container.exec_run(["sh", "-c", END_MARKED, mark])

    try:
        with interrupt.waiting(end):
            for chunk_out, chunk_err in api.exec_start(exec_id, stream=True, demux=True):
                out.feed(chunk_out)
                err.feed(chunk_err)
    except BaseException:
        end()
        raise
    finally:
        out.close()
        err.close()
    return Result(api.exec_inspect(exec_id)["ExitCode"], out.text, err.text)


class _Lines:
    """Bytes in any pieces in, whole lines out."""

    def __init__(self, stream: str, receiver: object) -> None:
        self._stream, self._receiver = stream, receiver
        self._parts: list[bytes] = []
        self._rest = b""

    @property
    def text(self) -> str:
        return b"".join(self._parts).decode("utf-8", "replace")

    def feed(self, chunk: bytes | None) -> None:
        if not chunk:
            return
        self._parts.append(chunk)
        if self._receiver is None:
            return
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        for line in whole:
            self._receiver(self._stream, line.decode("utf-8", "replace"))

    def close(self) -> None:
        if self._rest and self._receiver is not None:
            self._receiver(self._stream, self._rest.decode("utf-8", "replace"))
            self._rest = b""


def put_files(container: Container, folder: str, files: Mapping[str, bytes]) -> None:
    """Write `files` (relative path -> contents) below an existing `folder` of a node."""
    container.put_archive(folder, tar_of(files))


def has_path(container: Container, path: str) -> bool:
    """Whether a node has a file at `path`."""
    try:
        container.client.api.get_archive(container.id, path)[0].close()
    except NotFound:
        return False
    return True


def tar_of(files: Mapping[str, bytes]) -> bytes:
    """A tar archive that anyone may read and the student may change, with the folders that the paths need."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        folders = sorted({"/".join(path.split("/")[:i]) for path in files for i in range(1, path.count("/") + 1)})
        for folder in folders:
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            entry.uid = entry.gid = STUDENT_UID
            archive.addfile(entry)
        for path in sorted(files):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(files[path]), 0o644
            entry.uid = entry.gid = STUDENT_UID
            archive.addfile(entry, io.BytesIO(files[path]))
    return buffer.getvalue()
