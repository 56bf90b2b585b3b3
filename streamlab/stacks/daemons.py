"""Stops and starts a stack's daemons, in an order in which none waits for another that is gone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

from docker.models.containers import Container

from streamlab.engines import engine, labelled
from streamlab.students.student import Student

#: Seconds that a daemon may take to write out what it holds, before the engine kills it.
STOP_SECONDS = 30
STOPPED = ("created", "exited", "dead")
#: The nodes that write to HDFS until they have stopped, and those that they need for it.
WRITERS = ("nodemanager", "hbase")
LAST = ("namenode", "datanode", "resourcemanager")


def stop_nodes(student: Student) -> int:
    """Stop what runs of a student's stack, and return how many nodes that were.

    A daemon that ends again and again runs too, though the engine calls it restarting at most moments. NodeManagers
    and HBase stop while HDFS and the ResourceManager still run: a NodeManager that has just run an application brings
    its log to HDFS, HBase what it has in memory, and both wait until they can.
    """
    with engine.connect(student.docker_host) as client:
        found = labelled.containers(client, student).items()
        running = {name: node for name, node in found if node.status not in STOPPED}
        writers = [name for name in running if name.startswith(WRITERS)]
        with ThreadPoolExecutor(max(1, len(running))) as pool:
            stops = {name: pool.submit(_stop, running[name]) for name in running if not name.startswith(LAST)}
            wait([stops[name] for name in writers])
            stops |= {name: pool.submit(_stop, running[name]) for name in running if name.startswith(LAST)}
            for stop in stops.values():
                stop.result()
    return len(running)


def _stop(node: Container) -> None:
    node.stop(timeout=STOP_SECONDS)


def start_nodes(student: Student) -> int:
    """Start what does not run of a student's stack, and return how many nodes that were."""
    with engine.connect(student.docker_host) as client:
        stopped = [node for node in labelled.containers(client, student).values() if node.status != "running"]
        _each(stopped, lambda node: node.start())
    return len(stopped)


def _each(nodes: Sequence[Container], do: Callable[[Container], None]) -> None:
    with ThreadPoolExecutor(max(1, len(nodes))) as pool:
        list(pool.map(do, nodes))
