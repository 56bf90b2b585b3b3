"""Files and folders on their way from one file system to another, as one stream of bytes.

The stream begins with a line of JSON that says what will come. Each file or folder then is a line, and after a file's
line come its contents; the last line says that this was all. It is no tar archive, since those may link to anywhere and
have headers of any length, and whoever receives need not trust who sends.

Both sides use this module: the control machine, and a node for its own disk and for HDFS. It stands alone but for
`filesystem`.
"""

from __future__ import annotations

import json
import posixpath
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeGuard

from .filesystem import CHUNK, TRY_AGAIN, FileSystem, Found, Refused, amount, is_path, printable

#: The longest line of a stream: a path has at most 4 KB, each of which may be written with six characters.
LINE = 1 << 16
#: The line after which nothing comes.
LAST = {"end": True}
GONE = "what had come was removed again"


@dataclass(frozen=True)
class Item:
    """What is sent: where it is, and its path on the way, which begins with a name that was asked for."""

    fs: FileSystem
    place: str
    path: str
    found: Found


@dataclass(frozen=True)
class Manifest:
    """What a stream will bring: the names that were asked for, how many files and folders, and their size."""

    names: tuple[str, ...]
    entries: int
    size: int

    def line(self) -> bytes:
        return _line({"names": self.names, "entries": self.entries, "size": self.size})


@dataclass
class Received:
    """What came under one name: its place as people know it, how many files, and their size."""

    place: str
    files: int = 0
    size: int = 0


def gather(asked: Iterable[tuple[FileSystem, str]]) -> list[Item]:
    """Everything at and below the paths that were asked for. Links are followed.

    Raises:
        Refused: something is not there, cannot be read or is no file; or two have the same name.
    """
    items: list[Item] = []
    names: Counter[str] = Counter()
    for fs, path in asked:
        name, found = posixpath.basename(path), fs.find(path)
        if found is None:
            parent = fs.shown(posixpath.dirname(path))
            raise Refused(f"no such file: {fs.shown(path)}", fix=f"look for its name in {parent}")
        if not name:
            raise Refused(f"{fs.shown(path)} holds everything", fix="name a file or a folder in it")
        names[name] += 1
        items += _below(Item(fs, path, name, found), frozenset())
    twice = [name for name, times in names.items() if times > 1]
    if twice:
        raise Refused(f"more than one is named {printable(twice[0])}", fix="one at a time, each with its own --to")
    return items


def _below(item: Item, above: frozenset[str]) -> Iterator[Item]:
    yield item
    if item.found.is_folder:
        fs, real = item.fs, item.fs.real(item.place)
        if real in above:
            raise Refused(f"{fs.shown(item.place)} links to a folder that it is in", fix="remove that link")
        for inner in fs.list(item.place):
            below = Item(fs, f"{item.place}/{inner.name}", f"{item.path}/{inner.name}", inner)
            yield from _below(below, above | {real})


def manifest(items: Sequence[Item]) -> Manifest:
    """The first line of a stream."""
    names = dict.fromkeys(item.path.partition("/")[0] for item in items)
    return Manifest(tuple(names), len(items), sum(item.found.size for item in items))


def contents(items: Iterable[Item]) -> Iterator[bytes]:
    """The stream after its first line, in pieces.

    Raises:
        Refused: a file cannot be read, or has become shorter.
    """
    for item in items:
        found, left = item.found, item.found.size
        if found.is_folder:
            yield _line({"path": item.path})
            continue
        yield _line({"path": item.path, "size": found.size, "executable": found.executable})
        for chunk in item.fs.read(item.place):
            yield chunk[:left]  # what has grown since is sent as it was found
            left -= min(left, len(chunk))
            if not left:
                break
        if left:
            raise Refused(
                f"{item.fs.shown(item.place)} changed while it was read",
                evidence=f"it had {amount(found.size)}, and then {amount(found.size - left)}",
                fix="try again when nobody writes to it",
                wrong=False,
            )
    yield _line(LAST)


def read_manifest(source: BinaryIO) -> Manifest:
    """Read the first line of a stream."""
    line = _read_line(source)
    names, entries, size = line.get("names"), line.get("entries"), line.get("size")
    if not (isinstance(names, list) and names and all(is_path(name) and "/" not in name for name in names)):
        raise _not_ours()
    if not (_is_size(entries) and _is_size(size)):
        raise _not_ours()
    return Manifest(tuple(names), entries, size)


@dataclass(frozen=True)
class Arrival:
    """Where what a stream brings has its place; that is decided and looked at before it comes.

    `targets` has the final path for each name of the manifest. All come into a folder beside them first, which is in
    the same file system, so that a rename puts them into their place.
    """

    fs: FileSystem
    coming: Manifest
    folder: str
    targets: Mapping[str, str]
    force: bool

    def require_room(self) -> None:
        """
        Raises:
            Refused: what is to come is larger than what is free.
        """
        free = self.fs.free(self.folder)
        if free < self.coming.size:
            raise Refused(
                f"no space for {amount(self.coming.size)} in {self.fs.shown(self.folder)}",
                evidence=f"{amount(free)} are free there",
                fix="remove files there that nobody needs",
                wrong=False,
            )

    def require_free_names(self) -> None:
        """
        Raises:
            Refused: something has one of the names already.
        """
        taken = [(path, found) for path in self.targets.values() if (found := self.fs.find(path))]
        if taken and not self.force:
            path, found = taken[0]
            how = "overwrites its files of the same names" if found.is_folder else "overwrites it"
            raise Refused(
                f"{self.fs.shown(path)} already exists",
                evidence="nothing was overwritten",
                fix=f"--force {how}; or choose another --to",
            )

    def receive(self, source: BinaryIO, count: Callable[[int], object] = lambda size: None) -> list[Received]:
        """Take everything in, and put it into its place when all has come.

        Args:
            count: is given the size of each piece that came.

        Raises:
            Refused: the stream broke off or is not as it should be, or something does not go into its place.
        """
        staging = f"{self.folder}/.streamlab-{uuid.uuid4().hex[:12]}"
        received = {name: Received(self.fs.shown(target)) for name, target in self.targets.items()}
        try:
            self.fs.make_folder(staging)
            self._take_in(source, staging, received, count)
            self.require_free_names()
            for name, target in self.targets.items():
                self._require_place(f"{staging}/{name}", target)
            for name, target in self.targets.items():
                self._settle(f"{staging}/{name}", target)
        finally:
            self.fs.remove(staging)
        return list(received.values())

    def _take_in(
        self, source: BinaryIO, staging: str, received: Mapping[str, Received], count: Callable[[int], object]
    ) -> None:
        entries, left = self.coming.entries, self.coming.size
        while (line := _read_line(source)) != LAST:
            path, size = line.get("path"), line.get("size", 0)
            if not (is_path(path) and _is_size(size) and size <= left and entries):
                raise _not_ours()
            entries, left = entries - 1, left - size
            one = received.get(path.partition("/")[0])
            if one is None:
                raise _not_ours()
            if "size" in line:
                found = Found(posixpath.basename(path), False, size, line.get("executable") is True)
                self.fs.write(f"{staging}/{path}", _pieces(source, size, count), found)
                one.files, one.size = one.files + 1, one.size + size
            else:
                self.fs.make_folder(f"{staging}/{path}")
        if entries or left:
            raise _not_ours()

    def _require_place(self, staged: str, target: str) -> None:
        """A file replaces a file, and a folder goes into a folder."""
        there, mine = self.fs.find(target), self.fs.find(staged)
        if there and mine and there.is_folder != mine.is_folder:
            kinds = ("folder", "file") if there.is_folder else ("file", "folder")
            raise Refused(
                f"{self.fs.shown(target)} is a {kinds[0]}",
                evidence=f"a {kinds[1]} cannot take its place; nothing was overwritten",
                fix="choose another --to",
            )
        for inner in self.fs.list(staged) if there and there.is_folder else ():
            self._require_place(f"{staged}/{inner.name}", f"{target}/{inner.name}")

    def _settle(self, staged: str, target: str) -> None:
        """A folder that is there keeps what else it holds."""
        there = self.fs.find(target)
        if there and there.is_folder:
            for inner in self.fs.list(staged):
                self._settle(f"{staged}/{inner.name}", f"{target}/{inner.name}")
        else:
            self.fs.move(staged, target)


def arrival(fs: FileSystem, place: str, coming: Manifest, *, is_folder: bool, force: bool) -> Arrival:
    """Where things go: into `place` if it is a folder; else a single one gets that name.

    Args:
        is_folder: whether `place` must be one, as the slash at the end of a path says.

    Raises:
        Refused: there is no such folder or no space, or something is in the way.
    """
    there = fs.find(place)
    if is_folder or len(coming.names) > 1 or (there and there.is_folder):
        folder, targets = place, {name: posixpath.join(place, name) for name in coming.names}
    else:
        folder, targets = posixpath.dirname(place), {coming.names[0]: place}
    holder = fs.find(folder)
    if holder is None:
        raise Refused(f"no such folder: {fs.shown(folder)}", evidence="nothing was written", fix=fs.how_to_make(folder))
    if not holder.is_folder:
        raise Refused(f"{fs.shown(folder)} is not a folder", evidence="nothing was written", fix="choose another --to")
    made = Arrival(fs, coming, folder.rstrip("/"), targets, force)
    made.require_free_names()
    made.require_room()
    return made


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value).encode() + b"\n"


def _read_line(source: BinaryIO) -> dict[str, Any]:
    try:
        line = source.readline(LINE)
    except OSError as error:
        raise _broken_off(error) from error
    if len(line) < LINE and not line.endswith(b"\n"):
        raise _broken_off()
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        raise _not_ours() from None
    if not isinstance(value, dict):
        raise _not_ours()
    return value


def _pieces(source: BinaryIO, size: int, count: Callable[[int], object]) -> Iterator[bytes]:
    while size:
        try:
            chunk = source.read(min(size, CHUNK))
        except OSError as error:
            raise _broken_off(error) from error
        if not chunk:
            raise _broken_off()
        size -= len(chunk)
        count(len(chunk))
        yield chunk


def _is_size(value: Any) -> TypeGuard[int]:
    return type(value) is int and value >= 0


def _broken_off(error: OSError | None = None) -> Refused:
    return Refused("the connection ended half-way", evidence=str(error or GONE), fix=TRY_AGAIN, wrong=False)


def _not_ours() -> Refused:
    return Refused("what arrived is not what was sent", evidence=GONE, fix=TRY_AGAIN, wrong=False)
