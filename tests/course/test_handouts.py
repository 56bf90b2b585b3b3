"""Each handout is followed as a student would; those of optional services are, where a stack has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from handouts import HANDOUTS, commands, follow
from lab_runner import ROOT, LabRunner
from streamlab.lessons import jobs

EVERYWHERE = [handout for handout in HANDOUTS if not jobs.load(handout.parent).services]


def test_every_lesson_has_a_handout_with_commands() -> None:
    lessons = sorted(path.parent.name for path in (ROOT / "jobs").glob("*/job.yml"))
    assert [handout.parent.name for handout in HANDOUTS] == lessons
    assert all(commands(handout) for handout in HANDOUTS)


@pytest.mark.parametrize("handout", EVERYWHERE, ids=lambda path: path.parent.name)
def test_a_handout_works_as_it_is_written(lab: LabRunner, handout: Path) -> None:
    follow(lab, handout)
