"""Repairs a stack whose snapshot or restore was interrupted, before anything else is done with it.

Interrupted means that it could not clean up: its process was killed, or its machine went off. Its carrier (see
`carrier`) still exists then, and its labels say what it was for and whether the daemons ran.
"""

from __future__ import annotations

import docker

from streamlab.stacks import daemons
from streamlab.stacks.carrier import CARRIER, RAN, Carrier, left_behind
from streamlab.stacks.channel import plain
from streamlab.stacks.stack import StackOnEngine
from streamlab.students.student import Student
from streamlab.ui import say


def repair(client: docker.DockerClient, student: Student) -> None:
    """Undo or finish an interrupted command. The caller must hold the stack's lock."""
    left = left_behind(client, student)
    if left is None:
        return
    ran = left.labels.get(RAN) == "true"
    say(f"{student.name}: {plain(left.labels.get(CARRIER, 'a command'))} was interrupted here; repairing that first")
    if left.status != "running":
        left.start()
    settle(student, Carrier(StackOnEngine(student, client, left)))
    if ran:
        daemons.start_nodes(student)
    left.remove(force=True)  # last: a repair that is cut off too is repeated


def settle(student: Student, carrier: Carrier) -> None:
    """Delete what a restore has left beside a stack's data, or undo it: unless it was proved, what was there stays."""
    state = carrier.state()
    if state == "swapped":
        say(f"{student.name}: a restore that was cut off before its proofs is undone")
        daemons.stop_nodes(student)
    if state != "none":
        carrier.exchange("end")
