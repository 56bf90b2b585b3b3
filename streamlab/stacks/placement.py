"""Where a stack's data is, and where its plan wants it: copies follow the plan, and a node leaves after its data has.

A node that has left the plan goes in the products' own ways: a DataNode and a NodeManager are decommissioned, a
broker's partitions are reassigned, a Cassandra node streams its rows to the others. Only then its container and its
volume are removed, so that it is new when it comes back. Every step looks at what is so already: where a run was cut
off the next goes on, and one that failed leaves node and data where they are. Who has begun to leave is noted in the
stack, so that a node which is kept after all is taken back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from docker.models.containers import Container

from streamlab.engines import engine, inside
from streamlab.errors import LabError
from streamlab.stacks.channel import fields
from streamlab.stacks.prove import SECONDS, failure, is_proved, prove
from streamlab.stacks.reconcile import STOP_SECONDS
from streamlab.stacks.stack import Stack, failed, open_stack
from streamlab.students.topology import HOLDER_OF, Student, address, node_names, nodes

#: Seconds that blocks, containers or rows may take to be somewhere else.
LEAVE_SECONDS = 600
#: Seconds for one question, or for one command that only tells a daemon something.
ASK_SECONDS = 120
#: A file that lists who leaves, its node, and the command after which it is read. YARN would end what still runs when
#: its own time is over, so it is given more than anybody waits.
LEAVING = {
    "datanode": ("namenode", "/data/leaving.json", ("hdfs", "dfsadmin", "-refreshNodes")),
    "nodemanager": (
        "resourcemanager", "/data/leaving", ("yarn", "rmadmin", "-refreshNodes", "-g", "1000000", "-server"),
    ),
}  # fmt: skip
#: The note of who has begun to leave: a line each, "cassandra2 leaves", or "cassandra2 left" once it has handed over
#: everything. In the NameNode's volume, which outlives every container; there is none when nobody does.
NOTE = "/data/leavers"
LEAVES, LEFT = "leaves", "left"


def is_settled(student: Student) -> bool:
    """Whether the stack has proved itself as it is, and no node has begun to leave that is still there."""
    if not is_proved(student):
        return False
    with engine.connect(student.docker_host) as client:
        namenode = engine.glance(client, student).get("namenode")
        return namenode is None or not inside.has_path(namenode, NOTE)


def settle(student: Student, leaving: Sequence[str]) -> list[str]:
    """Bring the data to the plan's nodes, and take away those of `leaving`; a line for each thing done.

    Args:
        leaving: nodes that are not in the plan, and of which a container or a volume is there.

    Raises:
        LabError: something could not be moved; the node that holds it is still there.
    """
    with open_stack(student) as stack:
        there = engine.containers(stack.client, student)
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
            # What only one node has heard of is on all that should have it before there are fewer.
            ring = [name for name in _of("cassandra", sorted(there)) if address(student, name) in found["ring"]]
            _repair(stack, there, ring, found["keyspaces"])
        told = _copy(stack, there, leaving, before)
        if lowered != after:
            _step(stack, "remember", after)
        _drain(stack, there, active, found["ring"], note)
        for name in leaving:
            _remove(stack, there.get(name), name)
            note.set([name], LEAVES)  # of that name a new node may come, which has not left
        _list_leavers(stack, there, [])
        note.clear()
        return [*told, *(f"{name} left" for name in leaving), *(f"{name} stays" for name in kept)]


class Note:
    """Node -> how far it has left, `LEAVES` or `LEFT`; written where it is read from at once."""

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


def _remove_rejoining(stack: Stack, there: Mapping[str, Container], note: Note, kept: Sequence[str]) -> None:
    """Remove those that have left the ring and are in the plan again: a node of Cassandra cannot join with old data.

    Raises:
        LabError: there were some, so the stack lacks them until the next run makes them.
    """
    rejoining = [name for name in _of("cassandra", kept) if note.states[name] == LEFT]
    for name in rejoining:
        _remove(stack, there.get(name), name)
        note.set([name], LEAVES)
    if rejoining:
        raise LabError(
            f"{stack.student.name}: {', '.join(rejoining)} had left already, and must be made anew",
            evidence="what was left of an interrupted run is removed; the data are on the other nodes",
            fix="invoke provision once more",
        )


def _require_containers(student: Student, there: Mapping[str, Container], leaving: Sequence[str]) -> None:
    """Refuse to drop a volume that may hold what no other node has: only a container could hand it over."""
    lost = [name for name in leaving if name not in there and not name.startswith("nodemanager")]
    if lost:
        raise LabError(
            f"{student.name}: {', '.join(lost)} cannot leave: the container is gone",
            evidence=[f"volume {student.prefix}-{name} may hold data that no other node has" for name in lost],
            fix="keep the node in the inventory and provision, then take it out and provision again",
        )


def _of(kind: str, names: Sequence[str]) -> list[str]:
    return [name for name in names if name.rstrip("0123456789") == kind]


def _require_all(student: Student) -> None:
    """Wait until the nodes that data goes to take part; YARN keeps none."""
    seconds = SECONDS * student.node_counts["cassandra"]  # a ring takes in one node at a time
    bad = [proven for proven in prove(student, list(HOLDER_OF), seconds=seconds) if not proven.passed]
    if bad:
        raise failure(student, bad[0])


def _step(
    stack: Stack, step: str, given: Mapping[str, Any], *, seconds: int = ASK_SECONDS, **answer: type
) -> dict[str, Any]:
    """Have the edge take one step; `answer` says which fields its answer has, and of which kind."""
    return stack.answer("edge.placement", step, json.dumps(given), seconds=seconds, read=fields(**answer))


def _look(stack: Stack) -> dict[str, Any]:
    return _step(stack, "look", {}, replication=dict, ring=list, keyspaces=list, brokers=list)


def _run(stack: Stack, node: Container, command: Sequence[str], *, seconds: int = ASK_SECONDS) -> None:
    done = inside.run_inside(node, command, seconds=seconds)
    if done.code != 0:
        raise failed(f"{stack.student.name}: {' '.join(command)} failed", done, seconds=seconds)


def _list_leavers(stack: Stack, there: Mapping[str, Container], leaving: Sequence[str]) -> None:
    """Tell HDFS and YARN who leaves and gets nothing new, unless they know."""
    for kind, (node, path, refresh) in LEAVING.items():
        names = _of(kind, leaving)
        text = leavers_file(kind, names)
        if inside.run_inside(there[node], ["cat", path], seconds=ASK_SECONDS).out != text:
            folder, _, name = path.rpartition("/")
            inside.put_files(there[node], folder, {name: text.encode()})
            _run(stack, stack.edge, refresh)


def leavers_file(kind: str, names: Sequence[str]) -> str:
    """The file by which HDFS or YARN knows who leaves; empty is the same as missing, which it is at first."""
    if kind == "nodemanager":
        return "".join(f"{name}\n" for name in names)
    return json.dumps([{"hostName": name, "adminState": "DECOMMISSIONED"} for name in names]) if names else ""


def _copy(stack: Stack, there: Mapping[str, Container], leaving: Sequence[str], before: Mapping[str, int]) -> list[str]:
    """Have files, partitions and keyspaces in as many copies as the plan says, where that is another number or fewer
    nodes are left for them.
    """
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


def _repair(stack: Stack, there: Mapping[str, Container], names: Sequence[str], keyspaces: Sequence[str]) -> None:
    """Bring every copy of these keyspaces' rows up to date, each node the part of the ring that is its own."""
    for name in names:
        for keyspace in keyspaces:
            _run(stack, there[name], ["nodetool", "repair", "-full", "-pr", keyspace], seconds=LEAVE_SECONDS)


def _drain(
    stack: Stack, there: Mapping[str, Container], leaving: Sequence[str], ring: Sequence[str], note: Note
) -> None:
    """Wait until nothing is left on the nodes that leave; a broker's partitions have been moved already.

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


def _remove(stack: Stack, container: Container | None, name: str) -> None:
    """Take away a node that holds nothing any more, with its volume, which may be all that is there of it."""
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
