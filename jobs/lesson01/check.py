"""What lesson 1 leaves behind, looked at from outside: input and output files, checkpoints, YARN's list."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from common.checkpoint import Checkpoint
from common.checks import Assertion, Fact, application_succeeded, equal, holds, same_members
from common.errors import JobError, Missing
from common.file_sink import committed_files, parquet_rows
from lesson01 import data
from lesson01.places import CONSOLE, EVEN, FILES, FILES_IN, FILES_OUT, FORMATS, RATE_OUT, query_of

if TYPE_CHECKING:
    from common.lab import Lab


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
    removed = files_removed(lab, arrived)
    wanted = wanted_rows(arrived)
    # What a file held that has been removed since is known to nobody: its rows are not judged.
    rows = Fact(
        lambda: [row for row in parquet_rows(lab.hdfs, committed_files(lab.hdfs, out)) if row["file"] not in removed]
    )
    read_back = f"spark-sql -e 'SELECT file, count(*) FROM parquet.`{out}` GROUP BY file'"
    done = len({row["file"] for row in wanted} | set(own_files(arrived)) | removed)
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
        equal("stream: columns of the output", types(wanted), lambda: types(rows()), read_back),
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

    def off(*columns: str) -> list[Any]:
        """The first few values whose `columns` are not what the oracle says."""
        right = {row["value"]: shown(row, *columns) for row in wanted}
        wrong = [row for row in rows() if shown(row, *columns) != right.get(row.get("value"))]
        return [{name: row.get(name) for name in ("value", *columns)} for row in wrong[:3]]

    def shown(row: dict[str, Any], *columns: str) -> str:
        # As JSON, where 1 is not true.
        return json.dumps([row.get(name) for name in columns])

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
        even_numbers(lab),
    ]


def even_numbers(lab: Lab) -> Assertion:
    """The console keeps nothing: what Spark counted of its sink, in the last run's report, is all there is to see."""
    report = lab.settings.report_of("stream")
    said = Fact(lambda: json.loads(lab.hdfs.read_text(report)))

    def counted() -> tuple[int, int]:
        even = said().get("details", {}).get("even")
        if not even:
            raise Missing("nothing about it in the last run's report; submit the step again")
        return even["shown"], even["read"]

    def half(_: str) -> bool:
        shown, read = counted()
        return read == 2 * shown and (read > 0 or bool(said().get("continuous")))  # a stream may be stopped at once

    return holds(
        f"stream: of the numbers that {EVEN} read, those that the console was given",
        "every second one",
        lambda: "{} of {}".format(*counted()),
        f"hdfs dfs -cat {report}",
        when=half,
    )


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
    """The text of each file that the stream may read, by name; bytes that are no UTF-8 are replaced, as Spark does."""
    return {
        file.name: lab.hdfs.read(file.path).decode("utf-8", errors="replace")
        for file in lab.hdfs.list(folder)
        if not file.is_dir and not file.name.startswith(("_", "."))
    }


def own_files(arrived: Fact[dict[str, str]]) -> dict[str, str]:
    """The files that a student has added; none where the folder cannot be read, which its own assertion reports."""
    try:
        return {name: text for name, text in arrived().items() if name not in data.files()}
    except JobError:
        return {}


def files_removed(lab: Lab, arrived: Fact[dict[str, str]]) -> set[str]:
    """The files that the query has read and that a student has taken away since; the lesson's own have to be there."""
    try:
        read = {path.rpartition("/")[2] for path in batches(lab, lab.settings.checkpoint(FILES))}
        return read - set(arrived()) - set(data.files())
    except (JobError, ValueError, KeyError):  # a checkpoint that cannot be read is reported by the assertions about it
        return set()


def wanted_rows(arrived: Fact[dict[str, str]]) -> list[dict[str, Any]]:
    """The rows that the output should have: the oracle's, and those of files that a student has added."""
    return data.rows_with_file() + [row for name, text in own_files(arrived).items() for row in parsed(name, text)]


def parsed(name: str, text: str) -> list[dict[str, Any]]:
    """The rows that Spark makes of a file, its first line left out as the header.

    A column that is missing, or is not of its type, is null; what is more than five columns is dropped.
    """
    try:
        lines = [line for line in csv.reader(text.splitlines()) if line]
    except csv.Error:  # a line of more than 128 KiB is no measurement; its rows are reported as too many
        lines = []
    return [
        {**{column: READ[column](value) for column, value in zip_longest(data.COLUMNS, line[:5])}, "file": name}
        for line in lines[1:]
    ]


def text_of(value: str | None) -> str | None:
    return value or None


def int_of(value: str | None) -> int | None:
    fits = re.fullmatch(r"[+-]?\d+", value or "", re.ASCII) and -(2**31) <= int(value or 0) < 2**31
    return int(value or 0) if fits else None


def double_of(value: str | None) -> float | None:
    number = r"[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|NaN|Infinity)"
    return float(value or 0) if re.fullmatch(number, value or "", re.ASCII) else None


READ: dict[str, Callable[[str | None], Any]] = {
    "letter": text_of, "a": int_of, "b": double_of, "c": double_of, "d": double_of,
}  # fmt: skip


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
    """The types of each column's values, as pyarrow gives them: int and bigint, float and double are one to Python."""
    if not rows:
        raise Missing("no rows")
    found: dict[str, set[str]] = {}
    for row in rows:
        for name, value in row.items():
            found.setdefault(name, set()).add("null" if value is None else type(value).__name__)
    return {name: " or ".join(sorted(kinds)) for name, kinds in sorted(found.items())}


def difference(wanted: list[dict[str, Any]], found: list[dict[str, Any]]) -> dict[str, int]:
    """How many rows are missing and too many, a repeated row counting as often as it is there."""
    want, have = (Counter(json.dumps(row, sort_keys=True, default=str) for row in rows) for rows in (wanted, found))
    return {"missing": (want - have).total(), "too many": (have - want).total()}


def contiguous(values: list[int]) -> str:
    """In words what the values are; a gap or a repeat is named."""
    if not values:
        raise Missing("no values")
    found = f"{len(values)} values, {min(values)} to {max(values)}"
    odd = sorted(set(range(max(values) + 1)) - set(values)) or [v for v, n in Counter(values).items() if n > 1]
    return f"{found}; missing or repeated: {odd[:3]}" if odd else found
