"""One student's running stack, as the other modules ask it: through its edge node, by a command that ends."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from streamlab.engines import inside, labelled
from streamlab.engines.attached import Running, attached
from streamlab.engines.here import Here
from streamlab.errors import LabError
from streamlab.lessons import bundle
from streamlab.stacks.channel import Listener, plain, understood
from streamlab.students.student import Student

if TYPE_CHECKING:
    import docker
    from docker.models.containers import Container

#: Where a node has zips of the control program, and what is remembered of its containers.
TMP = "/tmp"
#: The status by which a node says that it lacks a zip: cheaper than asking the engine first, which takes longer to look
#: for a file than Python takes to start.
LACKING = 97
#: Seconds after which a zip that was not used is removed, when another is placed. Before, who has begun with an older
#: checkout may still import from it.
UNUSED_SECONDS = 86400
#: Python as the lab's own programs run in a node. Isolated (`-I`) it looks into no folder of the student's, and no
#: variable of the student's changes it; what it starts in turn still gets these variables. Its arguments are the zips
#: with their hashes, the suffix under which they have just been placed or nothing, a module and that module's own
#: arguments. A zip gets its name once it is whole; one that was cut off or changed is as good as none.
BOOT = f"""
import hashlib, os, sys
zips, placed = dict(part.split("=") for part in sys.argv[1].split(":")), sys.argv[2]
def is_whole(path):
    try:
        os.utime(path)
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest() == zips[path]
    except OSError:
        return False
if placed:
    import contextlib, glob, time
    for path in zips:
        os.replace(path + placed, path)
    for path in glob.glob(os.path.dirname(path) + "/streamlab-*.zip*"):
        with contextlib.suppress(OSError):  # somebody else is removing it as well
            if path not in zips and time.time() - os.stat(path).st_ctime > {UNUSED_SECONDS}:
                os.remove(path)
all(map(is_whole, zips)) or sys.exit({LACKING})
os.chdir("/")
sys.path[:0] = zips
from common.channel import main
main(*sys.argv[3:])
"""
#: The same for a program that is started by its own name and is written in Python.
ISOLATED = {"PYTHONSAFEPATH": "1", "PYTHONNOUSERSITE": "1"}

T = TypeVar("T")


def zip_path(packed: bundle.Bundle) -> str:
    """Where a node has this zip, once it was needed there."""
    return f"{TMP}/streamlab-{packed.short}.zip"


def run_module(
    node: Container | Here,
    module: str,
    *args: str,
    about: str,
    seconds: int,
    zips: Sequence[bundle.Bundle] = (),
    tell: Callable[[dict[str, Any]], None] = lambda event: None,
    printed: Callable[[str, str], None] = lambda stream, line: None,
    limit: int | None = inside.LIMIT,
) -> inside.Result:
    """Run a module in a node, with `zips` and the lab's tools on its path; what of these the node lacks is placed.

    Args:
        about: what an error names first.
        tell: is given each event as it comes.
        printed: is given the stream ("out" or "err") and each line that is no event.
        limit: bytes that it may say, as for `run_inside`.

    Raises:
        LabError: the module said why it cannot do what it should, or something that is not understood.
    """
    needed = (*zips, bundle.tools())
    listener = Listener(about, tell=tell, printed=printed)

    def run(placed: str = "") -> inside.Result:
        argv = _argv(needed, module, *args, placed=placed)
        return inside.run_inside(node, argv, seconds=seconds, lines=listener, limit=limit)

    done = run()
    if done.code == LACKING:
        done = run(_place(node, needed))
    if listener.error:
        raise listener.error
    return done


def _argv(zips: Sequence[bundle.Bundle], module: str, *args: str, placed: str = "") -> list[str]:
    named = ":".join(f"{zip_path(packed)}={packed.sha256}" for packed in zips)
    return ["python3", "-I", "-c", BOOT, named, placed, module, *args]


def _place(node: Container | Here, zips: Sequence[bundle.Bundle]) -> str:
    """Put zips beside where they belong; the suffix of their names, which BOOT takes away."""
    placed = f".{uuid.uuid4().hex[:12]}"
    files = {f"{zip_path(packed).rpartition('/')[2]}{placed}": packed.data for packed in zips}
    inside.put_files(node, TMP, files)
    return placed


def answer_of(
    node: Container | Here, module: str, *args: str, about: str, seconds: int, read: Callable[[Any], T], **options: Any
) -> T:
    """What a module that is run in a node answers, as `read` understands it; `options` as for `run_module`.

    Raises:
        LabError: it failed, or gave no answer, or one of which `read` can make nothing.
    """
    heard: dict[str, Any] = {}
    done = run_module(node, module, *args, about=about, seconds=seconds, tell=heard.update, **options)
    if done.code != 0:
        raise failed(f"{about}: {module} failed in the node", done, seconds=seconds)
    return understood(lambda said: read(said["answer"]), heard, about=about)


@dataclass(frozen=True)
class Stack:
    """A student's stack, and the node from which it is asked: the edge, or this machine for who sits in the stack."""

    student: Student
    client: docker.DockerClient | None
    edge: Container | Here

    def python(self, module: str, *args: str, seconds: int, about: str = "", **options: Any) -> inside.Result:
        """Run a module on the edge, as `run_module` does. `about`, where it is empty, is the student."""
        return run_module(self.edge, module, *args, about=about or self.student.name, seconds=seconds, **options)

    @contextmanager
    def talk(self, module: str, *args: str, seconds: int, idle: float) -> Iterator[Running]:
        """Run a module on the edge, with the lab's tools on its path, and exchange bytes with it."""
        self.python("common.errors", seconds=30)  # it does nothing, but the tools are there then
        argv = _argv([bundle.tools()], module, *args)
        with attached(self.edge, argv, seconds=seconds, stdin=True, idle=idle) as running:
            yield running

    def answer(self, module: str, *args: str, seconds: int, read: Callable[[Any], T], **options: Any) -> T:
        """What a module on the edge answers; see `answer_of`."""
        return answer_of(self.edge, module, *args, about=self.student.name, seconds=seconds, read=read, **options)


@dataclass(frozen=True)
class StackOnEngine(Stack):
    """A stack that is reached through the engine which carries it."""

    client: docker.DockerClient
    edge: Container


def failed(what: str, done: inside.Result, *, seconds: int) -> LabError:
    """The error for a command that ended badly inside a node."""
    if done.code in (124, 137):
        return LabError(
            what, evidence=f"no answer within {seconds} s", fix="invoke status shows which node is unhealthy"
        )
    lines = [plain(line) for line in done.err.splitlines() if line.strip()]
    return LabError(
        what,
        evidence=lines[-4:] or f"exit status {done.code}",
        fix="invoke prove names the service that does not answer",
    )


@contextmanager
def open_stack(student: Student) -> Iterator[Stack]:
    """The student's stack, as it is reached from here.

    Raises:
        WrongRequest: there is no such stack, or no engine.
        LabError: the edge node does not run.
    """
    if student.cluster is not None:
        yield Stack(student, None, Here(student.cluster.env))
    else:
        with open_on_engine(student) as stack:
            yield stack


@contextmanager
def open_on_engine(student: Student) -> Iterator[StackOnEngine]:
    """The student's stack through its engine, for what takes one; its edge node must run. Raises as `open_stack`."""
    from streamlab.engines import engine  # not at the top: its SDK is not where a student sits

    with engine.connect(student.docker_host) as client:
        yield StackOnEngine(student, client, labelled.node(client, student, "edge"))
