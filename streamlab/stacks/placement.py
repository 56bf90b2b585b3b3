"""Where a stack's data is, and where its plan wants it: copies follow the plan, and a node leaves after its data has.

A node that has left the plan goes in the products' own ways: a DataNode and a NodeManager are decommissioned, a
broker's partitions are reassigned, a Cassandra node streams its rows to the others. Only then its container and its
volume are removed, so that it is new when it comes back. Every step looks at what is so already: where a run was cut
off the next goes on, and one that failed leaves node and data where they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from docker.models.containers import Container

from streamlab.engines import engine, inside
from streamlab.errors import LabError
from streamlab.stacks.channel import fields
from streamlab.stacks.prove import SECONDS, failure, prove
from streamlab.stacks.reconcile import STOP_SECONDS
from streamlab.stacks.stack import Stack, failed, open_stack
from streamlab.students.topology import HOLDER_OF, Student, address, node_names

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


def settle(student: Student, leaving: Sequence[str]) -> list[str]:
    """Bring the data to the plan's nodes, and take away those of `leaving`; a line for each thing done.

    Raises:
        LabError: something could not be moved; the node that holds it is still there.
    """
    with open_stack(student) as stack:
        there = engine.containers(stack.client, student)
        for name in leaving:
            if there[name].status != "running":
                there[name].start()  # only a node that runs can hand over what it has
        _step(stack, "answering", {"nodes": ["namenode", "resourcemanager"], "seconds": SECONDS}, seconds=SECONDS + 10)
        _list_leavers(stack, there, leaving)
        _require_all(student)
        found = _look(stack)
        before, after = found["replication"], student.replication
        lowered = {service: min(before[service], after[service]) for service in after}
        if lowered != before:
            _step(stack, "remember", lowered)
        if _of("cassandra", leaving):
            # What only one node has heard of is on all that should have it before there are fewer.
            _repair(stack, there, _of("cassandra", sorted(there)), found["keyspaces"])
        told = _copy(stack, there, leaving, before)
        if lowered != after:
            _step(stack, "remember", after)
        _drain(stack, there, leaving, found["ring"])
        for name in leaving:
            _remove(stack, there[name], name)
        _list_leavers(stack, there, [])
        return [*told, *(f"{name} left" for name in leaving)]


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


def _run(stack: Stack, node: Container, command: Sequence[str], *, seconds: int = ASK_SECONDS) -> str:
    done = inside.run_inside(node, command, seconds=seconds)
    if done.code != 0:
        raise failed(f"{stack.student.name}: {' '.join(command)} failed", done, seconds=seconds)
    return done.out


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


def _drain(stack: Stack, there: Mapping[str, Container], leaving: Sequence[str], ring: Sequence[str]) -> None:
    """Wait until nothing is left on the nodes that leave; a broker's partitions have been moved already."""
    for name in _of("cassandra", leaving):
        if address(stack.student, name) in ring:
            # By force, since Cassandra's own keyspaces ask for more copies than a small ring has nodes.
            _run(stack, there[name], ["nodetool", "decommission", "--force"], seconds=LEAVE_SECONDS)
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


def _remove(stack: Stack, container: Container, name: str) -> None:
    """Take away a node that holds nothing any more, with its volume."""
    container.stop(timeout=STOP_SECONDS)
    if name.startswith("kafka"):
        number = int(name.removeprefix("kafka"))
        if number in _look(stack)["brokers"]:
            tool = ["kafka-cluster.sh", "unregister", "--bootstrap-server", "kafka1:9092", "--id", str(number)]
            _run(stack, stack.edge, tool)
    container.remove()
    stack.client.volumes.get(f"{stack.student.prefix}-{name}").remove()
