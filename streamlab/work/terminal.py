"""A terminal in a node, which ends with the one it is shown in."""

from __future__ import annotations

import inspect
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from docker.models.containers import Container

from streamlab.edge import hangup
from streamlab.engines import engine, labelled
from streamlab.engines.attached import Attached, new_mark
from streamlab.errors import LabError
from streamlab.students.student import Student

#: Seconds that the engine's client may take to end after what it shows.
CLIENT_SECONDS = 10
#: What makes the client leave a session running. Its own choice, Ctrl-P, is how a shell's last command comes back.
DETACH_KEYS = "ctrl-^,ctrl-@"
#: Reads a program to the end of its input, which is when nobody holds the connection any more, and runs it then.
AT_THE_END = 'exec python3 -I -c "$(cat)" "$0"'


def client() -> str | None:
    """The engine's own client on this machine, if there is one: terminals are what it is good at."""
    return shutil.which("docker")


def open_terminal(student: Student, node: str, argv: Sequence[str]) -> int:
    """Run `argv` in a node on this terminal, until either ends; returns the exit status.

    Raises:
        LabError: there is no client of the engine's on this machine.
    """
    docker = client()
    if docker is None:
        raise LabError(
            "no `docker` command on this machine",
            evidence="a terminal needs it",
            fix="install docker-cli, or use --command '…'",
        )
    mark = new_mark()
    with engine.connect(student.docker_host) as there:
        container = labelled.node(there, student, node)
        with _hung_up_on_afterwards(container, mark) as connection:
            shown = [docker, "--host", engine.address(student.docker_host), "exec", "-it"]
            shown += ["--detach-keys", DETACH_KEYS, "--env", mark, container.name, *argv]
            process = subprocess.Popen(shown, env=_environment())
            try:
                code = process.wait()
            finally:
                connection.close()
                _end(process)
    return code if code >= 0 else 128 - code


@contextmanager
def _hung_up_on_afterwards(container: Container, mark: str) -> Iterator[Attached]:
    """What the engine starts with this mark is hung up on when the connection that this makes is closed.

    The node itself sees to it, so it happens however the block is left: this process and the client may both be killed,
    or another machine's connection may break.
    """
    api = container.client.api
    exec_id = api.exec_create(container.id, ["sh", "-c", AT_THE_END, mark], stdin=True)["Id"]
    connection = Attached(api, exec_id, seconds=0)
    try:
        connection.send(inspect.getsource(hangup).encode())
        yield connection
    finally:
        connection.close()


def _environment() -> dict[str, str]:
    """What is said of TLS is about another engine: with it the client would look for certificates for this one, too."""
    return {name: value for name, value in os.environ.items() if name not in ("DOCKER_TLS", "DOCKER_TLS_VERIFY")}


def _end(process: subprocess.Popen[bytes]) -> None:
    """The client puts this terminal back as it was and ends; by itself, once what it shows has ended."""
    try:
        process.wait(timeout=CLIENT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
