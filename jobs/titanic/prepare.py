"""Make the lesson's input: two files on HDFS, and five messages for the demonstration. Repeatable."""

from __future__ import annotations

from common.lab import Lab
from titanic import data
from titanic.places import CLASSES_FILE, PASSENGERS_FILE


def prepare(lab: Lab) -> list[str]:
    """One line for each thing: made, or already there. The passengers' topic is filled by the step `enrich`."""
    settings = lab.settings
    keyed = [(str(number), message) for number, message in enumerate(data.MESSAGES, start=1)]
    return [
        lab.ensure_file(settings.input(PASSENGERS_FILE), data.passengers_csv()),
        lab.ensure_file(settings.input(CLASSES_FILE), data.classes_csv()),
        lab.ensure_records(settings.topic("messages"), keyed),
    ]
