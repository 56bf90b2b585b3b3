"""What a command line asks for: a lesson, perhaps a step, and its arguments, read against the lesson's `job.yml`.

`job.yml` is validated in full by the control program before a bundle exists; here it is only read.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from importlib.resources import files
from types import ModuleType
from typing import Any

import yaml

from common.errors import WrongRequest, unknown
from common.settings import Arg, LabInfo, Settings


@dataclass(frozen=True)
class Step:
    """One job of a lesson. `timeout` is in seconds; `args` are defaults that `--set` may override."""

    name: str
    title: str
    preset: str
    timeout: int
    args: Mapping[str, Arg] = field(default_factory=dict)
    streaming: bool = False
    needs: tuple[str, ...] = ()
    optional: bool = False


@dataclass(frozen=True)
class Job:
    """A lesson as its `job.yml` describes it. `topics` maps a topic's name to its number of partitions."""

    lesson: str
    title: str
    topics: Mapping[str, int]
    groups: tuple[str, ...]
    tables: tuple[str, ...]
    #: The lesson whose exercise it is, which knows its data and its check; empty for any other job.
    exercise: str
    steps: Mapping[str, Step]

    def arguments(self, step: str) -> dict[str, Arg]:
        """The default arguments of `step`, or of all steps together when it is empty."""
        steps = [self.steps[step]] if step else self.steps.values()
        return {key: value for one in steps for key, value in one.args.items()}


def resource(lesson: str, name: str) -> str | None:
    """The text of a file beside the lesson's modules, also from within a zip; None when there is none."""
    try:
        return files(lesson).joinpath(name).read_text(encoding="utf-8")
    except ModuleNotFoundError as error:
        if error.name != lesson:
            raise
        raise WrongRequest(f"no lesson named {lesson!r} in this bundle") from error
    except FileNotFoundError:
        return None


def module(lesson: str, name: str) -> ModuleType | None:
    """The lesson's module `name`; None when the lesson has none, but never hides an import that fails inside it.

    A step's name may have hyphens, a module's may not: `broken-offsets` stands in `broken_offsets.py`.
    """
    name = name.replace("-", "_")
    try:
        return import_module(f"{lesson}.{name}")
    except ModuleNotFoundError as error:
        if error.name in (lesson, f"{lesson}.{name}"):
            return None
        raise


def own(kind: str, lesson: str, exercise: str) -> ModuleType | None:
    """The module with a job's own "check" or "prepare". An exercise has both in one module of its lesson."""
    return module(exercise, "exercise_check") if exercise else module(lesson, kind)


def load_job(lesson: str) -> Job:
    text = resource(lesson, "job.yml")
    if text is None:
        raise WrongRequest(f"{lesson} has no job.yml")
    raw = yaml.safe_load(text)
    return Job(
        lesson=lesson,
        title=raw["title"],
        topics={name: topic["partitions"] for name, topic in (raw.get("topics") or {}).items()},
        groups=tuple(raw.get("groups") or ()),
        tables=tuple(raw.get("tables") or ()),
        exercise=raw.get("exercise") or "",
        steps={name: _step(name, step) for name, step in raw["steps"].items()},
    )


def _step(name: str, raw: Mapping[str, Any]) -> Step:
    return Step(
        name=name,
        title=raw["title"],
        preset=raw["preset"],
        timeout=raw["timeout"],
        args=dict(raw.get("args") or {}),
        streaming=bool(raw.get("streaming", False)),
        needs=tuple(raw.get("needs") or ()),
        optional=bool(raw.get("optional", False)),
    )


def overridden(defaults: Mapping[str, Arg], changes: Sequence[str]) -> dict[str, Arg]:
    """`defaults` with each "key=value" of `changes` applied, the value read as the default's type."""
    args = dict(defaults)
    for change in changes:
        key, sign, text = change.partition("=")
        if not sign:
            raise WrongRequest(f"not an argument: {change!r}", fix="write it as --set key=value")
        if key not in defaults:
            raise unknown("argument", key, defaults, usage="--set {}=…")
        args[key] = _typed(key, text, like=defaults[key])
    return args


def _typed(key: str, text: str, *, like: Arg) -> Arg:
    if isinstance(like, bool):
        if text.lower() not in ("true", "false"):
            raise WrongRequest(f"{key} is true or false, not {text!r}", fix=f"--set {key}={str(not like).lower()}")
        return text.lower() == "true"
    try:
        return type(like)(text)
    except ValueError:
        raise WrongRequest(f"{key} is a number such as {like}, not {text!r}", fix=f"--set {key}={like}") from None


def parse_target(target: str, job: Job | None = None) -> tuple[str, str]:
    """Split "lesson08/score" into lesson and step; the step is empty when only a lesson is named."""
    lesson, _, step = target.partition("/")
    if job and step and step not in job.steps:
        raise unknown("step", step, job.steps, usage=lesson + "/{}")
    return lesson, step


def parse(argv: Sequence[str], *, prog: str) -> argparse.Namespace:
    """The command line that all runnable modules share: TARGET [--set key=value]… and a few words more."""
    parser = argparse.ArgumentParser(prog=prog, allow_abbrev=False)
    parser.add_argument("target", help="lesson08 or lesson08/score")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="changes")
    parser.add_argument("--continuous", action="store_true", help="keep a stream running until it is asked to stop")
    parser.add_argument("--seed", type=int, help="an exercise's data is made from this instead of the student's name")
    parser.add_argument("--typed", default="", help="what --job was given, where that was a folder's path")
    return parser.parse_args(argv)


def settings_from(arguments: argparse.Namespace, info: LabInfo) -> tuple[Job, Settings]:
    """The job and the settings that a parsed command line asks for."""
    job = load_job(parse_target(arguments.target)[0])
    lesson, step = parse_target(arguments.target, job)
    args = overridden(job.arguments(step), arguments.changes)
    return job, Settings(
        info=info if arguments.seed is None else replace(info, seed=arguments.seed),
        lesson=lesson,
        step=step,
        args=args,
        topics=tuple(job.topics),
        tables=job.tables,
        continuous=arguments.continuous,
        typed=arguments.typed,
        exercise=job.exercise,
    )
