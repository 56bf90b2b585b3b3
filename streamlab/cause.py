"""The probable cause of a failed application, out of everything its driver printed."""

from __future__ import annotations

import re

_START = "Traceback (most recent call last):"
#: The last line of a Python traceback, the first that is not indented: an exception's dotted name, and its message.
_END = re.compile(r"^[A-Za-z_][\w.]*(: .*|:)?$")


#: Where YARN unpacked a bundle; what comes after it is the path in the student's own folder.
_CONTAINER = re.compile(r"/\S*/container_\w+/(?:[0-9a-f]{16}\.zip/)?")


def tracebacks(log: str) -> list[str]:
    """Every whole Python traceback in `log`, in order."""
    found: list[str] = []
    current: list[str] | None = None
    for line in log.splitlines():
        if line.rstrip().endswith(_START):  # Java writes its own exception's name before a Python worker's
            current = [_START]
        elif current is not None:
            current.append(line)
            if _END.match(line):
                found.append("\n".join(current))
                current = None
    return found


def probable_cause(log: str, diagnostics: str) -> list[str]:
    """Lines that say why: the shortest traceback, else the last lines that were printed, else YARN's own words.

    The shortest is the one nearest to the student's code: Spark wraps an error of a worker in a longer one of the
    driver, and that in Java's.
    """
    every = tracebacks(log)
    if every:
        return _CONTAINER.sub("", min(every, key=lambda text: text.count("\n"))).splitlines()
    printed = [line for line in log.splitlines() if line.strip()]
    return printed[-5:] or [line for line in diagnostics.splitlines() if line.strip()][-5:] or ["it printed nothing"]
