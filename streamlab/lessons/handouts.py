"""The lessons as students get them: without answers, exercises with gaps, and texts in the class's language."""

from __future__ import annotations

from pathlib import Path

from streamlab.lessons.bundle import ANSWERS, files_below
from streamlab.lessons.exercise import PROGRAMS, text_of_program, texts_in, with_gaps
from streamlab.paths import JOBS


def handout(folder: Path, language: str) -> Path:
    """A lesson's handout, or the course's: in this language if it is written in it, else in English."""
    own = folder / f"README.{language}.md"
    return own if own.is_file() else folder / "README.md"


def for_students(language: str, *, under: str) -> dict[str, bytes]:
    """All lessons as students may have them, as path below `under` -> contents.

    The handout in their language is `README.md`, as in the links between handouts; there is no other.
    """
    found = files_below(JOBS, under=under)
    for path in list(found):
        folder, _, name = path.rpartition("/")
        if name in ANSWERS or name.startswith("README."):
            del found[path]
        if name == "README.md":
            found[path] = handout(JOBS / folder.removeprefix(under).lstrip("/"), language).read_bytes()
        elif name in PROGRAMS:
            lesson = folder.rpartition("/")[2]
            found[path] = with_gaps(text_of_program(lesson), texts=texts_in(language, lesson)).encode()
    return found
