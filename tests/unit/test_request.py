"""What `invoke submit` is asked, checked without a cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamlab.lessons import jobs
from streamlab.work import request as requests


def request(job: str = "lesson08", **changes: Any) -> requests.Request:
    asked = {"preset": None, "given": [], "continuous": False, "detach": False, "resources": {}, **changes}
    return requests.request(job, **asked)


def test_a_lesson_is_all_its_steps_with_their_own_presets() -> None:
    asked = request()
    assert [step.full_name for step in asked.steps] == ["lesson08/train", "lesson08/score"]
    assert asked.presets == {"train": jobs.preset("ml"), "score": jobs.preset("ml")}
    assert asked.args == {"train": {}, "score": {}}


def test_another_preset_is_for_every_step() -> None:
    assert request(preset="tiny").presets == {"train": jobs.preset("tiny"), "score": jobs.preset("tiny")}


def test_single_resources_replace_those_of_each_step_s_preset(tree: Callable) -> None:
    steps = "".join(f"  {preset}: {{title: t, preset: {preset}, timeout: 9}}\n" for preset in ("tiny", "stream"))
    folder = tree({"two/job.yml": f"title: t\nsteps:\n{steps}", "two/tiny.py": "", "two/stream.py": ""}) / "two"
    presets = request(str(folder), resources={"executor_memory_mb": 2048}).presets
    assert {name: (p.driver_memory_mb, p.executor_memory_mb) for name, p in presets.items()} == {
        "tiny": (jobs.preset("tiny").driver_memory_mb, 2048),
        "stream": (jobs.preset("stream").driver_memory_mb, 2048),
    }


def test_an_argument_goes_only_to_the_step_that_knows_it() -> None:
    assert request(given=["algo=rf", "per_batch=5"]).args == {"train": {"algo": "rf"}, "score": {"per_batch": "5"}}


def test_an_argument_that_no_step_knows_is_refused(error_of: Callable) -> None:
    assert error_of(request, given=["allgo=rf"]) == (
        "error: no argument of lesson08/train named 'allgo'\n"
        "  known: algo, folds\n"
        "  fix: did you mean --set algo=rf?"
    )  # fmt: skip


def test_an_argument_of_another_step_is_refused(error_of: Callable) -> None:
    text = error_of(request, "lesson08/score", given=["algo=rf"])
    assert text.startswith("error: no argument of lesson08/score named 'algo'\n  known: per_batch\n")


def test_steps_that_follow_one_another_cannot_be_left_alone(error_of: Callable) -> None:
    assert error_of(request, detach=True) == (
        "error: lesson08 has 2 steps that follow one another, so it cannot run detached\n"
        "  steps: train, score\n"
        "  fix: name one: --job lesson08/score --detach"
    )
    assert request("lesson08/score", detach=True).detach


def test_only_a_stream_can_be_continued(error_of: Callable) -> None:
    assert error_of(request, "lesson08/train", continuous=True) == (
        "error: lesson08/train has no stream to continue\n  steps: train\n  fix: leave out --continuous"
    )
    assert request(continuous=True).continuous


def test_an_unknown_preset_is_refused(error_of: Callable) -> None:
    assert "\n  fix: did you mean --preset ml?" in error_of(request, preset="mll")
