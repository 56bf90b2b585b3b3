"""One student's running stack, as the other modules ask it: through its edge node, by a command that ends."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import docker
from docker.models.containers import Container

from streamlab.engines import engine, inside
from streamlab.engines.attached import Attached, attached
from streamlab.errors import LabError
from streamlab.lessons import bundle
from streamlab.students.topology import Student

#: Where zips of the control program stand in a node.
SHELF = "/tmp"
#: The status by which a node says that it lacks a zip, and the script that does: cheaper than asking the engine first,
#: which takes longer to look for a file than Python takes to start.
LACKING = 97
IF_COMPLETE = f'IFS=:; for zip in $PYTHONPATH; do [ -e "$zip" ] || exit {LACKING}; done; exec "$@"'


def zip_path(packed: bundle.Bundle) -> str:
    """Where a node has this zip, once it was needed there."""
    return f"{SHELF}/streamlab-{packed.short}.zip"


def run_module(
    container: Container,
    module: str,
    *args: str,
    seconds: int,
    zips: Sequence[bundle.Bundle] = (),
    lines: Callable[[str, str], None] | None = None,
) -> inside.Result:
    """Run ``python3 -m module`` in a node, with the lab's tools and `zips` on its path; what it lacks is placed."""
    needed = {zip_path(packed): packed.data for packed in (*zips, bundle.tools())}
    argv = ["sh", "-c", IF_COMPLETE, "sh", "python3", "-m", module, *args]
    env = {"PYTHONPATH": ":".join(needed)}
    done = inside.run_inside(container, argv, seconds=seconds, env=env, lines=lines)
    if done.code == LACKING:
        _place(container, needed)
        done = inside.run_inside(container, argv, seconds=seconds, env=env, lines=lines)
    return done


def _place(container: Container, zips: Mapping[str, bytes]) -> None:
    inside.put_files(container, SHELF, {path.rpartition("/")[2]: data for path, data in zips.items()})


@dataclass(frozen=True)
class Stack:
    """A student's edge node with the lab's tools on it."""

    student: Student
    client: docker.DockerClient
    edge: Container

    def python(
        self,
        module: str,
        *args: str,
        seconds: int,
        zips: Sequence[bundle.Bundle] = (),
        lines: Callable[[str, str], None] | None = None,
    ) -> inside.Result:
        """Run ``python3 -m module`` on the edge, with the lab's tools and `zips` on its path."""
        return run_module(self.edge, module, *args, seconds=seconds, zips=zips, lines=lines)

    @contextmanager
    def talk(self, module: str, *args: str, seconds: int, idle: float) -> Iterator[Attached]:
        """Run ``python3 -m module`` on the edge, with the lab's tools on its path, and exchange bytes with it."""
        needed = {zip_path(packed): packed.data for packed in [bundle.tools()]}
        env = {"PYTHONPATH": ":".join(needed)}
        if inside.run_inside(self.edge, ["sh", "-c", IF_COMPLETE, "sh", "true"], seconds=30, env=env).code == LACKING:
            _place(self.edge, needed)
        argv = ["python3", "-P", "-m", module, *args]  # a student's own files are not imported
        with attached(self.edge, argv, seconds=seconds, env=env, stdin=True, idle=idle) as running:
            yield running

    def answer(self, module: str, *args: str, seconds: int, zips: Sequence[bundle.Bundle] = ()) -> Any:
        """The JSON that a module prints.

        Raises:
            LabError: it failed; the last lines of its standard error are the evidence.
        """
        done = self.python(module, *args, seconds=seconds, zips=zips)
        if done.code != 0:
            raise failed(f"{self.student.name}: {module} failed on the edge node", done, seconds=seconds)
        return json.loads(done.out)


def failed(what: str, done: inside.Result, *, seconds: int) -> LabError:
    """The error for a command that ended badly inside a node."""
    if done.code in (124, 137):
        return LabError(what, evidence=f"no answer within {seconds} s", fix="invoke status shows which node is unwell")
    lines = [line for line in done.err.splitlines() if line.strip()]
    return LabError(
        what,
        evidence=lines[-4:] or f"exit status {done.code}",
        fix="invoke prove names the service that does not answer",
    )


@contextmanager
def open_stack(student: Student) -> Iterator[Stack]:
    """The student's stack, whose edge node must run.

    Raises:
        WrongRequest: there is no such stack, or no engine.
        LabError: the edge node does not run.
    """
    with engine.connect(student.docker_host) as client:
        yield Stack(student, client, engine.node(client, student, "edge"))
