"""Drills that are records in a topic: sent by a producer in the stack, into a copy of a lesson that is the drill's own.

Records cannot be taken out of a Kafka topic again. So a lesson's own topic is left alone: the copy has topics, folders
and checkpoints of its own, which go when the drill ends, and a student's files of the same name stay.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from streamlab.drills.catalogue import Drill, lessons
from streamlab.lessons import bundle, jobs, scaffold
from streamlab.lessons.jobs import Job
from streamlab.stacks.stack import Stack, failed
from streamlab.ui import captured_output
from streamlab.work import check, follow
from streamlab.work.submit import running_of

#: Seconds in which a job's input is made, and in which the records are sent.
PREPARE_SECONDS, SEND_SECONDS = 120, 60


@contextmanager
def copy_of(lesson: str, name: str) -> Iterator[Job]:
    """The lesson's copy, as `invoke new --job NAME --like LESSON` makes one."""
    with tempfile.TemporaryDirectory(prefix="streamlab-drill-") as folder:
        yield jobs.load(scaffold.create(name, folder, scaffold.files_like(name, lesson)))


def send(stack: Stack, drill: Drill) -> None:
    """Make the topics and the input of a drill's job anew, and send the drill's records after the lesson's own."""
    with copy_of(drill.like, drill.job) as job:
        _clear(stack, job)
        zips = [bundle.job_bundle(job.folder)]
        done = stack.python("common.prepare", job.name, seconds=PREPARE_SECONDS, zips=zips)
    if done.code != 0:
        raise failed(f"{stack.student.name}: the input of {job.name} could not be made", done, seconds=PREPARE_SECONDS)
    stack.answer("edge.drill_records", drill.name, drill.job, seconds=SEND_SECONDS, read=int)


def take_back(stack: Stack) -> None:
    """Take away the topics and folders of every drill's job, and end what runs of it."""
    for name, lesson in lessons().items():
        with copy_of(lesson, name) as job:
            _clear(stack, job)


def _clear(stack: Stack, job: Job) -> None:
    with captured_output():
        for app_id in running_of(stack, job.steps).values():
            follow.kill(stack, app_id)
        check.reset(stack.student, job)
