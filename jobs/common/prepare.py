"""Make what a lesson needs before its jobs run: `python3 -m common.prepare lesson08/score`. Repeatable."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from common import request, reset
from common.command import print_lines
from common.lab import Lab


def lines(job: request.Job, lab: Lab) -> Iterator[str]:
    """Make topics, then tables, then the lesson's own input; one line for each thing, as it is done.

    An exercise begins anew each time: what it left when its gaps were filled in otherwise would be judged too.
    """
    if job.exercise:
        for line in reset.lines(job, lab):
            if not line.endswith("not there"):
                yield line
    for topic, partitions in job.topics.items():
        made = lab.kafka.ensure_topic(topic, partitions=partitions, start_over=lab.settings.start_over)
        yield f"topic {topic}: {f'made, {partitions} partitions' if made else 'already there'}"
    schema = request.resource(job.lesson, "schema.cql")
    if schema:
        yield from lab.cassandra.apply_schema(schema, file=f"{job.lesson}/schema.cql")
    own = request.own("prepare", job.lesson, job.exercise)
    if own:
        yield from own.prepare(lab)


if __name__ == "__main__":
    print_lines(sys.argv[1:], lines, prog="common.prepare")
