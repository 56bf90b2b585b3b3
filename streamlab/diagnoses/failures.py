"""Causes for which an application, or a query of it, has failed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from streamlab.diagnoses import logs
from streamlab.diagnoses.diagnosis import Diagnosis, Facts

#: Characters of a line that is shown as evidence.
SHOWN = 300

_MODULE = re.compile(r"(?:ModuleNotFoundError|ImportError): No module named '([\w.]+)'")
#: Partitions that a checkpoint knows and a topic lacks, as Spark lists them: the topic, a hyphen and the number.
_GONE = re.compile(r"(?:Set|HashSet|List)\(([^)]*)\) are gone")
_PARTITION = re.compile(r"([\w.-]+)-\d+")
_EXPIRED = re.compile(
    r"(?:Partition \S+ offset was changed|Cannot fetch (?:record|offset)|OffsetOutOfRange|may have been lost)[^\n]*"
)
_NO_TOPIC = re.compile(r"UnknownTopicOrPartition|does not host this topic-partition")
_NO_TABLE = re.compile(
    r"\[TABLE_OR_VIEW_NOT_FOUND\][^\n]*|\[SCHEMA_NOT_FOUND\][^\n]*|Couldn't find[^\n]*|[Uu]nconfigured table[^\n]*"
    r"|[Kk]eyspace [^\n]* does not exist"
)


def text(facts: Facts) -> str:
    """Everything that was said of failures, what is nearest to the cause first."""
    errors = [one["error"] for one in facts["queries"] if one["error"]]
    return "\n".join(
        [
            *errors,
            *facts["failures"],
            *facts["job_errors"],
            *facts["lost"],
            facts["log"],
            facts["errors"],
            facts["diagnostics"],
        ]
    )


def probable_cause(facts: Facts) -> logs.Cause:
    """The cause as the logs have it, with what Spark's own events say of lost executors and failed tasks."""
    log = "\n".join([*facts["lost"], *facts["job_errors"], *facts["failures"], facts["log"]])
    return logs.probable_cause(log, facts["diagnostics"], errors=facts["errors"])


def memory(facts: Facts) -> Diagnosis | None:
    """A container that YARN or the kernel ended for its memory."""
    found = probable_cause(facts)
    if found.needs not in (logs.DRIVER_MEMORY, logs.EXECUTOR_MEMORY):
        return None
    whose = "driver" if found.needs == logs.DRIVER_MEMORY else "executor"
    return Diagnosis(f"{whose} out of memory", evidence=found.lines)


def module_on_executors(facts: Facts) -> Diagnosis | None:
    """A Python module that the driver has and the executors lack."""
    said = "\n".join([*facts["failures"], *facts["job_errors"], *(one["error"] for one in facts["queries"])])
    found = _MODULE.search(said)
    if not found:
        return None
    module = found[1].partition(".")[0]
    return Diagnosis("module missing on executors", {"module": module, "file": f"{module}.py"}, [found[0]])


def other_topic(facts: Facts) -> Diagnosis | None:
    """A checkpoint that was made while the query read another topic."""
    gone = _GONE.search(text(facts))
    if not gone:
        return None
    topics = sorted({found[1] for found in _PARTITION.finditer(gone[1])})
    return Diagnosis("checkpoint of another topic", {"topics": " and ".join(topics)}, [_line_with(facts, gone[0])])


def changed_script(facts: Facts) -> Diagnosis | None:
    """A checkpoint or savepoint of Flink's that an earlier version of the script has left."""
    found = probable_cause(facts)
    return Diagnosis("state of another script", evidence=found.lines) if found.needs == logs.CHANGED_SCRIPT else None


def expired(facts: Facts) -> Diagnosis | None:
    """Records that were deleted, by retention or by hand, before the query had read them."""
    found = _EXPIRED.search(text(facts))
    if not found:
        return None
    begins = []
    for topic, parts in facts["topics"].items():
        firsts = ", ".join(f"{first} (partition {part})" for part, (first, _) in sorted((parts or {}).items()))
        begins.append(f"topic {topic} now begins at {firsts}")
    return Diagnosis("offsets gone", evidence=[_short(found[0]), *begins])


def missing_topic(facts: Facts) -> Diagnosis | None:
    """A topic that is not there."""
    gone = [topic for topic, parts in facts["topics"].items() if parts is None]
    found = _NO_TOPIC.search(text(facts))
    if not (found or gone):
        return None
    evidence = [_line_with(facts, found[0])] if found else []
    which = f"Kafka has no topic {' and '.join(gone)} any more" if gone else "It reads a topic that Kafka does not have"
    return Diagnosis(
        "topic missing", {"which": which}, [*evidence, f"topics that are there: {', '.join(facts['there'])}"]
    )


def missing_table(facts: Facts) -> Diagnosis | None:
    """A table, keyspace or view that is not there."""
    found = _NO_TABLE.search(text(facts))
    return Diagnosis("table missing", evidence=[_short(found[0])]) if found else None


#: In this order they are looked for: the more certain first.
FAILURES: Sequence[Callable[[Facts], Diagnosis | None]] = (
    memory, module_on_executors, other_topic, changed_script, expired, missing_topic, missing_table,
)  # fmt: skip


def _line_with(facts: Facts, part: str) -> str:
    return _short(next((line for line in text(facts).splitlines() if part in line), part))


def _short(line: str) -> str:
    return line if len(line := line.strip()) <= SHOWN else f"{line[:SHOWN]}…"
