"""Make the lesson's input, the orders and items of lesson 5, and let `windows` begin anew. Repeatable."""

from __future__ import annotations

from common import flink, shop
from common.lab import Lab
from lesson09.places import ANSWERS, PROCESSING_TIME


def prepare(lab: Lab) -> list[str]:
    """One line for each thing: made, or already there."""
    settings, orders = lab.settings, shop.order_records()
    if settings.step == "stream":
        return [lab.ensure_records(settings.topic("live"), orders[: int(settings.args["orders"])])]
    made = [
        lab.ensure_records(settings.topic("orders"), orders),
        lab.ensure_records(settings.topic("items"), shop.item_records()),
    ]
    if settings.step == "windows" and not flink.state(lab.hdfs, settings):
        made += [_emptied(lab, settings.topic(name)) for name in ANSWERS if lab.kafka.count(settings.topic(name))]
    lab.hdfs.delete(settings.broken(PROCESSING_TIME))  # so that it shows the same thing each time
    return made


def _emptied(lab: Lab, topic: str) -> str:
    """Answers of a run that came to its end. The next one reads all orders again, and would give each a second time."""
    lab.kafka.delete_topic(topic)
    lab.kafka.ensure_topic(topic, partitions=1)
    return f"topic {topic}: made anew"
