"""What went wrong, in the three parts that every message of the lab has: what happened, the evidence, the fix."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from streamlab.ui import plain

_OF_AN_ENGINE = ("docker.errors", "requests.exceptions")


class LabError(Exception):
    """A failure: something that should have worked did not. Exit status 1."""

    exit_code = 1

    def __init__(self, what: str, *, evidence: Iterable[str] | str = (), fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.evidence = [evidence] if isinstance(evidence, str) else list(evidence)
        self.fix = fix

    def __str__(self) -> str:
        """The parts as people read them; what a node's words would have a terminal do is left out."""
        lines = [f"error: {self.what}", *(f"  {line}" for line in self.evidence)]
        if self.fix:
            lines.append(f"  fix: {self.fix}")
        return plain("\n".join(lines))


class WrongRequest(LabError):
    """The request itself is wrong; nothing was touched. Exit status 2."""

    exit_code = 2


def engine_said(error: Exception) -> str | None:
    """What Docker's SDK, or a connection that it uses, says went wrong; None for an error of another kind.

    Neither library is imported for that: most commands end without them.
    """
    kinds = type(error).__mro__
    if isinstance(error, (ConnectionError, TimeoutError)) or any(kind.__module__ in _OF_AN_ENGINE for kind in kinds):
        return str(getattr(error, "explanation", None) or error)
    return None


def unknown(kind: str, name: str, known: Iterable[str], *, usage: str = "{}") -> WrongRequest:
    """The error for a `name` that is no `kind` we know, with the nearest known one as the fix.

    `usage` shows how the fix is typed, for example ``"--job {}"``.
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    fix = f"did you mean {usage.format(near[0])}?" if near else f"choose a known {kind}"
    return WrongRequest(f"no {kind} named {name!r}", evidence=f"known: {', '.join(names) or 'none'}", fix=fix)
