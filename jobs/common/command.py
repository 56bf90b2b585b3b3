"""What the commands that run on the edge node have in common: a target, a lab, a line printed for each thing done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from common import request
from common.lab import Lab
from common.settings import load_info


def at_once(line: str) -> None:
    print(line, flush=True)


def print_lines(
    argv: Sequence[str],
    lines: Callable[[request.Job, Lab], Iterator[str]],
    *,
    prog: str,
    say: Callable[[str], None] = at_once,
) -> None:
    """Say what `lines` does for the lesson that the command line names, as it is done."""
    job, settings = request.settings_from(request.parse(argv, prog=prog), load_info())
    with Lab(settings) as lab:
        for line in lines(job, lab):
            say(line)
