"""Files and folders on their way from one file system to another, as one stream of bytes.

The stream begins with a line of JSON that says what will come. Each file or folder then is a line, and after a file's
line come its contents; the last line says that this was all. It is no tar archive, since those may link to anywhere and
have headers of any length, and whoever receives need not trust who sends.

Both sides use this module: the control machine, and a node for its own disk and for HDFS. It stands alone but for
`filesystem`. What becomes of a stream where it arrives is in `arrival`.
"""

from __future__ import annotations

import json
import posixpath
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
    line = read_line(source)
    names, entries, size = line.get("names"), line.get("entries"), line.get("size")
    if not (isinstance(names, list) and names and all(is_path(name) and "/" not in name for name in names)):
        raise not_ours()
    if not (is_size(entries) and is_size(size)):
        raise not_ours()
    return Manifest(tuple(names), entries, size)


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value).encode() + b"\n"


def read_line(source: BinaryIO) -> dict[str, Any]:
    """The next line of a stream.

    Raises:
        Refused: it broke off, or this is none.
    """
    try:
        line = source.readline(LINE)
    except OSError as error:
        raise _broken_off(error) from error
    if len(line) < LINE and not line.endswith(b"\n"):
        raise _broken_off()
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        raise not_ours() from None
    if not isinstance(value, dict):
        raise not_ours()
    return value


def pieces(source: BinaryIO, size: int, count: Callable[[int], object]) -> Iterator[bytes]:
    """The next `size` bytes of a stream; `count` is given the size of each piece.

    Raises:
        Refused: the stream broke off.
    """
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


def is_size(value: Any) -> TypeGuard[int]:
    return type(value) is int and value >= 0


def _broken_off(error: OSError | None = None) -> Refused:
    return Refused("the connection ended half-way", evidence=str(error or GONE), fix=TRY_AGAIN, wrong=False)


def not_ours() -> Refused:
    return Refused("what arrived is not what was sent", evidence=GONE, fix=TRY_AGAIN, wrong=False)
