"""Invented measurements in five CSV files, and what the lesson should make of them and of the numbers (the oracle).

Everything comes from one seed and one time, so a check knows every row in advance.
"""

from __future__ import annotations

from dataclasses import asdict, astuple, dataclass, fields
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import Any

SEED = 1
FILES = 5
ROWS = 20
LETTERS = "ABCDE"

START = datetime(2025, 1, 1, tzinfo=UTC)
#: The generated stream: ten numbers a batch, each batch one second of event time later. It has no end; the lesson
#: looks at its first seven batches.
PER_BATCH = 10
ADVANCE_MS = 1000
BATCHES = 7
JUBILEE = 10


@dataclass(frozen=True)
class Measurement:
    """A line of a CSV file."""

    letter: str
    a: int
    b: float
    c: float
    d: float


COLUMNS = tuple(field.name for field in fields(Measurement))


@cache
def files(seed: int = SEED) -> dict[str, tuple[Measurement, ...]]:
    """The measurements by the name of their file, in the order in which the files arrive."""
    random = Random(seed)
    return {
        f"measurements-{number:02d}.csv": tuple(_measurement(random) for _ in range(ROWS))
        for number in range(1, FILES + 1)
    }


def _measurement(random: Random) -> Measurement:
    letter = random.choice(LETTERS)
    return Measurement(letter, random.randint(0, 999), *(round(random.uniform(0, 10), 1) for _ in range(3)))


def csv(rows: tuple[Measurement, ...]) -> str:
    lines = [",".join(COLUMNS), *(",".join(map(str, astuple(row))) for row in rows)]
    return "\n".join(lines) + "\n"


def exercise_files(seed: int) -> dict[str, tuple[Measurement, ...]]:
    """A student's own files for the exercise. Each has another length, so that a batch tells which file it had."""
    lengths = Random(seed).sample(range(10, ROWS + 1), FILES)
    return {name: rows[:length] for (name, rows), length in zip(files(seed).items(), lengths, strict=True)}


def rows_with_file() -> list[dict[str, Any]]:
    """What the parquet files hold in the end: each measurement, and the file that it came in."""
    return [{**asdict(row), "file": name} for name, rows in files().items() for row in rows]


def numbers() -> list[dict[str, Any]]:
    """What the generated stream gives in its first batches, marked by the lesson's transform."""
    return [
        {
            "batch": value // PER_BATCH,
            "timestamp": (START + timedelta(milliseconds=value // PER_BATCH * ADVANCE_MS)).isoformat(),
            "value": value,
            "even": value % 2 == 0,
            "note": "jubilee" if value % JUBILEE == 0 else "",
        }
        for value in range(PER_BATCH * BATCHES)
    ]
