"""Make the lesson's input: a thousand orders in Kafka. Repeatable."""

from __future__ import annotations

from common.lab import Lab
from lesson04 import data
from lesson04.places import known_format


def prepare(lab: Lab) -> list[str]:
    """One line for what was made, or is there. Refuses an unknown format here, before YARN is asked."""
    if "format" in lab.settings.args:
        known_format(lab.settings.args["format"])
    return [lab.ensure_records(lab.settings.topic("orders"), data.messages())]
