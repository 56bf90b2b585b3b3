"""Each handout is followed as a student would: every command of its ```sh blocks, in order, from the lesson's start,
typed on the edge node. A line that ends in ``# fails`` must exit with another status than 0.

Its ```python blocks are one program, for the prompt of pyspark; it runs where the first of them stands. A comment
behind a ``print`` says what it prints.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from lab_runner import ROOT, LabRunner

HANDOUTS = sorted((ROOT / "jobs").glob("*/README.md"))


#: Where a handout's program is put on the edge node, and how the session's own variable comes to be there.
PROGRAM = "/tmp/handout.py"
SESSION = "from pyspark.sql import SparkSession\n\nspark = SparkSession.builder.getOrCreate()\n"
RUN_PROGRAM = f"spark-submit --deploy-mode client {PROGRAM}"


def blocks(handout: Path) -> list[tuple[str, str]]:
    """The language and the text of each block of commands or of Python, in order."""
    text = handout.read_text(encoding="utf-8")
    return re.findall(r"^[ ]*```(sh|python)\n(.*?)^[ ]*```", text, re.DOTALL | re.MULTILINE)


def program(handout: Path) -> str:
    """What a student types at the prompt of pyspark, from the first block to the last."""
    return SESSION + "\n".join(textwrap.dedent(text) for language, text in blocks(handout) if language == "python")


def commands(handout: Path) -> list[str]:
    """The command lines of a handout's ```sh blocks, in order, and the program's where it begins."""
    found: list[str] = []
    for language, text in blocks(handout):
        if language == "python":
            found += [] if RUN_PROGRAM in found else [RUN_PROGRAM]
            continue
        lines = [line.strip() for line in text.replace("\\\n", " ").splitlines()]
        found += [line for line in lines if line and not line.startswith("#")]
    return found


def printed(handout: Path) -> list[str]:
    """The lines that a handout says its program prints, in order."""
    return re.findall(r"^print\(.*\)  # (.+)$", program(handout), re.MULTILINE)


def follow(lab: LabRunner, handout: Path) -> None:
    """Type all that a handout has to type, from its lesson's start, and see that it does as it says."""
    lab("reset", "--yes", "--job", handout.parent.name)
    lab.inside(f"cat > {PROGRAM} <<'END OF PROGRAM'\n{program(handout)}\nEND OF PROGRAM")
    for line in commands(handout):
        command, _, note = line.partition("  # ")
        ran = lab.run("shell", "--command", command)
        wanted = ran.code != 0 if note.startswith("fails") else ran.code == 0
        assert wanted, f"{line}\nexited {ran.code}\n{ran.out[-2000:]}\n{ran.err[-2000:]}"
        if line == RUN_PROGRAM:
            promised = printed(handout)
            assert [each for each in ran.out.splitlines() if each in promised] == promised
