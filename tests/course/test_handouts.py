"""Each handout is followed as a student would: every command of its ```sh blocks, in order, from the lesson's start,
typed on the edge node.

A line that ends in ``# fails`` must exit with another status than 0.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab_runner import ROOT, LabRunner

HANDOUTS = sorted((ROOT / "jobs").glob("*/README.md"))


def commands(handout: Path) -> list[str]:
    """The command lines of a handout's ```sh blocks, in order; comment lines are left out."""
    blocks = re.findall(r"^[ ]*```sh\n(.*?)^[ ]*```", handout.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    lines = [line.strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def test_every_lesson_has_a_handout_with_commands() -> None:
    lessons = sorted(path.parent.name for path in (ROOT / "jobs").glob("*/job.yml"))
    assert [handout.parent.name for handout in HANDOUTS] == lessons
    assert all(commands(handout) for handout in HANDOUTS)


@pytest.mark.parametrize("handout", HANDOUTS, ids=lambda path: path.parent.name)
def test_a_handout_works_as_it_is_written(lab: LabRunner, handout: Path) -> None:
    lab("reset", "--yes", "--job", handout.parent.name)
    for line in commands(handout):
        command, _, note = line.partition("  # ")
        command = command.replace("invoke reset", "invoke reset --yes")  # which a student is asked for
        ran = lab.run("shell", "--command", command)
        wanted = ran.code != 0 if note.startswith("fails") else ran.code == 0
        assert wanted, f"{line}\nexited {ran.code}\n{ran.out[-2000:]}\n{ran.err[-2000:]}"
