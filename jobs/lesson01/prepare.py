"""Put the measurements on HDFS, one file after the other: a file stream takes them in the order of their times."""

from __future__ import annotations

from common.lab import Lab
from lesson01 import data
from lesson01.places import FILES_IN


def prepare(lab: Lab) -> list[str]:
    """One line for each file: written, or already there."""
    folder = lab.settings.input(FILES_IN)
    return [lab.ensure_file(f"{folder}/{name}", data.csv(rows)) for name, rows in data.files().items()]
