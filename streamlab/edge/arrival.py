"""Files and folders that arrive as a stream (`transfer`): all of them get their place, or none does.

Like `transfer`, it is used on both sides and stands alone.
"""

from __future__ import annotations

import posixpath
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from .filesystem import FileSystem, Found, Refused, amount, is_path
from .transfer import LAST, Manifest, is_size, not_ours, pieces, read_line


@dataclass
class Received:
    """What came under one name: its place as people know it, how many files, and their size."""

    place: str
    files: int = 0
    size: int = 0


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
        while (line := read_line(source)) != LAST:
            path, size = line.get("path"), line.get("size", 0)
            if not (is_path(path) and is_size(size) and size <= left and entries):
                raise not_ours()
            entries, left = entries - 1, left - size
            one = received.get(path.partition("/")[0])
            if one is None:
                raise not_ours()
            if "size" in line:
                found = Found(posixpath.basename(path), False, size, line.get("executable") is True)
                self.fs.write(f"{staging}/{path}", pieces(source, size, count), found)
                one.files, one.size = one.files + 1, one.size + size
            else:
                self.fs.make_folder(f"{staging}/{path}")
        if entries or left:
            raise not_ours()

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
