"""Make the lesson's input: orders and items in Kafka, customers on HDFS. Repeatable."""

from __future__ import annotations

from common import shop as data
from common.lab import Lab
from lesson05.places import CUSTOMERS_FILE


def prepare(lab: Lab) -> list[str]:
    """One line for each thing: made, or already there."""
    settings = lab.settings
    return [
        lab.ensure_file(settings.input(CUSTOMERS_FILE), data.customers_csv()),
        lab.ensure_records(settings.topic("orders"), data.order_records()),
        lab.ensure_records(settings.topic("items"), data.item_records()),
    ]
