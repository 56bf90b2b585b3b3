"""Jar locks: one line per jar, `group:artifact:version[:classifier] sha256`, sorted. Pure: text in, text out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from streamlab.errors import LabError

_NAME = r"[A-Za-z0-9_.+-]+"
_LINE = re.compile(rf"({_NAME}):({_NAME}):({_NAME})(?::({_NAME}))? ([0-9a-f]{{64}})")


@dataclass(frozen=True, order=True)
class Jar:
    """One jar, named so exactly that everybody gets the same bytes."""

    group: str
    artifact: str
    version: str
    classifier: str = ""
    sha256: str = ""

    @property
    def coordinate(self) -> str:
        return ":".join(part for part in (self.group, self.artifact, self.version, self.classifier) if part)

    @property
    def filename(self) -> str:
        return "-".join(part for part in (self.artifact, self.version, self.classifier) if part) + ".jar"

    @property
    def repository_path(self) -> str:
        """Where every Maven repository keeps this jar, local or not."""
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.filename}"


def parse_lock(text: str, *, source: str) -> list[Jar]:
    """Read a lock; `source` names it in errors. Blank lines and comments are allowed."""
    jars: list[Jar] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if not match:
            raise _malformed(source, number, line, "expected: group:artifact:version[:classifier] sha256")
        jar = Jar(*(part or "" for part in match.groups()))
        # Two versions of one jar on a class path: which one is loaded would depend on the order.
        identity = f"{jar.group}:{jar.artifact}:{jar.classifier}"
        if identity in seen:
            raise _malformed(source, number, line, f"line {seen[identity]} names the same jar")
        seen[identity] = number
        jars.append(jar)
    return jars


def _malformed(source: str, number: int, line: str, why: str) -> LabError:
    return LabError(f"{source}, line {number} is no jar", evidence=[f"found: {line}", why], fix="run: ./lab lock")


def format_lock(jars: Iterable[Jar]) -> str:
    """The lock's text: sorted, so that two runs that find the same jars write the same file."""
    return "".join(f"{jar.coordinate} {jar.sha256}\n" for jar in sorted(jars))


def diff_locks(old: Iterable[Jar], new: Iterable[Jar]) -> list[str]:
    """What changed between two locks, a line per jar, for people."""
    before = {(jar.group, jar.artifact, jar.classifier): jar for jar in old}
    after = {(jar.group, jar.artifact, jar.classifier): jar for jar in new}
    lines = []
    for identity in sorted(before.keys() | after.keys()):
        was, now = before.get(identity), after.get(identity)
        if was is None and now is not None:
            lines.append(f"added {now.coordinate}")
        elif now is None and was is not None:
            lines.append(f"removed {was.coordinate}")
        elif was is not None and now is not None and was != now:
            change = now.version if was.version != now.version else "other bytes under the same version"
            lines.append(f"changed {was.coordinate} -> {change}")
    return lines
