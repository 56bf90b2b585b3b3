"""Change what a stack's volumes hold for what was unpacked beside it, and back: ``edge.exchange STEP PLACE …``.

A PLACE is a volume, all of whose contents are exchanged, or a volume and a name in it: ``/stack/edge:metastore``. In a
hidden folder of each volume lies what comes (`new`), and what was (`was`) until it is sure that nobody needs it. A swap
renames within one volume: it copies nothing, takes no time, and can be undone wherever it was cut off.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

BESIDE = ".streamlab-restore"


@dataclass(frozen=True)
class Place:
    """What of a volume is exchanged: everything, or the entry called `only`."""

    volume: Path
    only: str = ""

    @property
    def new(self) -> Path:
        return self.volume / BESIDE / "new"

    @property
    def was(self) -> Path:
        return self.volume / BESIDE / "was"

    @property
    def moved(self) -> Path:
        """A mark: all that was is beside, so what has its place has come."""
        return self.volume / BESIDE / "moved"

    def held(self) -> list[Path]:
        return [e for e in self.volume.iterdir() if e.name == self.only or (not self.only and e.name != BESIDE)]

    def swap(self) -> None:
        self.was.mkdir()
        for entry in self.held():
            entry.rename(self.was / entry.name)
        self.moved.touch()
        for entry in list(self.new.iterdir()):
            entry.rename(self.volume / entry.name)

    def swapped(self) -> bool:
        return self.moved.exists() and not list(self.new.iterdir())

    def back(self) -> None:
        if self.moved.exists():
            for entry in self.held():
                _remove(entry)
            self.moved.unlink()  # from here on, what has its place is what was
        for entry in list(self.was.iterdir()) if self.was.exists() else []:
            entry.rename(self.volume / entry.name)

    def clear(self) -> None:
        if (self.volume / BESIDE).exists():
            shutil.rmtree(self.volume / BESIDE)


def begin(places: Sequence[Place]) -> None:
    """Make an empty place for what comes."""
    end(places)
    for place in places:
        place.new.mkdir(parents=True)


def swap(places: Sequence[Place]) -> None:
    """Put what comes in the place of what was."""
    for place in places:
        place.swap()


def back(places: Sequence[Place]) -> None:
    """Put what was back into its place, and leave nothing beside."""
    for place in places:
        place.back()
        place.clear()


def end(places: Sequence[Place]) -> None:
    """Leave nothing beside. A swap that was cut off is undone in all volumes: they belong together."""
    if not all(place.swapped() for place in places):
        back(places)
    for place in places:
        place.clear()


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink()


STEPS: dict[str, Callable[[Sequence[Place]], None]] = {"begin": begin, "swap": swap, "back": back, "end": end}


def main(step: str, *places: str) -> None:
    STEPS[step]([Place(Path(volume), only) for volume, _, only in (place.partition(":") for place in places)])


if __name__ == "__main__":
    main(*sys.argv[1:])
