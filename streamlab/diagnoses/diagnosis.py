"""Why an application stands still or failed, told from facts that were found in its stack (`streamlab.edge.why`).

Each cause that is known is a function in `failures` or `standstills`: of the facts it makes a `Diagnosis`, or None
where they are of something else. What is said of it stands in texts.yml.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

#: As `streamlab.edge.why.facts` gives them.
Facts = Mapping[str, Any]

FINAL = ("FINISHED", "FAILED", "KILLED")


@dataclass(frozen=True)
class Diagnosis:
    """Why it is so.

    Args:
        name: what it is called in texts.yml, such as "waiting for memory".
        given: what its text has in braces.
        evidence: the lines from which it follows.
    """

    name: str
    given: Mapping[str, object] = field(default_factory=dict)
    evidence: Sequence[str] = ()

    @property
    def words(self) -> str:
        """A paragraph."""
        return texts()[self.name]["words"].format_map(self.given)

    @property
    def fix(self) -> str:
        """What to do."""
        return texts()[self.name]["fix"].format_map(self.given)


@cache
def texts() -> Mapping[str, Mapping[str, str]]:
    """Diagnosis -> "words" and "fix", with their braces."""
    return yaml.safe_load(Path(__file__).with_name("texts.yml").read_text(encoding="utf-8"))


def running(facts: Facts) -> list[Mapping[str, Any]]:
    """The streaming queries that have not ended."""
    return [query for query in facts["queries"] if not query["ended"]]


def span(seconds: float) -> str:
    """Seconds, with a decimal place where there are few."""
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
