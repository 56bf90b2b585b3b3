"""Bring one lesson back to its start: `python3 -m common.reset lesson03`. Repeatable; no other lesson is touched."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from common import request
from common.command import print_lines
from common.lab import Lab


def lines(job: request.Job, lab: Lab) -> Iterator[str]:
    """Take away the lesson's topics, consumer groups, tables and folder, then what it alone knows of; a line each."""
    for topic in job.topics:
        yield f"topic {topic}: {'deleted' if lab.kafka.delete_topic(topic) else 'not there'}"
    for group in job.groups:
        yield f"consumer group {group}: {'deleted' if lab.kafka.delete_group(group) else 'not there'}"
    for table in job.tables:
        yield f"table {table}: {'dropped' if lab.cassandra.drop(table) else 'not there'}"
    home = lab.settings.home
    yield f"folder {home}: {'deleted' if lab.hdfs.delete(home) else 'not there'}"
    own = request.module(job.lesson, "reset")
    if own:
        yield from own.reset(lab)


if __name__ == "__main__":
    print_lines(sys.argv[1:], lines, prog="common.reset")
