"""The file systems that files are copied between, as one sees them: this machine's disk is one, HDFS another.

Both sides of a copy use this module. It stands alone.
"""

from __future__ import annotations

import errno
import os
import posixpath
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeGuard

#: The pieces in which a file is read.
CHUNK = 1 << 20
TRY_AGAIN = "try again"


class Refused(Exception):
    """Something cannot be sent or received; its parts are those of every error of the lab.

    `wrong` says that the request itself is wrong.
    """

    def __init__(self, what: str, *, evidence: str = "", fix: str = "", wrong: bool = True) -> None:
        super().__init__(what)
        self.what, self.evidence, self.fix, self.wrong = what, evidence, fix, wrong


@dataclass(frozen=True)
class Found:
    """A file or a folder, by its name in the folder it is in. A folder has no size."""

    name: str
    is_folder: bool
    size: int = 0
    executable: bool = False


class FileSystem(Protocol):
    """A file system. Paths are absolute, without a slash at their end; what it does not do it says as `Refused`."""

    def find(self, path: str) -> Found | None: ...
    def list(self, path: str) -> list[Found]: ...
    def real(self, path: str) -> str: ...
    def read(self, path: str) -> Iterator[bytes]: ...
    def write(self, path: str, contents: Iterator[bytes], found: Found) -> None: ...
    def make_folder(self, path: str) -> None: ...
    def move(self, path: str, to: str) -> None: ...
    def remove(self, path: str) -> None: ...
    def free(self, folder: str) -> int: ...
    def shown(self, path: str) -> str: ...
    def how_to_make(self, folder: str) -> str: ...


@dataclass(frozen=True)
class Disk:
    """The disk of this machine, or of a node; what to do about a missing folder or permission differs."""

    make: str = "mkdir -p {}"
    permitted: str = "choose a folder that you may write to"

    def find(self, path: str) -> Found | None:
        place = Path(path)
        with self._saying("look at", path):
            try:
                return _found(path, place.stat())
            except (FileNotFoundError, NotADirectoryError):
                return Found(place.name, is_folder=False) if place.is_symlink() else None

    def list(self, path: str) -> list[Found]:
        with self._saying("read", path):
            inner = sorted(Path(path).iterdir())
        return [found for one in inner if (found := self.find(str(one)))]  # without what has just been removed

    def real(self, path: str) -> str:
        return str(Path(path).resolve())

    def read(self, path: str) -> Iterator[bytes]:
        with self._saying("read", path), Path(path).open("rb", buffering=0) as file:
            while chunk := file.read(CHUNK):
                yield chunk

    def write(self, path: str, contents: Iterator[bytes], found: Found) -> None:
        with self._saying("write", path), Path(path).open("xb") as file:
            for chunk in contents:
                file.write(chunk)
            if found.executable:
                os.fchmod(file.fileno(), stat.S_IMODE(os.fstat(file.fileno()).st_mode) | 0o111)

    def make_folder(self, path: str) -> None:
        with self._saying("write in", posixpath.dirname(path)):
            Path(path).mkdir()

    def move(self, path: str, to: str) -> None:
        with self._saying("write", to):
            Path(path).replace(to)

    def remove(self, path: str) -> None:
        shutil.rmtree(path, ignore_errors=True)

    def free(self, folder: str) -> int:
        return shutil.disk_usage(folder or "/").free

    def shown(self, path: str) -> str:
        return printable(path)

    def how_to_make(self, folder: str) -> str:
        return self.make.format(printable(folder))

    @contextmanager
    def _saying(self, do: str, path: str) -> Iterator[None]:
        """Say in the lab's way what the operating system does not do."""
        try:
            yield
        except OSError as error:
            path, said = printable(path), error.strerror or str(error)
            if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise Refused(f"no permission to {do} {path}", evidence=said, fix=self.permitted) from error
            fix = "remove files there that nobody needs" if error.errno in (errno.ENOSPC, errno.EDQUOT) else TRY_AGAIN
            raise Refused(f"cannot {do} {path}", evidence=said, fix=fix, wrong=False) from error


def _found(path: str, status: os.stat_result) -> Found:
    name, is_folder = posixpath.basename(path), stat.S_ISDIR(status.st_mode)
    if not (is_folder or stat.S_ISREG(status.st_mode)):
        raise Refused(f"{printable(path)} is neither a file nor a folder", fix="leave it out")
    return Found(name, is_folder, 0 if is_folder else status.st_size, bool(status.st_mode & stat.S_IXUSR))


def is_path(value: Any) -> TypeGuard[str]:
    """Whether it is a path, and leads to below the folder that it begins in."""
    if not isinstance(value, str) or "\0" in value or {"", ".", ".."} & set(value.split("/")):
        return False
    try:
        os.fsencode(value)
    except UnicodeEncodeError:
        return False
    return True


def printable(text: str) -> str:
    """A name without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def amount(size: int) -> str:
    """A number of bytes as people read it."""
    if size < 1000:
        return f"{size} byte{'s' * (size != 1)}"
    power = 1 if size < 1e6 else 2 if size < 1e9 else 3
    return f"{size / 1000**power:.1f} {' kMG'[power]}B"
