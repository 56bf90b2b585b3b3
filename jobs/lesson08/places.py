"""Names of what the lesson keeps, shared by its steps, its preparation and its check."""

from __future__ import annotations

from common.settings import Settings

TRAINING_FILE = "people_with_salary.csv"
METRICS = "metrics.json"
MODEL = "salary"
QUERY = "l08-score"


def keyspace_of(settings: Settings) -> str:
    """The keyspace of the lesson's tables: "lab", or a copy's own."""
    return settings.table("people").partition(".")[0]
