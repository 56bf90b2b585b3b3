"""Into a node: a terminal there, or one command and its exit status."""

from __future__ import annotations

import os
import shutil
import sys

from streamlab.engines import engine, inside, tunnel
from streamlab.errors import LabError, WrongRequest
from streamlab.students.topology import Student

#: A command of a student may take this long; a terminal may stay open for ever.
COMMAND_SECONDS = 3600


def run(student: Student, node: str, command: str) -> int:
    """Run one command line in a node's shell; its output is printed as it comes, its exit status returned."""
    with engine.connect(student.docker_host) as client:
        container = engine.node(client, student, node)

        def heard(stream: str, line: str) -> None:
            print(line, file=sys.stdout if stream == "out" else sys.stderr, flush=True)

        # A login shell, so that a command finds what a terminal would find.
        return inside.run_inside(container, ["bash", "-lc", command], seconds=COMMAND_SECONDS, lines=heard).code


def open_terminal(student: Student, node: str) -> None:
    """Become a shell in a node. The engine's own client does this: terminals are what it is good at."""
    client = shutil.which("docker")
    if client is None:
        raise LabError(
            "no `docker` command on this machine",
            evidence="a terminal needs it",
            fix="install docker-cli, or use --command '…'",
        )
    with engine.connect(student.docker_host) as engine_client:
        container = engine.node(engine_client, student, node).name
    tunnel.close_all()  # the client makes its own way
    # What is said of TLS is about another engine: with it the client would look for certificates here, too.
    env = {name: value for name, value in os.environ.items() if name not in ("DOCKER_TLS", "DOCKER_TLS_VERIFY")}
    os.execve(client, [client, "--host", student.docker_host, "exec", "-it", container, "bash", "-l"], env)


def shell(student: Student, node: str, command: str | None) -> int:
    """A terminal in a node, or one command there; returns the command's exit status."""
    if command is not None:
        return run(student, node, command)
    if not sys.stdin.isatty():
        raise WrongRequest(
            "a shell needs a terminal", evidence="standard input is none", fix="invoke shell --command '…'"
        )
    open_terminal(student, node)
    return 0
