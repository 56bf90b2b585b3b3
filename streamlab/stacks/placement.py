"""Moves a stack's data to where the plan wants it: copies follow the plan, and a node leaves only after its data has.

A node that is no longer planned leaves in the product's own way: a DataNode or a NodeManager is decommissioned, a
broker's partitions are reassigned, a Cassandra node streams its rows to the others. Only then are its container and its
volume removed, so that it starts empty if it comes back. Every step first checks what is already done: the next run
continues an interrupted one, and a failed step leaves node and data in place. Which nodes have begun to leave is noted
in the stack, so that a node can be taken back if it is kept after all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from docker.models.containers import Container

from streamlab.engines import engine, inside, labelled
from streamlab.errors import LabError
from streamlab.stacks.channel import fields
from streamlab.stacks.prove import SECONDS, failure, is_proved, prove
from streamlab.stacks.reconcile import STOP_SECONDS
from streamlab.stacks.stack import StackOnEngine, failed, open_on_engine
from streamlab.students.addresses import address
from streamlab.students.services import kind_of, node_names
from streamlab.students.student import HOLDER_OF, Student
from streamlab.students.topology import nodes

#: Timeout in seconds for moving blocks, containers or rows to other nodes.
LEAVE_SECONDS = 600
#: Timeout in seconds for one query, or for one command that only notifies a daemon.
ASK_SECONDS = 120
#: The node and the file that list what leaves, and the command that makes the daemon read it. YARN would kill running
#: containers at its own timeout, so that is set longer than anybody waits.
LEAVING = {
    "datanode": ("namenode", "/data/leaving.json", ("hdfs", "dfsadmin", "-refreshNodes")),
    "nodemanager": (
        "resourcemanager", "/data/leaving", ("yarn", "rmadmin", "-refreshNodes", "-g", "1000000", "-server"),
    ),
}  # fmt: skip
#: The note of the nodes that have begun to leave, one per line: "cassandra2 leaves", or "cassandra2 left" once it has
#: handed over everything. In the NameNode's volume, which outlives every container; missing if no node leaves.
NOTE = "/data/leavers"
LEAVES, LEFT = "leaves", "left"


def is_settled(student: Student) -> bool:
    """Whether the stack is proved in its current form and no node is still leaving."""
    if not is_proved(student):
        return False
    with engine.connect(student.docker_host) as client:
        namenode = labelled.summaries(client, student).get("namenode")
        return namenode is None or not inside.has_path(namenode, NOTE)


def settle(student: Student, leaving: Sequence[str]) -> list[str]:
    """Move the data to the planned nodes and remove those in `leaving`; returns a line for each change.

    Args:
        leaving: nodes that are not planned but still have a container or a volume.

    Raises:
        LabError: something could not be moved; the node that holds it is still there.
    """
    with open_on_engine(student) as stack:
        there = labelled.containers(stack.client, student)
        note = Note(there["namenode"])
        kept = [node.name for node in nodes(student) if node.name in note.states]
        _remove_rejoining(stack, there, note, kept)
        active = [name for name in leaving if note.states.get(name) != LEFT]
        _require_containers(student, there, active)
        note.set(active, LEAVES)
        for name in active:
            if name in there and there[name].status != "running":
                there[name].start()  # only a node that runs can hand over what it has
        _step(stack, "answering", {"nodes": ["namenode", "resourcemanager"], "seconds": SECONDS}, seconds=SECONDS + 10)
        _list_leavers(stack, there, leaving)
        _require_all(student)
        found = _look(stack)
        before, after = found["replication"], student.replication
        lowered = {service: min(before[service], after[service]) for service in after}
        if lowered != before:
            _step(stack, "remember", lowered)
        if _of("cassandra", active):
            # A row that only one node has received is copied to all its replicas before there are fewer nodes.
            ring = [name for name in _of("cassandra", sorted(there)) if address(student, name) in found["ring"]]
            _repair(stack, there, ring, found["keyspaces"])
        told = _copy(stack, there, leaving, before)
        if lowered != after:
            _step(stack, "remember", after)
        _drain(stack, there, active, found["ring"], note)
        for name in leaving:
            _remove(stack, there.get(name), name)
            note.set([name], LEAVES)  # a new node of the same name has not left
        _list_leavers(stack, there, [])
        note.clear()
        return [*told, *(f"{name} left" for name in leaving), *(f"{name} stays" for name in kept)]


class Note:
    """Node -> how far it has left, `LEAVES` or `LEFT`; every change is written to the file at once."""

    def __init__(self, namenode: Container) -> None:
        self._namenode = namenode
        text = inside.run_inside(namenode, ["cat", NOTE], seconds=ASK_SECONDS).out
        self.states = dict(line.partition(" ")[::2] for line in text.splitlines())

    def set(self, names: Sequence[str], state: str) -> None:
        if names:
            self.states |= dict.fromkeys(names, state)
            folder, _, file = NOTE.rpartition("/")
            text = "".join(f"{name} {state}\n" for name, state in self.states.items())
            inside.put_files(self._namenode, folder, {file: text.encode()})

    def clear(self) -> None:
        if self.states:
            self.states = {}
            inside.run_inside(self._namenode, ["rm", "-f", NOTE], seconds=ASK_SECONDS)


def _remove_rejoining(stack: StackOnEngine, there: Mapping[str, Container], note: Note, kept: Sequence[str]) -> None:
    """Remove nodes that left the ring but are planned again: a Cassandra node cannot join with old data.

    Raises:
        LabError: there were some, so the stack lacks them until the next run creates them.
    """
    rejoining = [name for name in _of("cassandra", kept) if note.states[name] == LEFT]
    for name in rejoining:
        _remove(stack, there.get(name), name)
        note.set([name], LEAVES)
    if rejoining:
        raise LabError(
            f"{stack.student.name}: {', '.join(rejoining)} had already left, and must be created again",
            evidence="what was left of an interrupted run is removed; the data are on the other nodes",
            fix="invoke provision once more",
        )


def _require_containers(student: Student, there: Mapping[str, Container], leaving: Sequence[str]) -> None:
    """Refuse to remove a volume that may hold the only copy of data: only a running container could hand it over."""
    lost = [name for name in leaving if name not in there and kind_of(name) in HOLDER_OF.values()]
    if lost:
        raise LabError(
            f"{student.name}: {', '.join(lost)} cannot leave: the container is gone",
            evidence=[f"volume {student.prefix}-{name} may hold data that no other node has" for name in lost],
            fix="keep the node in the inventory and provision, then take it out and provision again",
        )


def _of(kind: str, names: Sequence[str]) -> list[str]:
    return [name for name in names if kind_of(name) == kind]


def _require_all(student: Student) -> None:
    """Wait until all nodes that receive data are working; YARN stores none."""
    seconds = SECONDS * student.node_counts["cassandra"]  # a ring takes in one node at a time
    bad = [proven for proven in prove(student, list(HOLDER_OF), seconds=seconds) if not proven.passed]
    if bad:
        raise failure(student, bad[0])


def _step(
    stack: StackOnEngine, step: str, given: Mapping[str, Any], *, seconds: int = ASK_SECONDS, **answer: type
) -> dict[str, Any]:
    """Run one step on the edge node; `answer` gives the fields of its answer and their types."""
    return stack.answer("edge.placement", step, json.dumps(given), seconds=seconds, read=fields(**answer))


def _look(stack: StackOnEngine) -> dict[str, Any]:
    return _step(stack, "look", {}, replication=dict, ring=list, keyspaces=list, brokers=list)


def _run(stack: StackOnEngine, node: Container, command: Sequence[str], *, seconds: int = ASK_SECONDS) -> None:
    done = inside.run_inside(node, command, seconds=seconds)
    if done.code != 0:
        raise failed(f"{stack.student.name}: {' '.join(command)} failed", done, seconds=seconds)


def _list_leavers(stack: StackOnEngine, there: Mapping[str, Container], leaving: Sequence[str]) -> None:
    """Tell HDFS and YARN which nodes are leaving and get no new data or containers, unless they know already."""
    for kind, (node, path, refresh) in LEAVING.items():
        names = _of(kind, leaving)
        text = leavers_file(kind, names)
        if inside.run_inside(there[node], ["cat", path], seconds=ASK_SECONDS).out != text:
            folder, _, name = path.rpartition("/")
            inside.put_files(there[node], folder, {name: text.encode()})
            _run(stack, stack.edge, refresh)


def leavers_file(kind: str, names: Sequence[str]) -> str:
    """The file that tells HDFS or YARN which nodes are leaving; an empty file means none, like a missing one."""
    if kind == "nodemanager":
        return "".join(f"{name}\n" for name in names)
    return json.dumps([{"hostName": name, "adminState": "DECOMMISSIONED"} for name in names]) if names else ""


def _copy(
    stack: StackOnEngine, there: Mapping[str, Container], leaving: Sequence[str], before: Mapping[str, int]
) -> list[str]:
    """Bring files, partitions and keyspaces to the planned number of copies if it changed or fewer nodes remain."""
    student, after = stack.student, stack.student.replication
    holders = {service: node_names(kind, student.node_counts[kind]) for service, kind in HOLDER_OF.items()}
    touched = {s: names for s, names in holders.items() if before[s] != after[s] or _of(HOLDER_OF[s], leaving)}
    given = {"before": before, "after": after, "nodes": touched}
    done = _step(stack, "copy", given, seconds=LEAVE_SECONDS, told=list, raised=list)
    _repair(stack, there, holders["cassandra"], done["raised"])
    if len(holders["cassandra"]) > after["cassandra"]:
        for name in holders["cassandra"]:  # rows that went to a new node are still on the old ones
            _run(stack, there[name], ["nodetool", "cleanup"], seconds=LEAVE_SECONDS)
    return done["told"]


def _repair(
    stack: StackOnEngine, there: Mapping[str, Container], names: Sequence[str], keyspaces: Sequence[str]
) -> None:
    """Bring all replicas of these keyspaces up to date; each node repairs its own part of the ring."""
    for name in names:
        for keyspace in keyspaces:
            _run(stack, there[name], ["nodetool", "repair", "-full", "-pr", keyspace], seconds=LEAVE_SECONDS)


def _drain(
    stack: StackOnEngine, there: Mapping[str, Container], leaving: Sequence[str], ring: Sequence[str], note: Note
) -> None:
    """Wait until nothing is left on the leaving nodes; a broker's partitions have been moved already.

    Cassandra comes last: only its nodes cannot be taken back.
    """
    held = {f"{kind}s": _of(kind, leaving) for kind in LEAVING}
    if any(held.values()):
        given = {**held, "seconds": LEAVE_SECONDS}
        done = stack.python("edge.placement", "drained", json.dumps(given), seconds=LEAVE_SECONDS + 10)
        if done.code != 0:
            raise LabError(
                f"{stack.student.name}: {', '.join(leaving)} cannot leave yet",
                evidence=done.err.strip().splitlines()[-1:] or f"no answer within {LEAVE_SECONDS} s",
                fix="end what runs there (invoke stop), or keep the node in the inventory; then invoke provision",
            )
    for name in _of("cassandra", leaving):
        if address(stack.student, name) in ring:
            # By force, since Cassandra's own keyspaces ask for more copies than a small ring has nodes.
            _run(stack, there[name], ["nodetool", "decommission", "--force"], seconds=LEAVE_SECONDS)
        note.set([name], LEFT)
    note.set(leaving, LEFT)


def _remove(stack: StackOnEngine, container: Container | None, name: str) -> None:
    """Remove a node that holds no data any more, and its volume; the container may be gone already."""
    if container:
        container.stop(timeout=STOP_SECONDS)
    if name.startswith("kafka"):
        number = int(name.removeprefix("kafka"))
        if number in _look(stack)["brokers"]:
            tool = ["kafka-cluster.sh", "unregister", "--bootstrap-server", "kafka1:9092", "--id", str(number)]
            _run(stack, stack.edge, tool)
    if container:
        container.remove()
    stack.client.volumes.get(f"{stack.student.prefix}-{name}").remove()
