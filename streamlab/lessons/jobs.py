"""Lessons, steps and presets: read from `jobs/`, and checked before anything is asked of a cluster."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from streamlab.errors import WrongRequest, unknown
from streamlab.paths import JOBS
from streamlab.students.problems import SAFE_NAME
from streamlab.students.services import OPTIONAL
from streamlab.ui import say, table
from streamlab.yamlfile import check_yaml, flag_of, mapping_of, names_of, number_of, require_known, text_of, wrong_at

PRESETS = JOBS / "presets.yml"
#: The name of a step: a module's, perhaps with hyphens.
STEP_NAME = re.compile(r"[a-z][a-z0-9_-]*")

#: What is imported beside a job, by Spark, by the lab or by the job itself, and is no part of Python.
PACKAGES = {
    "cassandra", "common", "cqlshlib", "edge", "happybase", "kafka", "matplotlib", "numpy", "pandas", "py4j", "pyarrow",
    "pyspark", "pytest", "thriftpy2", "yaml",
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
    #: Whether it is a script in Flink's SQL, MODULE.sql; else it is a program for Spark, MODULE.py.
    flink: bool = False

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
    #: The lesson whose exercise it is; empty for any other job.
    exercise: str = ""
    #: The optional services that a stack must have for it.
    services: tuple[str, ...] = ()

    @property
    def has_check(self) -> bool:
        return bool(self.exercise) or (self.folder / "check.py").is_file()

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


def known_exercises() -> list[str]:
    """Names of the lessons that have an exercise."""
    return sorted(path.parent.name for path in JOBS.glob("*/exercise.yml"))


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
            raise WrongRequest(
                f"{request} is not a job", evidence=f"{folder} has no job.yml", fix="add a job.yml to it"
            )
        raise unknown("job", request, known_jobs(), usage="--job {}")
    job = load(JOBS / name)
    return job, (job.step(step),) if step else _usual(job)


def _usual(job: Job) -> tuple[Step, ...]:
    """The steps that run when a job is named without one."""
    return tuple(step for step in job.steps if not step.optional)


def load(folder: Path) -> Job:
    """Read and check one folder's job.yml."""
    file = folder / "job.yml"
    found = mapping_of(check_yaml(file), file)
    require_known(found, {"title", "topics", "groups", "tables", "steps", "exercise", "services"}, file)
    if not SAFE_NAME.fullmatch(folder.name):
        raise WrongRequest(
            f"a job cannot be called {folder.name!r}",
            evidence=str(folder),
            fix="use lower-case letters and digits, a letter first",
        )
    if hides_a_package(folder.name):
        raise WrongRequest(
            f"a job cannot be called {folder.name!r}",
            evidence="programs that import a package of that name would get the job instead",
            fix=f"rename the folder {folder}",
        )
    steps = mapping_of(found.get("steps"), file, "steps")
    topics = mapping_of(found.get("topics") or {}, file, "topics")
    for topic, settings in topics.items():
        require_known(mapping_of(settings, file, "topics", topic), {"partitions"}, file, "topics", topic)
        number_of(settings, "partitions", file, "topics", topic, at_least=1)
    job = Job(
        name=folder.name,
        folder=folder,
        title=text_of(found, "title", file),
        topics=topics,
        groups=names_of(found, "groups", file),
        tables=names_of(found, "tables", file),
        steps=tuple(_step(folder, name, values, file) for name, values in steps.items()),
        exercise=text_of(found, "exercise", file) if "exercise" in found else "",
        services=names_of(found, "services", file),
    )
    for service in job.services:
        if service not in OPTIONAL:
            raise unknown("optional service", service, OPTIONAL, usage="services: [{}]")
    if job.exercise and job.exercise not in known_exercises():
        raise unknown("exercise", job.exercise, known_exercises())
    if not job.steps:
        raise wrong_at(file, ("steps",), "it names no step", "name at least one step")
    for step in job.steps:
        for needed in step.needs:
            job.step(needed)
        _require_program(job, step, file)
    return job


def _require_program(job: Job, step: Step, file: Path) -> None:
    """Refuse a step without a program, or with two, or whose program's engine the job does not ask for."""
    at = ("steps", step.name)
    if (job.folder / f"{step.module}.py").is_file():
        if step.flink:
            there = f"{step.module}.py and {step.module}.sql"
            raise wrong_at(file, at, f"step {step.name} has both {there}", "rename the one that is no step")
    elif not step.flink:
        raise wrong_at(
            file, at, f"step {step.name} has no {step.module}.py", f"write {job.folder.name}/{step.module}.py"
        )
    elif "flink" not in job.services:
        raise wrong_at(file, at, f"{step.module}.sql needs a stack with Flink", "add a line: services: [flink]")


def _step(folder: Path, name: str, values: Any, file: Path) -> Step:
    at = ("steps", name)
    if not STEP_NAME.fullmatch(name):
        raise wrong_at(
            file, at, f"a step cannot be called {name!r}", "use lower-case letters, digits and -, a letter first"
        )
    values = mapping_of(values, file, *at)
    require_known(values, {f.name for f in fields(Step)} - {"job", "name", "flink"}, file, *at)
    return Step(
        job=folder.name,
        name=name,
        title=text_of(values, "title", file, *at),
        preset=text_of(values, "preset", file, *at),
        timeout=number_of(values, "timeout", file, *at, at_least=1),
        args=mapping_of(values.get("args") or {}, file, *at, "args"),
        streaming=flag_of(values, "streaming", file, *at),
        needs=names_of(values, "needs", file, *at),
        optional=flag_of(values, "optional", file, *at),
        flink=(folder / f"{name.replace('-', '_')}.sql").is_file(),
    )


def presets(file: Path = PRESETS) -> dict[str, Preset]:
    """Every preset, by name."""
    found = mapping_of(check_yaml(file), file)
    names = {f.name for f in fields(Preset)} - {"name"}
    made = {}
    for name, values in found.items():
        values = mapping_of(values, file, name)
        require_known(values, names, file, name)
        for key in sorted(names):
            number_of(values, key, file, name, at_least=0)
        made[name] = Preset(name=name, **values)
    return made


def require_python(folder: Path) -> None:
    """Refuse a job with a file that Python cannot read, before anything of an earlier run is deleted for it.

    Raises:
        WrongRequest: with the line.
    """
    for file in sorted(folder.glob("*.py")):
        try:
            compile(file.read_bytes(), file.name, "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            number, line = getattr(error, "lineno", None), getattr(error, "text", None) or ""
            raise WrongRequest(
                f"{file.name} is not Python: {getattr(error, 'msg', None) or error}",
                evidence=f"line {number}: {line.strip()}" if number else str(file),
                fix="correct it; where that line looks right, a bracket or a quote above it is not closed",
            ) from None


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
