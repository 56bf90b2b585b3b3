"""JupyterLab on the edge node, and every starter notebook from its first cell to its last."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request

import pytest

from lab_runner import ROOT, LabRunner
from streamlab.lessons import jobs

STARTERS = sorted((ROOT / "jobs").glob("*/start.ipynb"))


@pytest.fixture(scope="module")
def address(lab: LabRunner) -> str:
    """Where JupyterLab answers, with its token."""
    return lab("notebook").strip()


def test_every_lesson_has_a_starter() -> None:
    everywhere = [path.parent for path in (ROOT / "jobs").glob("*/job.yml") if not jobs.load(path.parent).services]
    lessons = sorted(folder.name for folder in everywhere)
    assert [starter.parent.name for starter in STARTERS] == lessons


def test_it_answers_with_its_token_and_not_without(address: str) -> None:
    base, token = re.fullmatch(r"(\S+/)lab\?token=(\S+)", address).groups()
    assert base.startswith("http://127.0.0.1:")
    with urllib.request.urlopen(f"{base}api/kernelspecs?token={token}", timeout=20) as answer:
        assert "python3" in json.load(answer)["kernelspecs"]
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{base}api/kernelspecs", timeout=20)


def test_starting_it_again_gives_the_same_address(lab: LabRunner, address: str) -> None:
    assert lab("notebook").strip() == address


@pytest.mark.parametrize("lesson", [starter.parent.name for starter in STARTERS])
def test_a_starter_runs_to_its_end(lab: LabRunner, address: str, lesson: str) -> None:
    lab("submit", "--job", lesson)  # what it opens is what the lesson has made
    lab.inside(f"cd notebooks && PYTHONPATH=~/lessons jupyter execute {lesson}.ipynb", seconds=600)
