"""The measurements of lesson 1 are the same everywhere, and the oracle knows the numbers of the generated stream."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from collections import Counter

from lesson01 import data
from streamlab.paths import JOBS


def test_five_files_of_twenty_rows() -> None:
    assert list(data.files()) == [f"measurements-{number:02d}.csv" for number in range(1, 6)]
    assert {len(rows) for rows in data.files().values()} == {20}


def test_no_row_is_there_twice() -> None:
    """Else a row too many could stand for one that is missing."""
    assert Counter(row for rows in data.files().values() for row in rows).most_common(1)[0][1] == 1


def test_a_file_reads_as_what_it_was_made_from() -> None:
    for rows in data.files().values():
        read = list(csv.DictReader(io.StringIO(data.csv(rows))))
        assert tuple(read[0]) == ("letter", "a", "b", "c", "d")
        assert [
            data.Measurement(r["letter"], int(r["a"]), float(r["b"]), float(r["c"]), float(r["d"])) for r in read
        ] == [*rows]


def test_another_process_generates_the_same() -> None:
    program = "from lesson01 import data; print(data.files())"
    made = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(JOBS), "PYTHONHASHSEED": "3", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert made.stdout == f"{data.files()}\n"


def test_numbers_come_ten_a_batch_and_each_batch_a_second_later() -> None:
    rows = data.numbers()
    assert [row["value"] for row in rows] == list(range(70))
    assert Counter(row["batch"] for row in rows) == dict.fromkeys(range(7), 10)
    assert (rows[0]["timestamp"], rows[69]["timestamp"]) == ("2025-01-01T00:00:00+00:00", "2025-01-01T00:00:06+00:00")
    assert sum(row["even"] for row in rows) == 35
    assert [row["value"] for row in rows if row["note"] == "jubilee"] == [0, 10, 20, 30, 40, 50, 60]


def test_a_student_s_own_files_are_others_and_a_batch_tells_which_it_had() -> None:
    own = data.exercise_files(7)
    assert list(own) == list(data.files())
    assert len({len(rows) for rows in own.values()}) == 5
    assert own == data.exercise_files(7)
    assert not {row for rows in own.values() for row in rows} & {
        row for rows in data.exercise_files(8).values() for row in rows
    }
    assert data.files(data.SEED) == data.files()
