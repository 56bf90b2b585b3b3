"""Lessons, steps and presets: read from `jobs/`, and checked before anything is asked of a cluster."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from streamlab.errors import WrongRequest, unknown
from streamlab.paths import JOBS
from streamlab.students.problems import SAFE_NAME
from streamlab.ui import say, table
from streamlab.yamlfile import check_yaml

PRESETS = JOBS / "presets.yml"

#: What is imported beside a job, by Spark, by the lab or by the job itself, and is no part of Python.
PACKAGES = {
    "cassandra", "common", "cqlshlib", "edge", "kafka", "matplotlib", "numpy", "pandas", "py4j", "pyarrow", "pyspark",
    "pytest", "yaml",
}  # fmt: skip


@dataclass(frozen=True)
class Preset:
    """Named resources of one application: memory in MB, cores as YARN's vcores."""

    name: str
    driver_memory_mb: int
    driver_cores: int
    executors: int
    executor_memory_mb: int
    executor_cores: int
    overhead_mb: int
    shuffle_partitions: int


@dataclass(frozen=True)
class Step:
    """One job of a lesson."""

    job: str
    name: str
    title: str
    preset: str
    timeout: int
    args: Mapping[str, Any] = field(default_factory=dict)
    streaming: bool = False
    needs: tuple[str, ...] = ()
    #: Runs only when it is named: a mistake to look at, or a variant.
    optional: bool = False

    @property
    def module(self) -> str:
        """The Python module that holds it; a module's name has no hyphens."""
        return self.name.replace("-", "_")

    @property
    def full_name(self) -> str:
        return f"{self.job}/{self.name}"


@dataclass(frozen=True)
class Job:
    """A lesson, or a folder of the same shape: what it needs and its steps, in order."""

    name: str
    folder: Path
    title: str
    topics: Mapping[str, Mapping[str, Any]]
    groups: tuple[str, ...]
    tables: tuple[str, ...]
    steps: tuple[Step, ...]

    @property
    def typed(self) -> str:
        """What `--job` is given for it: a lesson's name, or the path of a folder elsewhere."""
        return self.name if self.folder == JOBS / self.name else shlex.quote(str(self.folder))

    def step(self, name: str) -> Step:
        for step in self.steps:
            if step.name == name:
                return step
        raise unknown(f"step of {self.name}", name, (s.name for s in self.steps), usage=f"--job {self.name}/{{}}")


def hides_a_package(name: str) -> bool:
    """Whether a job of this name would be imported in the place of something else: its bundle comes first."""
    return name in sys.stdlib_module_names or name in PACKAGES


def known_jobs() -> list[str]:
    """Names of the folders below jobs/ that describe a job."""
    return sorted(path.parent.name for path in JOBS.glob("*/job.yml"))


def find(request: str) -> tuple[Job, tuple[Step, ...]]:
    """What ``--job`` asks for: ``lesson08``, ``lesson08/train``, or a path to a folder, or to a step in it.

    Returns:
        The job and the steps that were meant: all of them, or the one that was named.
    """
    folder = Path(request).expanduser()
    if (folder / "job.yml").is_file():
        job = load(folder.resolve())
        return job, _usual(job)
    if "/" in request and (folder.parent / "job.yml").is_file():
        job = load(folder.parent.resolve())
        return job, (job.step(folder.name),)
    name, _, step = request.partition("/")
    if name not in known_jobs():
        if folder.is_dir():
            raise WrongRequest(f"{request} is no job", evidence=f"{folder} has no job.yml", fix="add a job.yml to it")
        raise unknown("job", request, known_jobs(), usage="--job {}")
    job = load(JOBS / name)
    return job, (job.step(step),) if step else _usual(job)


def _usual(job: Job) -> tuple[Step, ...]:
    """The steps that run when a job is named without one."""
    return tuple(step for step in job.steps if not step.optional)


def load(folder: Path) -> Job:
    """Read and check one folder's job.yml."""
    file = folder / "job.yml"
    found = _mapping(check_yaml(file), file)
    _only(found, {"title", "topics", "groups", "tables", "steps"}, file)
    if not SAFE_NAME.fullmatch(folder.name):
        raise WrongRequest(
            f"a job cannot be called {folder.name!r}",
            evidence=str(folder),
            fix="use lower-case letters and digits, a letter first",
        )
    if hides_a_package(folder.name):
        raise WrongRequest(
            f"a job cannot be called {folder.name!r}",
            evidence="programs import a package of that name, and would be given the job",
            fix=f"rename the folder {folder}",
        )
    steps = _mapping(found.get("steps"), file, "steps")
    topics = _mapping(found.get("topics") or {}, file, "topics")
    for topic, settings in topics.items():
        _only(_mapping(settings, file, "topics", topic), {"partitions"}, file, "topics", topic)
        _number(settings, "partitions", file, "topics", topic, at_least=1)
    job = Job(
        name=folder.name,
        folder=folder,
        title=_text(found, "title", file),
        topics=topics,
        groups=_names(found, "groups", file),
        tables=_names(found, "tables", file),
        steps=tuple(_step(folder.name, name, values, file) for name, values in steps.items()),
    )
    if not job.steps:
        raise _wrong(file, ("steps",), "it names no step", "name at least one step")
    for step in job.steps:
        for needed in step.needs:
            job.step(needed)
        if not (folder / f"{step.module}.py").is_file():
            raise _wrong(
                file,
                ("steps", step.name),
                f"step {step.name} has no {step.module}.py",
                f"write {folder.name}/{step.module}.py",
            )
    return job


def _step(job: str, name: str, values: Any, file: Path) -> Step:
    at = ("steps", name)
    values = _mapping(values, file, *at)
    _only(values, {f.name for f in fields(Step)} - {"job", "name"}, file, *at)
    return Step(
        job=job,
        name=name,
        title=_text(values, "title", file, *at),
        preset=_text(values, "preset", file, *at),
        timeout=_number(values, "timeout", file, *at, at_least=1),
        args=_mapping(values.get("args") or {}, file, *at, "args"),
        streaming=bool(values.get("streaming", False)),
        needs=_names(values, "needs", file, *at),
        optional=bool(values.get("optional", False)),
    )


def presets(file: Path = PRESETS) -> dict[str, Preset]:
    """Every preset, by name."""
    found = _mapping(check_yaml(file), file)
    names = {f.name for f in fields(Preset)} - {"name"}
    made = {}
    for name, values in found.items():
        values = _mapping(values, file, name)
        _only(values, names, file, name)
        for key in sorted(names):
            _number(values, key, file, name, at_least=0)
        made[name] = Preset(name=name, **values)
    return made


def preset(name: str) -> Preset:
    """One preset by name."""
    known = presets()
    if name not in known:
        raise unknown("preset", name, known, usage="--preset {}")
    return known[name]


def arguments(step: Step, given: Sequence[str]) -> dict[str, str]:
    """The arguments given as ``key=value``, each of which the step must know."""
    made = {}
    for item in given:
        key, equals, value = item.partition("=")
        if not equals:
            raise WrongRequest(f"--set {item!r} has no value", evidence="expected key=value", fix=f"--set {key}=…")
        if key not in step.args:
            raise unknown(f"argument of {step.full_name}", key, step.args, usage="--set {}=" + value)
        made[key] = value
    return made


def _mapping(value: Any, file: Path, *at: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        what = f"{_dotted(at)} is {type(value).__name__}, not a mapping"
        raise _wrong(file, at, what, "write `name: value` lines")
    return value


def _only(values: Mapping[str, Any], allowed: set[str], file: Path, *at: str) -> None:
    for key in values:
        if key not in allowed:
            error = unknown("key", str(key), allowed)
            what = f"{_dotted(at)} has the unknown key {key!r} ({error.evidence[0]})"
            raise _wrong(file, (*at, str(key)), what, error.fix)


def _text(values: Mapping[str, Any], key: str, file: Path, *at: str) -> str:
    value = values.get(key)
    if not isinstance(value, str) or not value.strip():
        raise _wrong(file, (*at, key), f"{_dotted(at)} has no {key}", f"add `{key}: …`")
    return value


def _number(values: Mapping[str, Any], key: str, file: Path, *at: str, at_least: int) -> int:
    value = values.get(key)
    if not isinstance(value, int) or value < at_least:
        what = f"{_dotted((*at, key))} is {value!r}"
        raise _wrong(file, (*at, key), what, f"give a whole number, {at_least} or more")
    return value


def _names(values: Mapping[str, Any], key: str, file: Path, *at: str) -> tuple[str, ...]:
    value = values.get(key) or []
    if not isinstance(value, list):
        raise _wrong(file, (*at, key), f"{_dotted((*at, key))} is {value!r}, not a list", f"write `{key}: [{value}]`")
    return tuple(value)


def _dotted(at: Sequence[str]) -> str:
    return ".".join(at) or "the file"


def _wrong(file: Path, at: Sequence[str], what: str, fix: str) -> WrongRequest:
    """An error that names the file, and the line of the key at the path `at`."""
    where = f"{file}:{_line(file, at)}"
    return WrongRequest(f"{file.parent.name}/{file.name} cannot be used", evidence=f"{where}: {what}", fix=fix)


def _line(file: Path, at: Sequence[str]) -> int:
    """The line of the key at the path `at`, or of the last key above it that is there."""
    node, line = yaml.compose(file.read_text(encoding="utf-8")), 1
    for key in at:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        found = next(((name, value) for name, value in pairs if name.value == key), None)
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return line


def show() -> None:
    """Print every lesson with its steps, and every preset with its resources."""
    lessons = [load(JOBS / name) for name in known_jobs()]
    rows = [[step.full_name, step.preset, step.title] for job in lessons for step in job.steps]
    say(table(["job", "preset", "what it does"], rows))
    made = [
        [
            p.name,
            f"{p.driver_memory_mb} MB, {p.driver_cores}",
            f"{p.executors} x {p.executor_memory_mb} MB, {p.executor_cores}",
            str(p.shuffle_partitions),
        ]
        for p in presets().values()
    ]
    say("\n" + table(["preset", "driver (heap, cores)", "executors (heap, cores)", "shuffle partitions"], made))
