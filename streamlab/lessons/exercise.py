"""Exercises: a lesson's program with gaps, made from the same program with the solutions in it.

In a lesson's `exercise.py` the lines between `# BEGIN SOLUTION` and `# END SOLUTION` are what a student writes, as in
nbgrader, which marks them so in notebooks; there is one pair for each gap of `exercise.yml`, in the same order. In a
lesson about Flink's SQL it is `exercise.sql`, with `-- BEGIN SOLUTION`; a student gets `-- BEGIN GAP 1` in its place,
by which `common.script_gaps` knows what is filled in.
"""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from streamlab.errors import unknown
from streamlab.lessons.jobs import known_exercises
from streamlab.lessons.scaffold import create, renamed, require_free
from streamlab.paths import JOBS
from streamlab.students.problems import LANGUAGES
from streamlab.ui import say
from streamlab.yamlfile import check_yaml, mapping_of, number_of, require_known, text_of, wrong_at

#: What an exercise's program may be called.
PROGRAMS = ("exercise.py", "exercise.sql")
_SOLUTION = re.compile(
    r"^(?P<indent> *)(?P<comment>#|--) BEGIN SOLUTION\n(?P<lines>.*?)^ *(?P=comment) END SOLUTION\n",
    re.MULTILINE | re.DOTALL,
)
#: A gap's task, and what the program is about: both are docstrings, or comments in SQL.
_TASK = re.compile(r'(?<=\n)(?P<indent> +)"""Gap (?P<number>\d+)\..*?(?P<end>(?:\n *)?""")', re.DOTALL)
_ABOUT = re.compile(r'\A""".*?"""', re.DOTALL)
_SQL_TASK = re.compile(r"^-- Gap (?P<number>\d+)\..*\n(?:--(?! BEGIN (?:SOLUTION|GAP)).*\n)*", re.MULTILINE)
_SQL_ABOUT = re.compile(r"\A(?:--.*\n)+")
#: What a job needs of the stack, which an exercise's job.yml says as its exercise.yml does.
_NEEDS = ("topics", "groups", "tables", "services")
_KEYS = {"title", "preset", "timeout", "gaps", *_NEEDS}


@dataclass(frozen=True)
class Texts:
    """What an exercise says in one language.

    Args:
        program: what the program is about; empty to leave the English text.
        tasks: each gap's task, in their order.
        here: is the comment in an open gap; has a place for the number of lines.
    """

    program: str = ""
    tasks: tuple[str, ...] = ()
    here: str = ""


#: The same in English, by what a comment begins with.
_HERE = {
    "#": "Your code instead of the next line; lines: {}.",
    "--": "Your statements instead of this line; lines: {}.",
}


def source(lesson: str) -> Path:
    """The file with a lesson's program, its solutions in it."""
    return next(path for name in PROGRAMS if (path := JOBS / lesson / name).is_file())


def text_of_program(lesson: str) -> str:
    return source(lesson).read_text(encoding="utf-8")


def texts_in(language: str, lesson: str) -> Texts:
    """The texts of a lesson's exercise, in English where they are not written in this language."""
    file = JOBS / lesson / f"exercise.{language}.yml"
    if not file.is_file():
        return Texts()
    found = mapping_of(check_yaml(file), file)
    tasks = tuple(text_of(gap, "task", file, "gaps") for gap in found["gaps"])
    return Texts(text_of(found, "program", file), tasks, text_of(found, "here", file))


def with_gaps(source: str, filled: Mapping[int, str] | None = None, texts: Texts | None = None) -> str:
    """A program as students get it: each solution is replaced by a line that says the gap is open.

    Args:
        filled: gap's number, from 1 -> lines to put there instead, not indented. Gaps that are not named are open.
        texts: what it says in another language than English.
    """
    number, texts = 0, texts or Texts()

    def replaced(found: re.Match[str]) -> str:
        nonlocal number
        number += 1
        indent, comment = found["indent"], found["comment"]
        if filled and number in filled:
            lines = textwrap.indent(textwrap.dedent(filled[number]).strip("\n") + "\n", indent)
        else:
            here = (texts.here or _HERE[comment]).format(len(found["lines"].splitlines()))
            lines = f"{indent}{comment} {here}\n" + (f"{indent}raise NotImplementedError\n" if comment == "#" else "")
        return lines if comment == "#" else f"-- BEGIN GAP {number}\n{lines}-- END GAP {number}\n"

    return _translated(_SOLUTION.sub(replaced, source), texts)


def _translated(program: str, texts: Texts) -> str:
    """A program with its tasks, and what it is about, in another language where there are such texts."""

    def task_in(found: re.Match[str]) -> str:
        task = texts.tasks[int(found["number"]) - 1]
        return found["indent"] + '"""' + textwrap.indent(task.rstrip(), found["indent"]).strip() + found["end"]

    def sql_task(found: re.Match[str]) -> str:
        return _as_comment(texts.tasks[int(found["number"]) - 1])

    if texts.tasks:
        program = _SQL_TASK.sub(sql_task, _TASK.sub(task_in, program))
    if texts.program:
        program = _ABOUT.sub(lambda _: f'"""{texts.program.strip()}\n"""', program, count=1)
        program = _SQL_ABOUT.sub(lambda _: _as_comment(texts.program), program, count=1)
    return program


def _as_comment(text: str) -> str:
    """A text as comments in SQL."""
    return textwrap.indent(f"{text.strip()}\n", "-- ", lambda line: True).replace("-- \n", "--\n")


def solutions(source: str) -> dict[int, str]:
    """The lines of each gap's solution, not indented, by the gap's number."""
    return {number: textwrap.dedent(one["lines"]) for number, one in enumerate(_SOLUTION.finditer(source), start=1)}


def load(lesson: str) -> dict[str, Any]:
    """A lesson's `exercise.yml`, checked.

    Raises:
        WrongRequest: the lesson has no exercise, or the file is not as it should be.
    """
    if lesson not in known_exercises():
        raise unknown("exercise", lesson, known_exercises(), usage="--job {}")
    file = JOBS / lesson / "exercise.yml"
    found = mapping_of(check_yaml(file), file)
    require_known(found, _KEYS, file)
    text_of(found, "title", file)
    text_of(found, "preset", file)
    gaps = found.get("gaps")
    if not isinstance(gaps, list):
        raise wrong_at(file, ("gaps",), "gaps is not a list", "write each gap as `- title: …` with its `help: …`")
    for number, gap in enumerate(gaps, start=1):
        require_known(mapping_of(gap, file, "gaps"), {"title", "help", "points", "needs"}, file, "gaps")
        text_of(gap, "title", file, "gaps")
        text_of(gap, "help", file, "gaps")
        _require_points(gap.get("points", 1), file)
        if any(needed not in range(1, number) for needed in gap.get("needs", [])):
            raise wrong_at(file, ("gaps",), f"gap {number} needs {gap['needs']}", "name gaps that come before it")
    number_of(found, "timeout", file, at_least=1)
    return found


def _require_points(points: Any, file: Path) -> None:
    """Refuse what is neither a gap's points nor the points of each assertion about it, of which there are some."""
    each = points if isinstance(points, list) else [points]
    if not all(type(one) is int and one >= 0 for one in each) or sum(each) < 1:
        fix = "write a whole number above 0, or one for each assertion in the order of the check: points: [1, 2]"
        raise wrong_at(file, ("gaps",), f"a gap's points are {points!r:.60}", fix)


def files(lesson: str, name: str, program: str) -> dict[str, str]:
    """The files of a student's folder `name` that holds this `program`, path -> text."""
    found = load(lesson)
    tables = found.get("tables", [])
    step = {"title": found["title"], "preset": found["preset"], "timeout": found["timeout"]}
    makes: dict[str, Any] = {kind: found[kind] for kind in _NEEDS if kind in found}
    described: dict[str, Any] = {"title": found["title"], **makes, "steps": {"exercise": step}}
    job = yaml.safe_dump(described, sort_keys=False)
    return {
        "__init__.py": "",
        "job.yml": f"exercise: {lesson}\n{renamed(job, like=lesson, name=name, tables=tables)}",
        source(lesson).name: renamed(program, like=lesson, name=name, tables=tables),
    }


def hand_out(lesson: str, name: str | None = None, to: str = ".", language: str = "en") -> Path:
    """Create the folder `to`/`name` with a lesson's exercise, its gaps open.

    Raises:
        WrongRequest: there is no such exercise or language, the name cannot be used, or there is such a folder.
    """
    gaps = load(lesson)["gaps"]
    if language not in LANGUAGES:
        raise unknown("language", language, LANGUAGES, usage="--language {}")
    name = name or f"my{lesson.removeprefix('lesson')}"
    require_free(name)
    program = with_gaps(text_of_program(lesson), texts=texts_in(language, lesson))
    target = create(name, to, files(lesson, name, program))
    say(f"{target}: the exercise of {lesson}, with {len(gaps)} gaps in {source(lesson).name}")
    typed = name if to == "." else shlex.quote(str(target))
    say(f"fill them in, one after another; then: invoke submit --job {typed}, and: invoke check --job {typed}")
    return target
