"""Send the sixty events, and make the file of readings. Repeatable: what is there already is not made again."""

from __future__ import annotations

from common.lab import Lab
from lesson02 import data
from lesson02.places import READINGS


def prepare(lab: Lab) -> list[str]:
    """One line for each thing: sent or written, or already there."""
    return [
        lab.ensure_records(lab.settings.topic("events"), data.events()),
        lab.ensure_file(lab.settings.input(READINGS), data.readings_csv()),
    ]
