"""What the exercise of lesson 1 starts from, and what each of its gaps should leave behind."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from common import file_sink
from common.checkpoint import Checkpoint
from common.checks import Assertion, Fact, equal, same_rows
from common.exercise import Exercise
from lesson01 import data

if TYPE_CHECKING:
    from common.lab import Lab

TYPES = {"letter": "string", "a": "int", "b": "double", "c": "double", "d": "double"}
MARKED = {**TYPES, "file": "string", "even": "boolean", "note": "string"}


def prepare(lab: Lab) -> list[str]:
    """The student's own files, one after the other: a file stream takes them in the order of their times."""
    folder = lab.settings.input("files")
    files = data.exercise_files(lab.settings.seed).items()
    return [lab.ensure_file(f"{folder}/{name}", data.csv(rows)) for name, rows in files]


def measurements(lab: Lab) -> list[dict[str, Any]]:
    return [asdict(row) for rows in data.exercise_files(lab.settings.seed).values() for row in rows]


def marked(lab: Lab) -> list[dict[str, Any]]:
    """The student's own measurements with the three columns that gap 2 adds."""
    files = data.exercise_files(lab.settings.seed)
    return [
        {**asdict(row), "file": name, "even": row.a % 2 == 0, "note": "jubilee" if row.a % 10 == 0 else ""}
        for name, rows in files.items()
        for row in rows
    ]


def check(lab: Lab) -> list[Assertion]:
    work = Exercise(lab)
    return [
        *work.gap(1, lambda: reads(lab, work)),
        *work.gap(2, lambda: marks(lab, work)),
        *work.gap(3, lambda: files(lab, work), needs=[1, 2]),
        *work.gap(4, lambda: memory(lab, work), needs=[1, 2]),
        *work.gap(5, lambda: progress(lab, work), needs=[1, 2, 4]),
    ]


def reads(lab: Lab, work: Exercise) -> list[Assertion]:
    checkpoint = Checkpoint(lab.hdfs, work.checkpoint(1))
    return [
        equal("columns and types", TYPES, lambda: work.columns(1), work.where(1)),
        same_rows("measurements, without the header lines", measurements(lab), lambda: work.rows(1), work.where(1)),
        equal(
            "batches, one file each",
            data.FILES,
            lambda: len(checkpoint.commits),
            f"hdfs dfs -cat '{checkpoint.path}/sources/0/*'",
        ),
    ]


def marks(lab: Lab, work: Exercise) -> list[Assertion]:
    return [
        equal("columns and types", MARKED, lambda: work.columns(2), work.where(2)),
        same_rows("measurements, all eight columns", marked(lab), lambda: work.rows(2), work.where(2)),
    ]


def files(lab: Lab, work: Exercise) -> list[Assertion]:
    folder, name = lab.settings.output("even"), f"{lab.settings.lesson}-even"
    place = lab.settings.checkpoint(name)
    where = f"hdfs dfs -ls {folder}"
    paths = Fact(lambda: file_sink.committed_files(lab.hdfs, folder))
    return [
        equal("the query's name", name, lambda: work.query_name(3), f"{lab.settings.lesson}/exercise.py"),
        equal(
            "batches by its checkpoint",
            data.FILES,
            lambda: len(Checkpoint(lab.hdfs, place).commits),
            f"hdfs dfs -ls {place}/commits",
        ),
        same_rows(
            "even measurements in the files that _spark_metadata names",
            [row for row in marked(lab) if row["even"]],
            lambda: file_sink.parquet_rows(lab.hdfs, paths()),
            where,
        ),
    ]


def memory(lab: Lab, work: Exercise) -> list[Assertion]:
    name = f"{lab.settings.lesson}_marked"
    place = lab.settings.checkpoint(name)
    where = f"hdfs dfs -cat {lab.settings.output('gaps.json')}"
    return [
        same_rows(f"measurements in the table {name}", marked(lab), lambda: work.value(4), where),
        equal(
            "batches by its checkpoint",
            data.FILES,
            lambda: len(Checkpoint(lab.hdfs, place).commits),
            f"hdfs dfs -ls {place}/commits",
        ),
    ]


def progress(lab: Lab, work: Exercise) -> list[Assertion]:
    lengths = [len(rows) for rows in data.exercise_files(lab.settings.seed).values()]
    where = f"hdfs dfs -cat {lab.settings.output('gaps.json')}"
    return [equal("rows of the five batches", lengths, lambda: work.value(5), where)]
