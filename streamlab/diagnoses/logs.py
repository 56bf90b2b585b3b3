"""The probable cause of a failed application, from the logs of its driver and of Spark."""

from __future__ import annotations

import re
from dataclasses import dataclass

_START = "Traceback (most recent call last):"
#: The last line of a Python traceback, the first that is not indented: an exception's dotted name, and its message.
_END = re.compile(r"^[A-Za-z_][\w.]*(: .*|:)?$")


#: A longer text below the last traceback is not the rest of its message.
LINES_OF_MESSAGE = 6

#: Where YARN unpacked a bundle; what comes after it is the path in the student's own folder.
_CONTAINER = re.compile(r"/\S*/container_\w+/(?:[0-9a-f]{16}\.zip/)?")
#: A line of the student's own files, in any traceback.
_OWN_LINE = re.compile(r'File "/\S*/container_\w+/[0-9a-f]{16}\.zip/(?!common/)(\S+)", line (\d+)')

#: A container that YARN ended because its processes used more memory than it has: the driver's, as YARN tells it of
#: the application, and an executor's, as Spark tells it.
_SIZES = r"([\d.]+ [KMGT]?B) of ([\d.]+ [KMGT]?B) physical memory used"
_DRIVER_OVER = re.compile(rf"beyond (?:the )?'?physical'? memory limits?\. Current usage: {_SIZES}", re.IGNORECASE)
_EXECUTOR_OVER = re.compile(rf"Container killed by YARN for exceeding (?:physical )?memory limits\.\s+{_SIZES}")
#: An executor that something else ended: its own JVM when its heap is full (143, 52), or the kernel (137).
_EXECUTOR_ENDED = re.compile(r"(?:ExecutorLostFailure|Lost executor \d).*[Ee]xit (?:status|code)\D{1,5}(137|143|52)\b")
_FAILURES = re.compile(r"Max number of executor failures \(\d+\) reached")
_HEAP = re.compile(r"^(.*)(java\.lang\.OutOfMemoryError: .*)$", re.MULTILINE)

#: What Java has to say of a call that failed: the innermost cause, and the exception that Python was given.
_CAUSED_BY = re.compile(r"^Caused by: .*$", re.MULTILINE)
_JAVA_EXCEPTION = re.compile(r"Py4JJavaError: .*\n: (.*)$", re.MULTILINE)

#: Spark's advice where a topic has not the records that a checkpoint counts on. It hides that they are lost.
_HIDING = re.compile(
    r"\s*If you don't want your streaming query to fail on such cases, set the\s+source option \S+ to \S+"
)

#: A statement of a script in Flink's SQL, as its JobManager prints it, and an exception, with all lines of its message.
_STATEMENT = re.compile(r"^Flink SQL> (.+)$", re.MULTILINE)
_MESSAGE = re.compile(r"^Caused by: ((?:(?!\tat |Caused by: |\t\.\.\. |\d\d/\d\d/\d\d ).*\n?)+)", re.MULTILINE)

#: State that a script has no place for, as another one has left it; and Flink's advice to leave it out, which loses it.
_OTHER_STATE = re.compile(r"Cannot map checkpoint/savepoint state|StateMigrationException")
_SKIPPING = re.compile(r"\s*If you want to allow to skip this[^\n]*")

#: What a cause calls for.
DRIVER_MEMORY, EXECUTOR_MEMORY, LOST_RECORDS = "driver memory", "executor memory", "lost records"
CHANGED_SCRIPT = "changed script"


@dataclass(frozen=True)
class Cause:
    """Lines that say why, and what it calls for, where that is known."""

    lines: list[str]
    needs: str = ""


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


def probable_cause(log: str, diagnostics: str, *, errors: str = "") -> Cause:
    """Why an application failed.

    Memory first: where a container was ended for it, a traceback only tells what was being done meanwhile.

    Args:
        log: what the driver printed.
        diagnostics: YARN's own words.
        errors: what Spark has logged beside it.
    """
    cause = _memory(log, diagnostics, errors) or _lost_records(log) or _of_script(log, errors)
    return cause or Cause(_words(log, diagnostics))


def _memory(log: str, diagnostics: str, errors: str) -> Cause | None:
    if over := _DRIVER_OVER.search(diagnostics):
        return Cause([_over("the driver", over), *_at(log)], DRIVER_MEMORY)
    gave_up = _FAILURES.search(diagnostics)
    told = f"{log}\n{errors}" if gave_up else log  # an executor that was lost on the way, and replaced, is no cause
    lines = [f"Spark gave up: {gave_up[0]}"] if gave_up else []
    if overs := list(_EXECUTOR_OVER.finditer(told)):
        return Cause([_over("an executor", overs[-1]), *lines, *_at(log)], EXECUTOR_MEMORY)
    if ended := _EXECUTOR_ENDED.findall(told):
        why = f"an executor was ended with exit status {ended[-1]}, as one is whose memory is used up"
        return Cause([why, *lines, *_at(log)], EXECUTOR_MEMORY)
    if full := _HEAP.search(log):
        whose, needs = ("an executor", EXECUTOR_MEMORY) if "Lost task" in full[1] else ("the driver", DRIVER_MEMORY)
        return Cause([f"{whose}'s Java heap was full: {full[2]}", *_at(log)], needs)
    return None


def _over(whose: str, found: re.Match[str]) -> str:
    return f"{whose} used more memory than its container has, so YARN ended it: {found[1]} of {found[2]}"


def _at(log: str) -> list[str]:
    """Where in the student's own files the driver was at that time."""
    places = _OWN_LINE.findall(log)
    return [f"at {places[-1][0]}, line {places[-1][1]}"] if places else []


def _lost_records(log: str) -> Cause | None:
    if not _HIDING.search(log):
        return None
    return Cause(
        [
            *_words(_HIDING.sub("", log), ""),
            "(left out here: Spark's advice to set failOnDataLoss to false. The stream would then leave out the records"
            " that it does not find, and say nothing.)",
        ],
        LOST_RECORDS,
    )


def _of_script(log: str, errors: str) -> Cause | None:
    """The innermost cause that Flink's JobManager has logged last, and the statement that it had come to."""
    statements, messages = _STATEMENT.findall(log), _MESSAGE.findall(errors)
    if not (statements and messages):
        return None
    at = f"at {statements[-1].rstrip(';')}"
    if other := next(filter(_OTHER_STATE.search, reversed(messages)), None):
        changed = "the script was changed since it left the checkpoint or savepoint from which it was to go on"
        return Cause([changed, _SKIPPING.sub("", other).strip(), at], CHANGED_SCRIPT)
    words = [line.strip() for line in messages[-1].splitlines() if line.strip()]
    return Cause([*words[:LINES_OF_MESSAGE], at])


def _words(log: str, diagnostics: str) -> list[str]:
    """The shortest traceback, else the last lines that were printed, else YARN's own words.

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
    """The innermost of Java's causes, else its exception itself: Python only says that a call failed."""
    return (_CAUSED_BY.findall(log) or _JAVA_EXCEPTION.findall(log))[-1:]
