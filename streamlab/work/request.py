"""What one submit was asked to do, checked without a cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from streamlab.errors import WrongRequest
from streamlab.lessons import jobs
from streamlab.lessons.jobs import Job, Preset, Step


@dataclass(frozen=True)
class Request:
    """Everything that was asked of one submit, checked."""

    job: Job
    steps: tuple[Step, ...]
    presets: Mapping[str, Preset]
    args: Mapping[str, Mapping[str, str]]
    continuous: bool
    detach: bool
    #: A job of the same name that makes what the steps need, where the lab's programs do not trust the job's own files.
    prepared_by: Job | None = None
    #: From which an exercise's data is made; None for the student's own.
    seed: int | None = None

    @property
    def what(self) -> str:
        """What runs, as messages have it: the job, or its one step."""
        return self.job.name if len(self.steps) > 1 else self.steps[0].full_name


def request(
    job: str,
    *,
    preset: str | None = None,
    given: Sequence[str] = (),
    continuous: bool = False,
    detach: bool = False,
    resources: Mapping[str, Any] = MappingProxyType({}),
) -> Request:
    """Check what was asked, without a cluster.

    Args:
        resources: single values that replace those of each step's preset, for example ``{"executor_memory_mb": 2048}``;
            None leaves the preset's.
    """
    found, steps = jobs.find(job)
    jobs.require_python(found.folder)
    options = {key: f"--{key.removesuffix('_mb').replace('_', '-')}" for key in resources}
    values: dict[str, Any] = {
        key: positive(options[key], value) for key, value in resources.items() if value is not None
    }
    presets = {step.name: replace(jobs.preset(preset or step.preset), **values) for step in steps}
    if detach and len(steps) > 1:
        raise WrongRequest(
            f"{found.name} has {len(steps)} steps that follow one another, so it cannot run detached",
            evidence=f"steps: {', '.join(step.name for step in steps)}",
            fix=f"name one: --job {steps[-1].full_name} --detach",
        )
    if continuous and not any(step.streaming for step in steps):
        raise WrongRequest(
            f"{job} has no stream to continue",
            evidence=f"steps: {', '.join(s.name for s in steps)}",
            fix="leave out --continuous",
        )
    args = {
        step.name: jobs.arguments(step, [item for item in given if _meant_for(item, step, steps)]) for step in steps
    }
    # A script of Flink's says itself whether what it reads has an end, and no option changes that.
    endless = any(step.streaming and step.flink for step in steps)
    return Request(found, steps, presets, args, continuous or endless, detach)


def positive(option: str, value: Any) -> int:
    """An option's value as a number above 0."""
    try:
        number = int(value)
    except ValueError:
        number = 0
    if number < 1:
        raise WrongRequest(f"{option} {value} is not a whole number above 0", fix=f"write a number, as in {option} 2")
    return number


def _meant_for(item: str, step: Step, steps: Sequence[Step]) -> bool:
    """An argument goes to the steps that know it; one that none knows goes to all, where it is refused."""
    key = item.partition("=")[0]
    knowing = [s for s in steps if key in s.args]
    return step in knowing or not knowing
