"""What went wrong, in the lab's three parts: what happened, the evidence, the fix.

The control program has the same class; a bundle goes to the cluster without that program, so it carries its own.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class JobError(Exception):
    """A failure: something that should have worked did not. Exit status 1."""

    exit_code = 1

    def __init__(self, what: str, *, evidence: Iterable[str] | str = (), fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.evidence = [evidence] if isinstance(evidence, str) else list(evidence)
        self.fix = fix

    def __str__(self) -> str:
        lines = [f"error: {self.what}", *(f"  {line}" for line in self.evidence)]
        if self.fix:
            lines.append(f"  fix: {self.fix}")
        return "\n".join(lines)


class WrongRequest(JobError):
    """The request cannot be right as it stands; nothing was touched. Exit status 2."""

    exit_code = 2


class Missing(JobError):
    """A topic, table or file that is not there. A check shows `what` as the value it found."""


class Unreachable(JobError):
    """A service that gave no answer in time. A check shows `what` as the value it found."""


def unknown(kind: str, name: str, known: Iterable[str], *, usage: str = "{}") -> WrongRequest:
    """The error for a `name` that is no `kind` we know; `usage` shows how the nearest known one is typed."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    fix = f"did you mean {usage.format(near[0])}?" if near else f"choose a known {kind}"
    return WrongRequest(f"no {kind} named {name!r}", evidence=f"known: {', '.join(names) or 'none'}", fix=fix)
