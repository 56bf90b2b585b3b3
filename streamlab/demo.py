"""`./lab demo`: from nothing to predictions on a real cluster, with the time of each stage."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from streamlab import display
from streamlab.engines.inside import run_inside
from streamlab.stacks import operation
from streamlab.stacks.operation import Access, Operation
from streamlab.stacks.provision import provision
from streamlab.stacks.stack import ISOLATED, failed, open_stack
from streamlab.students.inventory import Lab
from streamlab.students.student import Student
from streamlab.ui import say, table
from streamlab.work import check, submit
from streamlab.work.request import request

JOB = "lesson08"
SHOW = Operation("demo", Access.USE, seconds=120)
QUERY = (
    "SELECT id, education, job, years, CAST(prediction AS int) AS predicted_salary FROM lab.salary_prediction LIMIT 8"
)


def demo(lab: Lab, student: Student) -> None:
    """Provision one student's stack, run lesson08 on its YARN, check it, and show what it predicted."""
    times: list[list[str]] = []

    @contextmanager
    def timed(title: str) -> Iterator[None]:
        say(f"\n== {title}")
        began = time.monotonic()
        yield
        times.append([title, f"{time.monotonic() - began:.0f} s"])

    with display.whole("engine", "images", "cluster", JOB, "check"):
        with timed("engine, images and one student's cluster"):
            provision(lab, [student])
        with timed(f"{JOB}: train a model on YARN, then score a Kafka stream into Cassandra"), display.stage(JOB):
            submit.submit_one(student, request(JOB))
        with timed("check the outcome from outside"), display.stage("check"):
            check.report(student, JOB, as_json=False)
    say("\n== the first predictions, as Cassandra has them")
    say(operation.act(predictions, student, SHOW))
    say("\n" + table(["stage", "time"], times))
    say(NEXT)


def predictions(student: Student) -> str:
    """A few scored rows, asked with the student's own ``cqlsh``."""
    with open_stack(student) as stack:
        done = run_inside(stack.edge, ["cqlsh", "-e", QUERY], seconds=60, env=ISOLATED)
    if done.code != 0:
        raise failed("cqlsh could not show the predictions", done, seconds=60)
    return done.out.strip("\n")


NEXT = """
Next:
  ./lab status                                          what runs, and whether it answers
  ./lab links                                           the pages to open
  ./lab shell                                           the edge node: hdfs, yarn, kafka-topics.sh, cqlsh, pyspark
  ./lab submit --job lesson08/score --continuous        leave the stream running; end it with ./lab stop --job lesson08
  ./lab jobs                                            every lesson, its steps and its resources
  ./lab destroy                                         take the cluster away"""
