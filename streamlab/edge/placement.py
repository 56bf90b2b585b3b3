"""Moves a stack's data to the nodes that should hold it: ``python3 -m edge.placement STEP JSON``.

Steps, each with one answer; `streamlab.stacks.placement` calls them in turn:

- ``answering {"nodes", "seconds"}``: waits until these nodes answer
- ``look {}``: ``{"replication", "ring", "keyspaces", "brokers"}``, as they are
- ``copy {"before", "after", "nodes"}``: ``{"told", "raised"}``; brings the data of the services in "nodes" to the
  planned number of copies
- ``drained {"datanodes", "nodemanagers", "seconds"}``: waits until these nodes hold no data and run no containers
- ``remember {service: copies}``: stores what the next ``look`` returns as "replication"
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from functools import partial
from typing import TYPE_CHECKING, Any

from common.channel import emit
from common.errors import Missing
from common.hdfs import Hdfs
from common.lab import Lab
from common.settings import Settings, load_info

from .health import bean, problem
from .yarn import Yarn

if TYPE_CHECKING:
    from common.cassandra import Cassandra

    from .kafka import Brokers

#: The file with the number of copies that each service's data was last brought to.
MARK = "/streamlab/replication.json"
SYSTEM = re.compile(r"system(_[a-z]+)?")
PAUSE_S = 0.5


def copies(now: int, *, before: int, after: int, nodes: int) -> int:
    """How many copies something should have that has `now`.

    If it had the stack's old number, it gets the new one. Any other number was chosen by somebody and is kept, unless
    there are fewer nodes than that.
    """
    return min(after if now == before else now, nodes)


def places(held: Sequence[int], brokers: Sequence[int], count: int, load: Counter[int]) -> list[int]:
    """Which brokers should hold a partition: its current ones if they stay, then the least loaded ones."""
    kept = [broker for broker in held if broker in brokers]
    others = sorted((broker for broker in brokers if broker not in kept), key=lambda broker: (load[broker], broker))
    chosen = (kept + others)[:count]
    load.update(broker for broker in chosen if broker not in held)
    return chosen


def keyspaces(cassandra: Cassandra) -> dict[str, dict[str, str]]:
    """The users' keyspaces (not Cassandra's own), and how each is replicated."""
    found = cassandra.rows("SELECT keyspace_name, replication FROM system_schema.keyspaces")
    return {
        row["keyspace_name"]: dict(row["replication"]) for row in found if not SYSTEM.fullmatch(row["keyspace_name"])
    }


def remembered(hdfs: Hdfs) -> dict[str, int]:
    """Service -> the number of copies its data was last brought to; one if it never was."""
    try:
        return json.loads(hdfs.read_text(MARK))
    except Missing:
        return {"hdfs": 1, "kafka": 1, "cassandra": 1}


def answering(_: Lab, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Wait until these nodes answer for themselves."""
    return _until_none(lambda: [f"{node}: {why}" for node in wanted["nodes"] if (why := problem(node))], wanted)


def _until_none(left: Callable[[], list[str]], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Wait until `left` lists nothing, for at most "seconds".

    Raises:
        TimeoutError: something was still left; the message lists it.
    """
    ends = time.monotonic() + wanted["seconds"]
    while lines := left():
        if time.monotonic() > ends:
            raise TimeoutError("; ".join(lines))
        time.sleep(PAUSE_S)
    return {}


def brokers_of(lab: Lab) -> AbstractContextManager[Brokers]:
    """The Kafka client that moves partitions; imported only when needed, as `Lab` does with its clients."""
    from .kafka import Brokers

    return closing(Brokers(lab.info.kafka))


def look(lab: Lab, _: Mapping[str, Any]) -> dict[str, Any]:
    with brokers_of(lab) as cluster:
        brokers = cluster.registered()
    return {
        "replication": remembered(lab.hdfs),
        "ring": sorted(lab.cassandra.ring()),
        "keyspaces": sorted(keyspaces(lab.cassandra)),
        "brokers": sorted(brokers),
    }


def remember(lab: Lab, replication: Mapping[str, int]) -> dict[str, Any]:
    lab.hdfs.write(MARK, json.dumps(replication))
    return {}


def copy(lab: Lab, wanted: Mapping[str, Any]) -> dict[str, Any]:
    told, raised = [], []
    for service, nodes in wanted["nodes"].items():
        given = {name: wanted[name][service] for name in ("before", "after")}
        rule = partial(copies, nodes=len(nodes), **given)
        if service == "hdfs":
            changed = copy_files(lab.hdfs, rule)
            told += [f"{changed} files"] if changed else []
        elif service == "kafka":
            with brokers_of(lab) as cluster:
                moved = copy_partitions(cluster, [int(name.removeprefix("kafka")) for name in nodes], rule)
            told += [f"{moved} partitions"] if moved else []
        else:
            altered = dict(copy_keyspaces(lab.cassandra, rule))
            told += [f"keyspace {name}" for name in altered]
            raised = [name for name, more in altered.items() if more]
    return {"told": told, "raised": raised}


def copy_files(hdfs: Hdfs, rule: Callable[[int], int]) -> int:
    """Set every file's number of copies; returns how many files changed."""
    changed = [file for file in hdfs.walk("/") if rule(file.replication) != file.replication]
    for file in changed:
        hdfs.set_replication(file.path, rule(file.replication))
    return len(changed)


def copy_partitions(cluster: Brokers, brokers: Sequence[int], rule: Callable[[int], int]) -> int:
    """Reassign every partition to the number of `brokers` that the rule gives; returns how many partitions moved."""
    held = cluster.held()
    load = Counter(broker for replicas in held.values() for broker in replicas)
    wanted = {one: places(replicas, brokers, rule(len(replicas)), load) for one, replicas in held.items()}
    moved = {one: replicas for one, replicas in wanted.items() if replicas != held[one]}
    cluster.reassign(moved)
    return len(moved)


def copy_keyspaces(cassandra: Cassandra, rule: Callable[[int], int]) -> Iterator[tuple[str, bool]]:
    """Set every keyspace's number of copies; yields each changed keyspace, and whether it has more copies now."""
    for name, replication in keyspaces(cassandra).items():
        now = {place: int(count) for place, count in replication.items() if count.isdigit()}
        then = {place: rule(count) for place, count in now.items()}
        if then != now:
            text = ", ".join(f"'{key}': '{value}'" for key, value in (replication | then).items())
            cassandra.rows(f'ALTER KEYSPACE "{name}" WITH replication = {{{text}}}')
            yield name, any(then[place] > now[place] for place in now)


def drained(_: Lab, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Wait until all blocks of these DataNodes have copies elsewhere and these NodeManagers run no container."""
    return _until_none(lambda: list(_held(wanted["datanodes"], wanted["nodemanagers"])), wanted)


def _held(datanodes: Sequence[str], nodemanagers: Sequence[str]) -> Iterator[str]:
    """What still prevents the nodes from leaving, one line for each reason."""
    if datanodes:
        live = json.loads(bean("http://namenode:9870", "Hadoop:service=NameNode,name=NameNodeInfo")["LiveNodes"])
        states = {name.partition(":")[0]: (node["adminState"], node["numBlocks"]) for name, node in live.items()}
        for name in datanodes:
            state, blocks = states.get(name, ("not known to the NameNode", 0))
            if state != "Decommissioned":
                yield f"{name} is {state}, with {blocks} blocks"
    if nodemanagers:
        yarn = Yarn()
        running = ", ".join(f"{app['id']} {app['name']}" for app in yarn.unfinished()) or "nothing any more"
        for node in yarn.nodes("NEW,RUNNING,UNHEALTHY,DECOMMISSIONING"):
            name = node["nodeHostName"]
            if name in nodemanagers:
                yield f"{name} is {node['state']} with {node['numContainers']} containers; running: {running}"


STEPS: dict[str, Callable[[Lab, Any], dict[str, Any]]] = {
    "answering": answering,
    "look": look,
    "copy": copy,
    "drained": drained,
    "remember": remember,
}


if __name__ == "__main__":
    with Lab(Settings(info=load_info(), lesson="placement")) as opened:
        emit(answer=STEPS[sys.argv[1]](opened, json.loads(sys.argv[2])))
