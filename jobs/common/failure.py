"""An exception in the words that help: what it says at its innermost, and the student's line that led to it.

Spark wraps an error of a worker, or of a function that it calls back, in one of its own, and py4j that in another: the
first line then says that a call has failed, and no more.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable

#: Characters that are told of a message.
LENGTH = 400
_TRACEBACK = "Traceback (most recent call last):"
#: The last line of a Python traceback: the exception's dotted name, and its message.
_EXCEPTION = re.compile(r"^([A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt|Warning)): (.*)$")
_CAUSED_BY = re.compile(r"^Caused by: (.*)$")
#: What says only that something else has failed.
_WRAPPER = re.compile(r"Python Proxy|Traceback \(most recent|Job aborted due to stage failure|An error occurred while")
_STREAM = re.compile(r"^\[STREAM_FAILED\] Query \[[^\]]*\] terminated with exception: ")
#: A package before a class's name.
_PACKAGE = re.compile(r"\b(?:[a-z_$][\w$]*\.)+(?=[A-Z])")
_JAVA_FRAME = re.compile(r"^\s+(?:at |\.\.\. \d+ more)|^JVM stacktrace:")


def words(error: BaseException) -> str:
    """The exception in one line, its kind and its message, without Java's frames; the innermost of those it wraps."""
    message = str(error)
    inner = ""
    for line in message.splitlines():
        said = _CAUSED_BY.match(line) or _EXCEPTION.match(line)
        if said and not _WRAPPER.search(line):
            inner = line.removeprefix("Caused by: ")
    if inner and ("Caused by: " in message or _TRACEBACK in message):
        return _short(_PACKAGE.sub("", inner))
    lines = [line.strip() for line in message.splitlines() if line.strip() and not _JAVA_FRAME.match(line)]
    return _short(f"{type(error).__name__}: {_STREAM.sub('', ' '.join(lines))}")


def place(error: BaseException, file: str, source: Callable[[], str | None]) -> str:
    """The last line of `file` that led to the exception, as ``file, line 12, in name: the line``; empty if none did.

    Args:
        source: gives the file's text.
    """
    text = "".join(traceback.format_exception(error))
    found = re.findall(rf'File "(?:[^"]*/)?{re.escape(file)}", line (\d+), in (\S+)', text)
    if not found:
        return ""
    number, function = found[-1]
    lines = (source() or "").splitlines()
    shown = f": {lines[int(number) - 1].strip()}" if int(number) <= len(lines) else ""
    return f"{file}, line {number}, in {function}{shown}"


def _short(text: str) -> str:
    return text if len(text) <= LENGTH else f"{text[:LENGTH]}…"
