"""Make what a lesson needs before its jobs run: `python3 -m common.prepare lesson08/score`. Repeatable."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from common import request
from common.errors import JobError
from common.lab import Lab
from common.settings import load_info


def lines(job: request.Job, lab: Lab) -> Iterator[str]:
    """Make topics, then tables, then the lesson's own input; one line for each thing, as it is done."""
    for topic, partitions in job.topics.items():
        made = lab.kafka.ensure_topic(topic, partitions=partitions)
        yield f"topic {topic}: {f'made, {partitions} partitions' if made else 'already there'}"
    schema = request.resource(job.lesson, "schema.cql")
    if schema:
        yield from lab.cassandra.apply_schema(schema)
    own = request.module(job.lesson, "prepare")
    if own:
        yield from own.prepare(lab)


def main(argv: Sequence[str]) -> int:
    try:
        job, settings = request.settings_from(request.parse(argv, prog="common.prepare"), load_info())
        with Lab(settings) as lab:
            for line in lines(job, lab):
                print(line, flush=True)
    except JobError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
