"""Make the lesson's input: records in Kafka, CSV files on HDFS, a second delivery to be sent by hand. Repeatable."""

from __future__ import annotations

from common.lab import Lab
from lesson03 import data
from lesson03.places import CATEGORIES, SECOND_DELIVERY


def prepare(lab: Lab) -> list[str]:
    """One line for each thing: made, or already there."""
    settings = lab.settings
    files = data.category_files().items()
    return [
        lab.ensure_records(settings.topic("orders"), data.messages()),
        *(lab.ensure_file(settings.input(CATEGORIES, name), text) for name, text in files),
        lab.ensure_file(settings.input(SECOND_DELIVERY), data.second_delivery_text()),
    ]
