"""Handouts in two languages say the same: commands, code, links and figures."""

from __future__ import annotations

import codeop
import re
import textwrap
from pathlib import Path

import pytest

from streamlab.paths import JOBS
from streamlab.tasks import of_a_seat
from tasks import namespace

TRANSLATED = sorted(JOBS.glob("**/README.ru.md"))
BLOCK = re.compile(r"^[ ]*```.*?^[ ]*```", re.DOTALL | re.MULTILINE)


HANDOUTS = sorted(JOBS.glob("*/README.md"))
PROGRAM = re.compile(r"^[ ]*```python\n(.*?)^[ ]*```", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("handout", HANDOUTS, ids=lambda path: path.parent.name)
def test_a_program_can_be_pasted_at_the_prompt(handout: Path) -> None:
    for block in PROGRAM.findall(handout.read_text(encoding="utf-8")):
        typed: list[str] = []
        for line in [*textwrap.dedent(block).splitlines(), ""]:
            typed.append(line)
            if codeop.compile_command("\n".join(typed), symbol="single"):
                typed = []
        assert not any(typed), f"the prompt waits for more after {typed[0]}"


@pytest.mark.parametrize("handout", HANDOUTS, ids=lambda path: path.parent.name)
def test_a_reset_in_a_block_does_not_ask(handout: Path) -> None:
    blocks = "".join(BLOCK.findall(handout.read_text(encoding="utf-8")))
    assert not re.findall(r"^[ ]*invoke reset (?!--yes ).*", blocks, re.MULTILINE)


@pytest.mark.parametrize("handout", sorted(JOBS.glob("**/README.md")), ids=lambda path: path.parent.name)
def test_each_invoke_in_a_block_is_a_task_of_the_edge_node(handout: Path) -> None:
    blocks = "".join(BLOCK.findall(handout.read_text(encoding="utf-8")))
    typed = set(re.findall(r"^[ ]*invoke ([a-z-]+)", blocks, re.MULTILINE))
    assert typed <= set(of_a_seat(namespace).task_names)


def english(handout: Path) -> str:
    return handout.with_name("README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("handout", TRANSLATED, ids=lambda path: path.parent.name)
def test_commands_code_and_output_are_the_same(handout: Path) -> None:
    assert BLOCK.findall(handout.read_text(encoding="utf-8")) == BLOCK.findall(english(handout))


@pytest.mark.parametrize("handout", TRANSLATED, ids=lambda path: path.parent.name)
@pytest.mark.parametrize(
    "pattern",
    [r"`[^`]+`", r"\]\([^)]+\)", r"\b\d[\d,.\u00a0]*\b", r"^#+", r"^\|"],
    ids=["code", "link", "figure", "title", "row"],
)
def test_names_links_and_figures_are_the_same(handout: Path, pattern: str) -> None:
    there, here = (
        sorted(plain(one) for one in re.findall(pattern, BLOCK.sub("", text), re.MULTILINE))
        for text in (english(handout), handout.read_text(encoding="utf-8"))
    )
    assert here == there


def plain(found: str) -> str:
    """Code that is broken over two lines is the same; and 1,200 is 1200 or 1 200 in Russian."""
    return re.sub(r"(?<=\d)[, \u00a0](?=\d{3}\b)", "", " ".join(found.split()))
