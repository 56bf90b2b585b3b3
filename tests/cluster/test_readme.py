"""What README shows is what one gets: every console block is run, and its lines are looked for in the output."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass

import pytest

from lab_runner import ROOT, LabRunner

#: What differs from run to run: numbers, hashes, ids. Everything else must be as shown.
VARYING = re.compile(r"\b[0-9a-f]{12,}\b|\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|-?\d+(\.\d+)*")


@dataclass(frozen=True)
class Shown:
    """One console block: a command line, and the lines that README shows for it."""

    command: str
    lines: tuple[str, ...]


def shown() -> list[Shown]:
    blocks = re.findall(r"```console\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    return [Shown(first.removeprefix("$ "), tuple(rest)) for first, *rest in (block.splitlines() for block in blocks)]


def normal(line: str) -> str:
    """A line without what differs from run to run, and with single spaces: columns grow with their contents."""
    return re.sub(r"\s+", " ", VARYING.sub("N", line)).strip()


def test_readme_shows_something() -> None:
    assert len(shown()) >= 8


@pytest.fixture(scope="module")
def scored(lab: LabRunner) -> None:
    """README's every day begins after the demo."""
    if not lab.check("lesson08")["passed"]:
        lab("submit", "--job", "lesson08")


@pytest.mark.parametrize("block", shown(), ids=lambda block: block.command[:60])
def test_a_command_prints_what_readme_shows(lab: LabRunner, scored: None, block: Shown) -> None:
    where = f"--inventory {lab.inventory} --student {lab.student}"
    command = re.sub(r"\./lab \S+", rf"\g<0> {where}", block.command)
    ran = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert ran.returncode == 0, ran.stderr
    printed = {normal(line) for line in ran.stdout.splitlines()}
    missing = [line for line in block.lines if normal(line) not in printed]
    assert not missing, f"README shows these lines, and they were not printed: {missing}\n{ran.stdout}"
