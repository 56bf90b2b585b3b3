"""Make the lesson's input: history on HDFS, today's orders in Kafka, customers in Cassandra. Repeatable."""

from __future__ import annotations

from common import layers
from common.lab import Lab
from common.orders import as_parquet
from lesson06.places import HISTORY


def prepare(lab: Lab) -> list[str]:
    """One line for each thing: made, or already there."""
    settings = lab.settings
    files = [
        lab.ensure_file(settings.input(HISTORY, f"day={day}", "orders.parquet"), as_parquet(those))
        for day, those in layers.history().items()
    ]
    written = sum("already there" not in line for line in files)
    known = [(one.cid, one.full_name, one.city) for one in layers.customers()]
    return [
        f"folder {settings.input(HISTORY)}: {len(files)} days, {written or 'none'} written",
        lab.ensure_rows(settings.table("customer_names"), layers.NAME_COLUMNS, known),
        lab.ensure_records(settings.topic("orders"), layers.records()),
    ]
