"""What people call a place of a stack: a path of the node's disk, or one of HDFS."""

from __future__ import annotations

import json
import posixpath
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import NoReturn

from common.errors import JobError, Missing, WrongRequest
from common.hdfs import Hdfs, Status
from common.settings import USER, LabInfo

from .filesystem import TRY_AGAIN, Disk, FileSystem, Found, Refused, printable

HOME = f"/home/{USER}"
HDFS_HOME = f"/user/{USER}"
#: What says that a path is one of HDFS.
HDFS = "hdfs:"
#: Seconds that HDFS may take nothing, or send nothing.
TIMEOUT = 60
NODE = Disk(make='on the edge node: mkdir -p "{}"', permitted=f"choose a place below {HOME}, which is the student's")


def parse(typed: str, hdfs_uri: str) -> tuple[bool, str]:
    """Whether a path is one of HDFS, and the absolute path.

    Raises:
        Refused: it is of another file system.
    """
    if not typed.startswith(HDFS):
        scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", typed)
        if scheme:
            raise Refused(
                f"no file system here is called {scheme[0]}", fix="a path is one of the edge node, or hdfs:///path"
            )
        relative = "." + typed[1:] if re.match(r"~(/|$)", typed) else typed
        return False, posixpath.normpath(posixpath.join(HOME, relative))
    rest = typed.removeprefix(HDFS)
    if rest.startswith("//"):
        authority, _, path = rest[2:].partition("/")
        own = hdfs_uri.partition("://")[2]
        if authority not in ("", own, own.partition(":")[0]):
            raise Refused(
                f"{HDFS}//{printable(authority)} is not this stack's HDFS",
                evidence=f"its own is {hdfs_uri}",
                fix=f"leave the name out: {HDFS}///{printable(path)}",
            )
        rest = f"/{path}"
    # A slash that is doubled at the beginning has a meaning of its own for POSIX, and none here.
    return True, "/" + posixpath.normpath(posixpath.join(HDFS_HOME, rest)).lstrip("/")


def find(typed: str, info: LabInfo) -> tuple[FileSystem, str]:
    """The file system that a path is of, and the absolute path there."""
    on_hdfs, path = parse(typed, info.hdfs)
    return (HdfsFileSystem(Hdfs(info.webhdfs, timeout=TIMEOUT), info.hdfs_replication) if on_hdfs else NODE), path


@dataclass(frozen=True)
class HdfsFileSystem:
    """A stack's HDFS, which keeps so many copies of each file."""

    hdfs: Hdfs
    copies: int

    def find(self, path: str) -> Found | None:
        try:
            return _found(self.hdfs.status(path))
        except Missing:
            return None

    def list(self, path: str) -> list[Found]:
        return [_found(status) for status in self.hdfs.list(path)]

    def real(self, path: str) -> str:
        return path  # it has no links

    def read(self, path: str) -> Iterator[bytes]:
        return self.hdfs.read_pieces(path)

    def write(self, path: str, contents: Iterator[bytes], found: Found) -> None:
        self.hdfs.write_pieces(path, contents, length=found.size)

    def make_folder(self, path: str) -> None:
        self.hdfs.mkdirs(path)

    def move(self, path: str, to: str) -> None:
        self.hdfs.replace(path, to)

    def remove(self, path: str) -> None:
        with suppress(JobError):  # what went wrong before is what is said
            self.hdfs.delete(path)

    def free(self, folder: str) -> int:
        return self.hdfs.free() // self.copies

    def shown(self, path: str) -> str:
        return f"{HDFS}{printable(path)}"

    def how_to_make(self, folder: str) -> str:
        return f'on the edge node: hdfs dfs -mkdir -p "{printable(folder)}"'


def _found(status: Status) -> Found:
    return Found(status.name, status.is_dir, status.length)


@contextmanager
def saying_why() -> Iterator[None]:
    """What cannot be done is a line of JSON on the standard error, and exit status 1. Who is ended cleans up first."""
    signal.signal(signal.SIGTERM, _leave)
    try:
        yield
    except UnicodeEncodeError as error:
        _say(Refused(f"{printable(error.object)} is no name on HDFS", evidence="it is not UTF-8", fix="rename it"))
    except (Refused, JobError) as error:
        _say(error)


def _leave(number: int, _: object) -> NoReturn:
    signal.signal(number, signal.SIG_IGN)  # it comes twice: `timeout`, which has started this, hands on its own
    sys.exit(128 + number)


def _say(error: Refused | JobError) -> NoReturn:
    evidence = [error.evidence] if isinstance(error.evidence, str) else error.evidence
    wrong = error.wrong if isinstance(error, Refused) else isinstance(error, WrongRequest)
    said = {"what": error.what, "evidence": [line for line in evidence if line], "wrong": wrong}
    print(json.dumps({**said, "fix": error.fix or TRY_AGAIN}), file=sys.stderr)
    sys.exit(1)
