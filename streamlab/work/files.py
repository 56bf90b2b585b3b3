"""Files of this machine copied into a stack, and a stack's files copied here: of the edge node, and of HDFS."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from streamlab.edge.arrival import Received, arrival
from streamlab.edge.filesystem import Disk, Refused, amount, printable
from streamlab.edge.transfer import Item, contents, gather, manifest, read_manifest
from streamlab.engines.attached import CHUNK, Output, Running
from streamlab.engines.inside import Result
from streamlab.errors import LabError, WrongRequest
from streamlab.paths import typed
from streamlab.stacks import parallel
from streamlab.stacks.channel import fields, list_of, understood
from streamlab.stacks.operation import Access, Operation
from streamlab.stacks.stack import failed, open_stack
from streamlab.students.student import Student
from streamlab.ui import progress, say

#: The most that a copy may take, whatever its size, and for how long it may not get on.
SECONDS, IDLE_SECONDS = 86400, 120
#: Seconds between two looks at how far it is.
PAUSE = 0.2
HERE = Disk()
FORCE = "--force"
COPY = {name: Operation(name, Access.USE, SECONDS + IDLE_SECONDS) for name in ("put", "get")}


def put_each(students: Sequence[Student], files: Sequence[str], to: str, *, force: bool) -> None:
    """Copy files and folders of this machine into each student's stack.

    Raises:
        WrongRequest: nothing was named, it is not there, or its place is taken.
    """
    if not files:
        raise WrongRequest("put what?", fix="invoke put FILE… --to PLACE")
    with _said_by_the_lab():
        items = gather((HERE, str(typed(file))) for file in files)
        parallel.each(students, lambda student: put(student, items, to, force=force), COPY["put"])


def get_each(students: Sequence[Student], paths: Sequence[str], to: str, *, force: bool) -> None:
    """Copy files and folders of a stack to this machine; of several students, to a folder of each one's own.

    Raises:
        WrongRequest: nothing was named, it is not there, or its place is taken.
    """
    if not paths:
        raise WrongRequest("get what?", fix="invoke get PATH… --to DIR")
    where, several = typed(to), len(students) > 1

    def get_one(student: Student) -> None:
        own = where / student.name if several else where
        if several:
            own.mkdir(parents=True, exist_ok=True)
        get(student, paths, str(own), is_folder=several or to.endswith("/"), force=force)

    parallel.each(students, get_one, COPY["get"])


def put(student: Student, items: Sequence[Item], to: str, *, force: bool) -> None:
    """Copy what was gathered here into one student's stack."""
    coming = manifest(items)
    with _said_by_the_lab(), open_stack(student) as stack:
        with stack.talk("edge.put", to, *[FORCE] * force, seconds=SECONDS, idle=IDLE_SECONDS) as there:
            output = Output(there)
            answers = io.BufferedReader(output, CHUNK)
            # What has ended before it was sent everything says why.
            with suppress(ConnectionError):
                there.send(coming.line())
                if answers.readline(CHUNK):
                    with _counted("put", coming.size) as count:
                        for piece in contents(items):
                            there.send(piece)
                            count(len(piece))
            there.end_input()
            done = _ended(there, output, answers.read(CHUNK))
        said = _require_success(student, done)
        for one in _received(student, said):
            _tell(one)


def get(student: Student, paths: Sequence[str], to: str, *, is_folder: bool, force: bool) -> None:
    """Copy files and folders of one student's stack to `to` on this machine."""
    with _said_by_the_lab(), open_stack(student) as stack:
        with stack.talk("edge.get", *paths, seconds=SECONDS, idle=IDLE_SECONDS) as there:
            output = Output(there)
            source = io.BufferedReader(output, CHUNK)
            refused, received = None, []
            try:
                coming = read_manifest(source)
                made = arrival(HERE, to, coming, is_folder=is_folder, force=force)
                with _counted("get", coming.size) as count:
                    received = made.receive(source, count)
            except Refused as error:
                refused = error
                if not output.ended:
                    raise
            done = _ended(there, output, b"")
        _require_success(student, done)
        if refused:
            raise refused
        for one in received:
            _tell(one)


def _ended(there: Running, output: Output, said: bytes) -> Result:
    code = there.code(seconds=IDLE_SECONDS)
    return Result(code, said.decode("utf-8", "replace"), output.errors.decode("utf-8", "replace"))


def _require_success(student: Student, done: Result) -> str:
    """What a node's side of a copy has said.

    Raises:
        LabError: it failed; by its own words, if it has found some.
    """
    if done.code == 0:
        return done.out
    try:
        error = understood(_refusal, done.err, about=student.name)
    except LabError:
        raise failed(f"{student.name}: the copy failed", done, seconds=SECONDS) from None
    raise error


_refused = fields(what=str, evidence=[str], fix=str, wrong=bool)
_taken_in = list_of(fields(place=str, files=int, size=int))


def _refusal(said: str) -> LabError:
    """Why a node's side of a copy does not do it, as the last line says."""
    why = _refused(json.loads(said.splitlines()[-1]))
    kind = WrongRequest if why["wrong"] else LabError
    return kind(printable(why["what"]), evidence=map(printable, why["evidence"]), fix=printable(why["fix"]))


def _received(student: Student, said: str) -> list[Received]:
    """What a node says that it has taken in."""
    found = understood(lambda said: _taken_in(json.loads(said)["received"]), said, about=student.name)
    return [Received(printable(one["place"]), one["files"], one["size"]) for one in found]


def _tell(one: Received) -> None:
    say(f"{one.place}  {f'{one.files} files, ' if one.files != 1 else ''}{amount(one.size)}")


@contextmanager
def _counted(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show how far a copy is; what is yielded is given the size of each piece."""
    done, told = 0, time.monotonic()
    with progress(label) as line:

        def count(size: int) -> None:
            nonlocal done, told
            done += size
            if time.monotonic() - told > PAUSE:
                told = time.monotonic()
                line.update(f"{amount(done)} of {amount(total)}, {100 * done // max(total, 1)} %")

        yield count


@contextmanager
def _said_by_the_lab() -> Iterator[None]:
    """What the transfer refuses is an error of the lab's, and so is a connection that does not get on."""
    try:
        yield
    except Refused as error:
        kind = WrongRequest if error.wrong else LabError
        raise kind(error.what, evidence=error.evidence or (), fix=error.fix) from None
    except BrokenPipeError:
        raise  # nobody reads what this prints
    except OSError as error:
        raise LabError(
            "the connection to the stack was lost", evidence=str(error), fix="invoke status shows what runs"
        ) from None
