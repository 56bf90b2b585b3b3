"""Bring one lesson back to its start: `python3 -m common.reset lesson03`. Repeatable; no other lesson is touched."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from common import request
from common.errors import JobError
from common.lab import Lab
from common.settings import load_info


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


def main(argv: Sequence[str]) -> int:
    try:
        job, settings = request.settings_from(request.parse(argv, prog="common.reset"), load_info())
        with Lab(settings) as lab:
            for line in lines(job, lab):
                print(line, flush=True)
    except JobError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
