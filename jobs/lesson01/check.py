"""What lesson 1 leaves behind, looked at from outside: input and output files, checkpoints, YARN's list."""

from __future__ import annotations

import json
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

from common.checkpoint import Checkpoint
from common.checks import Assertion, Fact, application_succeeded, equal, same_members
from common.errors import JobError, Missing
from common.file_sink import committed_files, parquet_rows
from lesson01 import data
from lesson01.places import CONSOLE, FILES, FILES_IN, FILES_OUT, FORMATS, RATE_OUT, query_of

if TYPE_CHECKING:
    from common.lab import Lab

HEADER = ",".join(data.COLUMNS)
#: As pyarrow gives the values back: int and bigint, float and double are the same to Python.
TYPES = {"letter": "str", "a": "int", "b": "float", "c": "float", "d": "float", "file": "str"}


def check(lab: Lab) -> list[Assertion]:
    """A variant is asked about once it was run: the lesson is complete without it."""
    found = [application_succeeded(lab, "stream"), *files(lab), *numbers(lab)]
    return [*found, *formats(lab)] if lab.settings.step == "formats" or was_run(lab, "formats") else found


def was_run(lab: Lab, step: str) -> bool:
    try:
        return lab.hdfs.exists(lab.settings.report_of(step))
    except JobError:  # HDFS that gives no answer is reported by every assertion about a file
        return False


def files(lab: Lab) -> list[Assertion]:
    """Each file in a batch of its own, each of its rows once in the output. A student's own files are counted too."""
    folder, out = lab.settings.input(FILES_IN), lab.settings.output(FILES_OUT)
    arrived = Fact(lambda: inputs(lab, folder))
    wanted = wanted_rows(arrived)
    rows = Fact(lambda: parquet_rows(lab.hdfs, committed_files(lab.hdfs, out)))
    read_back = f"spark-sql -e 'SELECT file, count(*) FROM parquet.`{out}` GROUP BY file'"
    done = len({row["file"] for row in wanted})
    return [
        same_members(
            "stream: the lesson's files, as generated",
            set(data.files()),
            lambda: {name for name, rows in data.files().items() if arrived().get(name) == data.csv(rows)},
            f"hdfs dfs -ls {folder}",
        ),
        *(finished(lab, query, batches=done) for query in (FILES, CONSOLE)),
        equal(
            f"stream: files that one batch of {FILES} took at most",
            1,
            lambda: max(Counter(batches(lab, lab.settings.checkpoint(FILES)).values()).values()),
            f"hdfs dfs -cat {lab.settings.checkpoint(FILES)}/sources/0/*",
        ),
        equal("stream: rows in the output", len(wanted), lambda: len(rows()), read_back),
        equal("stream: rows in the output by file", by_file(wanted), lambda: by_file(rows()), read_back),
        equal(
            "stream: rows that differ from the input",
            {"missing": 0, "too many": 0},
            lambda: difference(wanted, rows()),
            read_back,
        ),
        equal("stream: columns of the output", TYPES, lambda: types(rows()), read_back),
    ]


def finished(lab: Lab, query: str, *, batches: int) -> Assertion:
    return equal(
        f"stream: finished batches of {query}",
        batches,
        lambda: len(checkpoint(lab, query).commits),
        f"hdfs dfs -ls {lab.settings.checkpoint(query)}/commits",
    )


def numbers(lab: Lab) -> list[Assertion]:
    """The generated numbers as the memory table had them: value k in batch k//10, at second k//10."""
    place = lab.settings.output(RATE_OUT)
    where, wanted = f"hdfs dfs -cat {place}", data.numbers()
    rows = Fact(lambda: [json.loads(line) for line in lab.hdfs.read_text(place).splitlines()])

    def off(*columns: str) -> list[dict[str, Any]]:
        """The first few values whose `columns` are not what the oracle says."""
        right = {row["value"]: row for row in wanted}
        wrong = [row for row in rows() if any(row[name] != right[row["value"]][name] for name in columns)]
        return [{name: row[name] for name in ("value", *columns)} for row in wrong[:3]]

    last = len(wanted) - 1
    return [
        equal(
            f"stream: generated values are 0 to {last} without a gap",
            f"{last + 1} values, 0 to {last}",
            lambda: contiguous([row["value"] for row in rows()]),
            where,
        ),
        equal("stream: values that are not in batch value//10", [], lambda: off("batch"), where),
        equal("stream: values that are not at second value//10", [], lambda: off("timestamp"), where),
        equal("stream: values with a wrong even or note", [], lambda: off("even", "note"), where),
    ]


def formats(lab: Lab) -> list[Assertion]:
    """The same rows, whatever the files were."""
    wanted = [{name: row[name] for name in data.COLUMNS} for row in data.rows_with_file()]

    def found(name: str) -> dict[str, int]:
        return difference(
            wanted, parquet_rows(lab.hdfs, committed_files(lab.hdfs, lab.settings.output(query_of(name))))
        )

    return [
        application_succeeded(lab, "formats"),
        *(
            equal(
                f"formats: rows from {name} that differ from the input",
                {"missing": 0, "too many": 0},
                partial(found, name),
                f"spark-sql -e 'SELECT * FROM parquet.`{lab.settings.output(query_of(name))}`'",
            )
            for name in FORMATS
        ),
    ]


def inputs(lab: Lab, folder: str) -> dict[str, str]:
    """The text of each file that the stream may read, by name."""
    return {
        file.name: lab.hdfs.read_text(file.path)
        for file in lab.hdfs.list(folder)
        if not file.name.startswith(("_", "."))
    }


def wanted_rows(arrived: Fact[dict[str, str]]) -> list[dict[str, Any]]:
    """The rows that the output should have: the oracle's, and those of files that a student has added."""
    try:
        own = {name: text for name, text in arrived().items() if name not in data.files()}
    except JobError:  # what is wrong with the folder is reported by the assertion about its files
        own = {}
    return data.rows_with_file() + [row for name, text in own.items() for row in parsed(name, text)]


def parsed(name: str, text: str) -> list[dict[str, Any]]:
    lines = [line.split(",") for line in text.splitlines() if line and line != HEADER]
    return [
        {"letter": x, "a": int(a), "b": float(b), "c": float(c), "d": float(d), "file": name} for x, a, b, c, d in lines
    ]


def checkpoint(lab: Lab, query: str) -> Checkpoint:
    return Checkpoint(lab.hdfs, lab.settings.checkpoint(query))


def batches(lab: Lab, place: str) -> dict[str, int]:
    """The batch that took each file, by the file's address: what a file source keeps beside its offsets."""
    logs = [file for file in lab.hdfs.list(f"{place}/sources/0") if not file.name.startswith(".")]
    entries = [json.loads(line) for log in logs for line in lab.hdfs.read_text(log.path).splitlines()[1:]]
    if not entries:
        raise Missing(f"no file noted in {place}/sources/0")
    return {entry["path"]: entry["batchId"] for entry in entries}


def by_file(rows: list[dict[str, Any]]) -> dict[str, int]:
    return dict(sorted(Counter(row["file"] for row in rows).items()))


def types(rows: list[dict[str, Any]]) -> dict[str, str]:
    if not rows:
        raise Missing("no rows")
    return {name: type(value).__name__ for name, value in rows[0].items()}


def difference(wanted: list[dict[str, Any]], found: list[dict[str, Any]]) -> dict[str, int]:
    """How many rows are missing and too many, a repeated row counting as often as it is there."""
    want, have = (Counter(tuple(sorted(row.items())) for row in rows) for rows in (wanted, found))
    return {"missing": (want - have).total(), "too many": (have - want).total()}


def contiguous(values: list[int]) -> str:
    """In words what the values are; a gap or a repeat is named."""
    if not values:
        raise Missing("no values")
    found = f"{len(values)} values, {min(values)} to {max(values)}"
    odd = sorted(set(range(max(values) + 1)) - set(values)) or [v for v, n in Counter(values).items() if n > 1]
    return f"{found}; missing or repeated: {odd[:3]}" if odd else found
