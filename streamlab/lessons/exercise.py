"""Exercises: a lesson's program with gaps, made from the same program with the solutions in it.

In a lesson's `exercise.py` the lines between `# BEGIN SOLUTION` and `# END SOLUTION` are what a student writes, as in
nbgrader, which marks them so in notebooks; there is one pair for each gap of `exercise.yml`, in the same order.
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

_SOLUTION = re.compile(r"^(?P<indent> *)# BEGIN SOLUTION\n(?P<lines>.*?)^ *# END SOLUTION\n", re.MULTILINE | re.DOTALL)
#: A gap's task, and what the program is about: both are docstrings.
_TASK = re.compile(r'(?<=\n)(?P<indent> +)"""Gap (?P<number>\d+)\..*?(?P<end>(?:\n *)?""")', re.DOTALL)
_ABOUT = re.compile(r'\A""".*?"""', re.DOTALL)
#: What a job needs of the stack, which an exercise's job.yml says as its exercise.yml does.
_NEEDS = ("topics", "groups", "tables", "services")
_KEYS = {"title", "preset", "timeout", "gaps", *_NEEDS}


@dataclass(frozen=True)
class Texts:
    """What an exercise says in one language.

    Args:
        program: what the program is about; empty to leave the English text.
        tasks: each gap's task, in their order.
        here: stands in an open gap; has a place for the number of lines.
    """

    program: str = ""
    tasks: tuple[str, ...] = ()
    here: str = "Your code instead of the next line; lines: {}."


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
        indent = found["indent"]
        if filled and number in filled:
            return textwrap.indent(textwrap.dedent(filled[number]).strip("\n") + "\n", indent)
        here = texts.here.format(len(found["lines"].splitlines()))
        return f"{indent}# {here}\n{indent}raise NotImplementedError\n"

    def translated(found: re.Match[str]) -> str:
        task = texts.tasks[int(found["number"]) - 1]
        return found["indent"] + '"""' + textwrap.indent(task.rstrip(), found["indent"]).strip() + found["end"]

    program = _SOLUTION.sub(replaced, source)
    if texts.tasks:
        program = _TASK.sub(translated, program)
    if texts.program:
        program = _ABOUT.sub(lambda _: f'"""{texts.program.strip()}\n"""', program, count=1)
    return program


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
    for gap in gaps:
        require_known(mapping_of(gap, file, "gaps"), {"title", "help", "points"}, file, "gaps")
        text_of(gap, "title", file, "gaps")
        text_of(gap, "help", file, "gaps")
        _require_points(gap.get("points", 1), file)
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
        "exercise.py": renamed(program, like=lesson, name=name, tables=tables),
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
    source = (JOBS / lesson / "exercise.py").read_text(encoding="utf-8")
    target = create(name, to, files(lesson, name, with_gaps(source, texts=texts_in(language, lesson))))
    say(f"{target}: the exercise of {lesson}, with {len(gaps)} gaps in exercise.py")
    typed = name if to == "." else shlex.quote(str(target))
    say(f"fill them in, one after another; then: invoke submit --job {typed}, and: invoke check --job {typed}")
    return target
