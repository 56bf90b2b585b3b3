"""Lessons and steps: the real ones load, and what is asked for is found or refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from streamlab.lessons import jobs
from streamlab.paths import JOBS

STEP = jobs.Step(job="lesson08", name="train", title="t", preset="ml", timeout=9, args={"algo": "lr", "folds": 1})


@pytest.mark.parametrize("name", jobs.known_jobs())
def test_every_job_is_whole(name: str) -> None:
    job = jobs.load(JOBS / name)
    presets = jobs.presets()
    assert {step.preset for step in job.steps} <= set(presets)
    assert all(step.job == name for step in job.steps)


def test_a_lesson_is_found_with_all_its_steps_in_order() -> None:
    job, steps = jobs.find("lesson08")
    assert (job.name, [step.name for step in steps]) == ("lesson08", ["train", "score"])
    assert steps == job.steps


def test_one_step_is_found() -> None:
    job, steps = jobs.find("lesson08/score")
    assert [step.full_name for step in steps] == ["lesson08/score"]
    assert len(job.steps) == 2


def test_a_folder_elsewhere_is_found_by_its_path(tmp_path: Path) -> None:
    shutil.copytree(JOBS / "lesson08", tmp_path / "mine")
    job, steps = jobs.find(str(tmp_path / "mine"))
    assert (job.name, job.folder, len(steps)) == ("mine", tmp_path / "mine", 2)
    _, (step,) = jobs.find(str(tmp_path / "mine" / "score"))
    assert step.full_name == "mine/score"


def test_inside_a_lesson_s_folder_another_lesson_is_still_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(JOBS / "lesson08", tmp_path / "mine")
    monkeypatch.chdir(tmp_path / "mine")
    assert jobs.find("lesson08")[0].folder == JOBS / "lesson08"


def test_an_unknown_job_is_answered_with_the_nearest(error_of: Callable) -> None:
    assert error_of(jobs.find, "lesson8") == (
        "error: no job named 'lesson8'\n"
        f"  known: {', '.join(jobs.known_jobs())}\n"
        "  fix: did you mean --job lesson08?"
    )  # fmt: skip


def test_an_unknown_step_is_answered_with_the_nearest(error_of: Callable) -> None:
    assert error_of(jobs.find, "lesson08/scores") == (
        "error: no step of lesson08 named 'scores'\n"
        "  known: score, train\n"
        "  fix: did you mean --job lesson08/score?"
    )  # fmt: skip


def test_a_folder_without_a_job_is_refused(tmp_path: Path, error_of: Callable) -> None:
    assert error_of(jobs.find, str(tmp_path)) == (
        f"error: {tmp_path} is not a job\n  {tmp_path} has no job.yml\n  fix: add a job.yml to it"
    )


def test_a_preset_is_found_by_its_name() -> None:
    assert (jobs.preset("ml").name, jobs.preset("ml").executor_cores) == ("ml", 2)


def test_an_unknown_preset_is_answered_with_the_nearest(error_of: Callable) -> None:
    assert error_of(jobs.preset, "strem") == (
        "error: no preset named 'strem'\n"
        "  known: batch, ml, store, stream, tiny\n"
        "  fix: did you mean --preset stream?"
    )  # fmt: skip


def test_an_argument_s_value_may_hold_an_equals_sign() -> None:
    assert jobs.arguments(STEP, ["algo=a=b", "folds=3"]) == {"algo": "a=b", "folds": "3"}
    assert jobs.arguments(STEP, []) == {}


def test_an_argument_without_a_value_is_refused(error_of: Callable) -> None:
    assert error_of(jobs.arguments, STEP, ["algo"]) == (
        "error: --set 'algo' has no value\n  expected key=value\n  fix: --set algo=…"
    )


def test_an_unknown_argument_is_answered_with_the_nearest(error_of: Callable) -> None:
    assert error_of(jobs.arguments, STEP, ["fold=3"]) == (
        "error: no argument of lesson08/train named 'fold'\n"
        "  known: algo, folds\n"
        "  fix: did you mean --set folds=3?"
    )  # fmt: skip


def test_jobs_are_listed_with_their_presets(capsys: pytest.CaptureFixture) -> None:
    jobs.show()
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "job preset what it does"
    assert "lesson08/train ml Fit a pipeline that predicts salaries, and save it on HDFS" in lines
    assert "ml 1024 MB, 1 1 x 1536 MB, 2 4" in lines


def test_a_file_that_is_not_python_is_refused_with_its_line(tmp_path: Path, error_of: Callable) -> None:
    (tmp_path / "fine.py").write_text("x = 1\n")
    jobs.require_python(tmp_path)
    (tmp_path / "exercise.py").write_text("x = [1,\n\ndef run(spark):\n    pass\n")
    text = error_of(jobs.require_python, tmp_path)
    assert text.startswith("error: exercise.py is not Python: ")
    assert "a bracket or a quote above it is not closed" in text
    (tmp_path / "exercise.py").write_bytes(b"x = 1\0")
    assert "exercise.py is not Python: " in error_of(jobs.require_python, tmp_path)


def test_a_job_may_need_an_optional_service(tmp_path: Path, error_of: Callable) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "count.py").touch()
    step = "{title: Count, preset: tiny, timeout: 60}"
    for services, said in (("[flink]", ""), ("[flnik]", "error: no optional service named 'flnik'")):
        text = f"title: Mine\nservices: {services}\nsteps:\n  count: {step}\n"
        (tmp_path / "mine" / "job.yml").write_text(text)
        if said:
            assert error_of(jobs.find, str(tmp_path / "mine")).startswith(said)
        else:
            assert jobs.find(str(tmp_path / "mine"))[0].services == ("flink",)


STEP_OF_SQL = "{title: Count, preset: tiny, timeout: 60}"


@pytest.mark.parametrize(
    ("services", "files", "said"),
    [
        ("services: [flink]", ["count_all.sql"], ""),
        ("services: [flink]", ["count_all.sql", "count_all.py"], "step count-all has both count_all.py and count_all"),
        ("", ["count_all.sql"], "count_all.sql needs a stack with Flink"),
        ("services: [flink]", [], "step count-all has no count_all.py"),
    ],
)
def test_a_step_may_be_a_script_for_flink(
    tmp_path: Path, error_of: Callable, services: str, files: list[str], said: str
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in files:
        (folder / name).touch()
    (folder / "job.yml").write_text(f"title: Mine\n{services}\nsteps:\n  count-all: {STEP_OF_SQL}\n")
    if said:
        assert said in error_of(jobs.find, str(folder))
    else:
        assert jobs.find(str(folder))[1][0].flink
    assert not jobs.find("lesson08")[1][0].flink
