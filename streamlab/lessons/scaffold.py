"""`invoke new`: a new job, copied from a lesson, that runs as it is."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from streamlab.errors import WrongRequest, unknown
from streamlab.lessons.bundle import lesson_files
from streamlab.lessons.jobs import hides_a_package, known_jobs, load
from streamlab.paths import JOBS, typed
from streamlab.students.problems import SAFE_NAME
from streamlab.ui import say

#: How the files of a lesson's exercise begin, which a copy of the lesson does not need.
EXERCISE = "./exercise"


def make_like(name: str, like: str, to: str) -> Path:
    """Make the folder `to`/`name`, a job that runs as it is, after the lesson `like`.

    Names follow: the package, topics, queries, groups and tables of the copy are its own, so that the lesson and the
    copy do not meet on one cluster.
    """
    require_free(name)
    if like not in known_jobs():
        raise unknown("lesson", like, known_jobs(), usage="--like {}")
    target = create(name, to, files_like(name, like))
    say(f"{target}: created from {like}; run it with: invoke submit --job {target}")
    return target


def files_like(name: str, like: str) -> dict[str, str]:
    """The files of a copy called `name` of the lesson `like`: path below its folder -> text."""
    tables = load(JOBS / like).tables
    return {
        path: renamed(content.decode("utf-8"), like=like, name=name, tables=tables)
        for path, content in lesson_files(JOBS / like, under=".").items()
        if not path.startswith(EXERCISE)
    }


def require_free(name: str) -> None:
    """Refuse a name that no job of a student's can have.

    Raises:
        WrongRequest: it is a lesson's or a package's, or no name.
    """
    if not SAFE_NAME.fullmatch(name) or name in known_jobs() or hides_a_package(name):
        fix = "use lower-case letters and digits, a letter first, and no name of a lesson or a package"
        raise WrongRequest(
            f"a job of yours cannot be called {name!r}", evidence=f"lessons: {', '.join(known_jobs())}", fix=fix
        )


def create(name: str, to: str, files: Mapping[str, str]) -> Path:
    """Make the folder `to`/`name` with `files` (path below it -> text), whole or not at all.

    Raises:
        WrongRequest: it is there already.
    """
    target = typed(to) / name
    if target.exists():
        raise WrongRequest(
            f"{target} already exists", evidence="nothing was overwritten", fix="choose another name or --to"
        )
    half = target.with_name(f".{name}.partial")
    shutil.rmtree(half, ignore_errors=True)
    try:
        for path, text in files.items():
            file = half / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        half.rename(target)
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return target


def renamed(text: str, *, like: str, name: str, tables: Sequence[str]) -> str:
    """A lesson's file with its names replaced: ``lesson04``, ``l04-…``, ``l04_…``, its tables and their keyspace."""
    short = re.sub(r"^lesson", "l", like)
    text = re.sub(rf"\b{like}\b", name, text)
    text = re.sub(rf"\b{short}(?=[-_])", name, text)
    for table_name in tables:
        text = re.sub(rf"\b{re.escape(table_name)}\b", f"{name}.{table_name.partition('.')[2]}", text)
    for keyspace in {table_name.partition(".")[0] for table_name in tables}:
        text = re.sub(rf"(KEYSPACE IF NOT EXISTS ){keyspace}\b", rf"\g<1>{name}", text)
    return text
