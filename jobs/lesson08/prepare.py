"""Make the lesson's input: people in Cassandra, jobs in Kafka, the training file on HDFS. Repeatable."""

from __future__ import annotations

from common.lab import Lab
from lesson08 import data
from lesson08.algos import known_algo
from lesson08.places import TRAINING_FILE


def prepare(lab: Lab) -> list[str]:
    """One line for each thing: made, or already there. Refuses an unknown algo here, before YARN is asked."""
    settings = lab.settings
    if "algo" in settings.args:
        known_algo(settings.args["algo"])
    everyone = [(person.id, person.age, person.gender) for person in data.people()]
    return [
        lab.ensure_file(settings.input(TRAINING_FILE), data.training_csv()),
        lab.ensure_rows(settings.table("people"), data.PEOPLE_COLUMNS, everyone),
        lab.ensure_records(settings.topic("jobs"), data.messages()),
    ]
