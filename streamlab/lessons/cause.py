"""The probable cause of a failed application, out of everything its driver printed."""

from __future__ import annotations

import re

_START = "Traceback (most recent call last):"
#: The last line of a Python traceback, the first that is not indented: an exception's dotted name, and its message.
_END = re.compile(r"^[A-Za-z_][\w.]*(: .*|:)?$")


#: A longer text below the last traceback is not the rest of its message.
LINES_OF_MESSAGE = 6

#: Where YARN unpacked a bundle; what comes after it is the path in the student's own folder.
_CONTAINER = re.compile(r"/\S*/container_\w+/(?:[0-9a-f]{16}\.zip/)?")


def tracebacks(log: str) -> list[str]:
    """Every whole Python traceback in `log`, in order, each with the indented lines that its message goes on with."""
    found: list[list[str]] = []
    inside = after = False
    for line in log.splitlines():
        if line.rstrip().endswith(_START):  # Java writes its own exception's name before a Python worker's
            found.append([_START])
            inside, after = True, False
        elif inside:
            found[-1].append(line)
            if _END.match(line):
                inside, after = False, True
        elif after and line.startswith("  ") and line.strip():
            found[-1].append(line)
        else:
            after = False
    if inside:
        found.pop()  # cut off before its exception
    return ["\n".join(lines) for lines in found]


def probable_cause(log: str, diagnostics: str) -> list[str]:
    """Lines that say why: the shortest traceback, else the last lines that were printed, else YARN's own words.

    The shortest is the one nearest to the student's code: Spark wraps an error of a worker in a longer one of the
    driver, and that in Java's.
    """
    every = tracebacks(log)
    if every:
        shortest = min(every, key=lambda text: text.count("\n"))
        lines = _CONTAINER.sub("", shortest).splitlines()
        if any("Py4JJavaError" in line for line in lines):
            return [*lines, *_java_cause(log)]
        return [*lines, *_rest_of_message(log, shortest)] if shortest == every[-1] else lines
    printed = [line for line in log.splitlines() if line.strip()]
    return printed[-5:] or [line for line in diagnostics.splitlines() if line.strip()][-5:] or ["it printed nothing"]


def _rest_of_message(log: str, text: str) -> list[str]:
    """The lines that an exception's message goes on with, where its traceback is the last thing that was printed."""
    rest = log.rpartition(text)[2].strip("\n").splitlines()
    told = len(rest) <= LINES_OF_MESSAGE and not any(line.startswith("\tat ") or not line.strip() for line in rest)
    return rest if told else []


def _java_cause(log: str) -> list[str]:
    """The innermost of Java's causes: where Python only says that a call failed, this says why."""
    return re.findall(r"^Caused by: .*$", log, re.MULTILINE)[-1:]
