"""Lessons, steps and presets: read from `jobs/`, and checked before anything is asked of a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from streamlab.errors import WrongRequest, unknown
from streamlab.inventory import SAFE_NAME, check_yaml
from streamlab.paths import JOBS
from streamlab.ui import say, table

PRESETS = JOBS / "presets.yml"


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
    tables: tuple[str, ...]
    steps: tuple[Step, ...]

    def step(self, name: str) -> Step:
        for step in self.steps:
            if step.name == name:
                return step
        raise unknown(f"step of {self.name}", name, (s.name for s in self.steps), usage=f"--job {self.name}/{{}}")


def known_jobs() -> list[str]:
    """Names of the folders below jobs/ that describe a job."""
    return sorted(path.parent.name for path in JOBS.glob("*/job.yml"))


def find(request: str) -> tuple[Job, tuple[Step, ...]]:
    """What ``--job`` asks for: ``lesson08``, ``lesson08/train``, or a path to a folder.

    Returns:
        The job and the steps that were meant: all of them, or the one that was named.
    """
    folder = Path(request).expanduser()
    if (folder / "job.yml").is_file():
        job = load(folder.resolve())
        return job, job.steps
    name, _, step = request.partition("/")
    if name not in known_jobs():
        if folder.is_dir():
            raise WrongRequest(f"{request} is no job", evidence=f"{folder} has no job.yml", fix="add a job.yml to it")
        raise unknown("job", request, known_jobs(), usage="--job {}")
    job = load(JOBS / name)
    return job, (job.step(step),) if step else job.steps


def load(folder: Path) -> Job:
    """Read and check one folder's job.yml."""
    file = folder / "job.yml"
    found = _mapping(check_yaml(file), file, "the file")
    _only(found, {"title", "topics", "tables", "steps"}, file)
    if not SAFE_NAME.fullmatch(folder.name):
        raise WrongRequest(
            f"a job cannot be called {folder.name!r}",
            evidence=str(folder),
            fix="use lower-case letters and digits, a letter first",
        )
    steps = _mapping(found.get("steps"), file, "steps")
    topics = _mapping(found.get("topics") or {}, file, "topics")
    for topic, settings in topics.items():
        _only(_mapping(settings, file, f"topics.{topic}"), {"partitions"}, file, inside=f"topics.{topic}")
    job = Job(
        name=folder.name,
        folder=folder,
        title=_text(found, "title", file),
        topics=topics,
        tables=tuple(found.get("tables") or ()),
        steps=tuple(_step(folder.name, name, values, file) for name, values in steps.items()),
    )
    if not job.steps:
        raise _wrong(file, "steps", "it names no step", "name at least one step")
    for step in job.steps:
        for needed in step.needs:
            job.step(needed)
        if not (folder / f"{step.name}.py").is_file():
            raise _wrong(
                file,
                f"  {step.name}:",
                f"step {step.name} has no {step.name}.py",
                f"write {folder.name}/{step.name}.py",
            )
    return job


def _step(job: str, name: str, values: Any, file: Path) -> Step:
    where = f"steps.{name}"
    values = _mapping(values, file, where)
    _only(values, {f.name for f in fields(Step)} - {"job", "name"}, file, inside=where)
    timeout = values.get("timeout", 600)
    if not isinstance(timeout, int) or timeout < 1:
        raise _wrong(file, "timeout:", f"{where}.timeout is {timeout!r}", "give seconds as a whole number")
    return Step(
        job=job,
        name=name,
        title=_text(values, "title", file, inside=where),
        preset=_text(values, "preset", file, inside=where),
        timeout=timeout,
        args=_mapping(values.get("args") or {}, file, f"{where}.args"),
        streaming=bool(values.get("streaming", False)),
        needs=tuple(values.get("needs") or ()),
    )


def presets(file: Path = PRESETS) -> dict[str, Preset]:
    """Every preset, by name."""
    found = _mapping(check_yaml(file), file, "the file")
    names = {f.name for f in fields(Preset)} - {"name"}
    made = {}
    for name, values in found.items():
        values = _mapping(values, file, name)
        _only(values, names, file, inside=name)
        for key in sorted(names):
            if not isinstance(values.get(key), int) or values[key] < 0:
                raise _wrong(file, f"{name}:", f"{name}.{key} is {values.get(key)!r}", "give a whole number")
        made[name] = Preset(name=name, **values)
    return made


def preset(name: str) -> Preset:
    """One preset by name."""
    known = presets()
    if name not in known:
        raise unknown("preset", name, known, usage="--preset {}")
    return known[name]


def arguments(step: Step, given: list[str]) -> dict[str, str]:
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


def _mapping(value: Any, file: Path, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        key = what.rpartition(".")[2]
        raise _wrong(file, f"{key}:", f"{what} is {type(value).__name__}, not a mapping", "write `name: value` lines")
    return value


def _only(values: Mapping[str, Any], allowed: set[str], file: Path, *, inside: str = "") -> None:
    for key in values:
        if key not in allowed:
            error = unknown("key", str(key), allowed)
            raise _wrong(
                file, f"{key}:", f"{inside or 'the file'} has the unknown key {key!r} ({error.evidence[0]})", error.fix
            )


def _text(values: Mapping[str, Any], key: str, file: Path, *, inside: str = "") -> str:
    value = values.get(key)
    if not isinstance(value, str) or not value.strip():
        near = f"{inside.rpartition('.')[2]}:" if inside else f"{key}:"
        raise _wrong(file, near, f"{inside or 'the file'} has no {key}", f"add `{key}: …`")
    return value


def _wrong(file: Path, near: str, what: str, fix: str) -> WrongRequest:
    """An error that names the file and the first line on which `near` stands."""
    lines = file.read_text(encoding="utf-8").splitlines()
    line = next((i for i, text in enumerate(lines, 1) if near.strip() in text), 1)
    return WrongRequest(f"{file.parent.name}/{file.name} cannot be used", evidence=f"{file}:{line}: {what}", fix=fix)


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
