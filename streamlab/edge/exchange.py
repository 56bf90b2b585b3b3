"""Swap the contents of a stack's volumes with data unpacked beside them, or swap back: ``edge.exchange STEP PLACE …``.

A PLACE is a volume, all of whose contents are swapped, or a volume and a name in it: ``/stack/edge:metastore``. A
hidden folder of each volume holds what comes (`new`), and what was there (`was`) until the services have proved
themselves on what came. A swap renames within one volume: it copies nothing, takes no time, and can be undone wherever
it was cut off. Only the mark `proved`, which is written after the proofs, lets what was there be deleted.

The step ``state`` answers how far a restore has come: "none", "begun", "swapped" or "proved".
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

BESIDE = ".streamlab-restore"
#: What `clear` deletes; its marks no longer count.
GARBAGE = f"{BESIDE}-garbage"


@dataclass(frozen=True)
class Place:
    """The part of a volume that is exchanged: everything, or the entry called `only`."""

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
        """A mark: all old data is set aside, so the data in its place is new."""
        return self.volume / BESIDE / "moved"

    @property
    def proved(self) -> Path:
        """A mark: every service has been proved on the new data."""
        return self.volume / BESIDE / "proved"

    def held(self) -> list[Path]:
        ours = (BESIDE, GARBAGE)
        return [e for e in self.volume.iterdir() if e.name == self.only or (not self.only and e.name not in ours)]

    def swap(self) -> None:
        self.was.mkdir()
        for entry in self.held():
            entry.rename(self.was / entry.name)
        self.moved.touch()
        for entry in list(self.new.iterdir()):
            entry.rename(self.volume / entry.name)

    def touched(self) -> bool:
        """Whether a swap has begun here."""
        return self.was.exists()

    def back(self) -> None:
        if self.moved.exists():
            for entry in self.held():
                _remove(entry)
            self.moved.unlink()  # from here on, what has its place is what was
        for entry in list(self.was.iterdir()) if self.was.exists() else []:
            entry.rename(self.volume / entry.name)

    def clear(self) -> None:
        """Leave nothing beside. Renamed first, so that no mark is gone before what it speaks for."""
        beside, garbage = self.volume / BESIDE, self.volume / GARBAGE
        if garbage.exists():
            shutil.rmtree(garbage)
        if beside.exists():
            beside.rename(garbage)
            shutil.rmtree(garbage)


def state(places: Sequence[Place]) -> str:
    """How far a restore has come. All volumes are at the same step, so the marks of one are enough."""
    if any(place.proved.exists() for place in places):
        return "proved"
    if any(place.touched() for place in places):
        return "swapped"
    return "begun" if any((place.volume / BESIDE).exists() for place in places) else "none"


def begin(places: Sequence[Place]) -> None:
    """Create an empty folder for the new data."""
    end(places)
    for place in places:
        place.new.mkdir(parents=True)


def swap(places: Sequence[Place]) -> None:
    """Replace the old data with the new data."""
    for place in places:
        place.swap()


def prove(places: Sequence[Place]) -> None:
    """Mark the new data as proved, so that it is kept."""
    for place in places:
        place.proved.touch()


def back(places: Sequence[Place]) -> None:
    """Put the old data back, and remove everything beside it."""
    for place in places:
        place.back()
    for place in places:
        place.clear()


def end(places: Sequence[Place]) -> None:
    """Remove everything beside the data. A swap that has not been proved is undone in all volumes."""
    if state(places) != "proved":
        back(places)
    for place in reversed(places):  # the first one, which is marked first, speaks for the others until the end
        place.clear()


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink()


def tell(places: Sequence[Place]) -> None:
    from common.channel import emit  # which the control program, that reads names of this module, does not have

    emit(answer=state(places))


STEPS: dict[str, Callable[[Sequence[Place]], object]] = {
    "state": tell,
    "begin": begin, "swap": swap, "prove": prove, "back": back, "end": end,
}  # fmt: skip


def main(step: str, *places: str) -> None:
    STEPS[step]([Place(Path(volume), only) for volume, _, only in (place.partition(":") for place in places)])


if __name__ == "__main__":
    main(*sys.argv[1:])
