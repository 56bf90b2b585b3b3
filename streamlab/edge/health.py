"""A short real answer from each daemon, with the standard library alone.

``python3 -m edge.health namenode datanode1 …`` (without a name: each address of the cluster's description) answers
``{"nodes": {node: null when healthy, else what was wrong}, "applications": [{"id", "name", "type", "tags",
"state", "final_status", "started", "finished": seconds since the epoch, 0 if it has not}], or null where YARN does not
answer, "submits": [lessons that are about to be submitted], "in_use": {"yarn_mb", "hdfs_mb": [used, most], or null
where nobody says}, "checks": as `checks.kept` gives it}``. It runs in any node of the stack, of which only the edge
knows of submits and checks, and asks all at once, since `invoke status` is typed often.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from common.channel import emit
from common.settings import USER, LabInfo, load_info

from .checks import kept
from .locks import locked

SECONDS = 3
KAFKA_PORT, CASSANDRA_PORT = 9092, 9042

#: A laptop's proxy settings, inherited by a container, would send a stack's own names to the proxy.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Unhealthy(Exception):
    """The node answered, but not as a healthy one does."""


def _json(url: str) -> dict:
    with _OPENER.open(url, timeout=SECONDS) as answer:
        return json.load(answer)


def bean(url: str, name: str) -> dict:
    """What a daemon of Hadoop's says of itself under `name`."""
    beans = _json(f"{url}/jmx?qry={name}")["beans"]
    if not beans:
        raise Unhealthy("it is still starting")
    return beans[0]


def ask_namenode(address: str) -> None:
    # Not the bean FSNamesystem, which has this too: it is one of the metrics, whose figures may be ten seconds old.
    state = bean(f"http://{address}", "Hadoop:service=NameNode,name=FSNamesystemState")
    if state.get("NumLiveDataNodes", 0) < 1:
        raise Unhealthy("no live DataNode has registered")


def ask_datanode(address: str) -> None:
    bean(f"http://{address}", "Hadoop:service=DataNode,name=DataNodeInfo")


def ask_resourcemanager(address: str) -> None:
    metrics = _json(f"http://{address}/ws/v1/cluster/metrics")["clusterMetrics"]
    if metrics["activeNodes"] < 1:
        raise Unhealthy("no active NodeManager has registered")


def ask_nodemanager(address: str) -> None:
    info = _json(f"http://{address}/ws/v1/node/info")["nodeInfo"]
    if not info["nodeHealthy"]:
        raise Unhealthy(info.get("healthReport") or "it says it is unhealthy")


def _exchange(address: str, request: bytes, answer_bytes: int) -> bytes:
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=SECONDS) as connection:
        connection.sendall(request)
        answer = b""
        while len(answer) < answer_bytes:
            chunk = connection.recv(answer_bytes - len(answer))
            if not chunk:
                raise Unhealthy("it closed the connection")
            answer += chunk
    return answer


def ask_kafka(address: str) -> None:
    """An ApiVersions request (key 18, version 0), whose answer carries our correlation id and no error."""
    body = struct.pack(">hhih", 18, 0, 7, -1)
    answer = _exchange(address, struct.pack(">i", len(body)) + body, 10)
    correlation, error = struct.unpack(">ih", answer[4:10])
    if correlation != 7 or error:
        raise Unhealthy(f"it answered with error {error}")


def ask_cassandra(address: str) -> None:
    """An OPTIONS request of the native protocol (version 4), answered by SUPPORTED."""
    answer = _exchange(address, struct.pack(">BBhBi", 4, 0, 1, 5, 0), 9)
    if answer[4] != 6:
        raise Unhealthy(f"it answered with opcode {answer[4]}")


def ask_hbase(address: str) -> None:
    server = bean(f"http://{address}", "Hadoop:service=HBase,name=Master,sub=Server")
    if not server.get("masterFinishedInitializationTime"):
        raise Unhealthy("the master has not finished its initialization")
    if server.get("numRegionServers", 0) < 1:
        raise Unhealthy("no live region server has registered")


def ask_edge(address: str) -> None:
    """The edge has no daemon: its name answering on the stack's network is what it can say."""
    socket.getaddrinfo(address.rpartition(":")[0], None)


#: Kind of node -> how it is asked, and the port at which it answers.
ASK: dict[str, tuple[Callable[[str], None], int]] = {
    "namenode": (ask_namenode, 9870),
    "datanode": (ask_datanode, 9864),
    "resourcemanager": (ask_resourcemanager, 8088),
    "nodemanager": (ask_nodemanager, 8042),
    "kafka": (ask_kafka, KAFKA_PORT),
    "cassandra": (ask_cassandra, CASSANDRA_PORT),
    "edge": (ask_edge, 0),
    "hbase": (ask_hbase, 16010),
}


def addresses(nodes: Sequence[str], info: LabInfo | None) -> dict[str, tuple[str, str]]:
    """What is asked, by the name under which it is reported: its kind and ``host:port``.

    That is each of `nodes`, or each address of the cluster's description where none is named.
    """
    kinds = {node: node.rstrip("0123456789") for node in nodes}
    if info is None or kinds:
        return {node: (kind, f"{node}:{ASK[kind][1]}") for node, kind in kinds.items()}
    brokers = [one.strip() for one in info.kafka.split(",")]
    contacts = [one if ":" in one else f"{one}:{CASSANDRA_PORT}" for one in info.cassandra]
    found = [("namenode", urlsplit(info.webhdfs).netloc), ("resourcemanager", urlsplit(info.yarn).netloc)]
    found += [*(("kafka", one) for one in brokers), *(("cassandra", one) for one in contacts)]
    return {f"{kind} at {address}": (kind, address) for kind, address in found}


def problem_at(kind: str, address: str) -> str | None:
    """What is wrong with the node of this kind at ``host:port``, or None."""
    try:
        ASK[kind][0](address)
    except (OSError, HTTPException, ValueError, KeyError, Unhealthy) as error:
        return f"{type(error).__name__}: {error}" if not isinstance(error, Unhealthy) else str(error)
    return None


def problem(node: str) -> str | None:
    """What is wrong with a stack's node, or None."""
    ((kind, address),) = addresses([node], None).values()
    return problem_at(kind, address)


def applications(yarn: str) -> list[dict[str, Any]] | None:
    """YARN's applications, oldest first; None where the ResourceManager does not answer: nobody knows then."""
    try:
        found = (_json(f"{yarn}/ws/v1/cluster/apps")["apps"] or {}).get("app", [])
    except (OSError, HTTPException, ValueError, KeyError):
        return None
    return [
        {
            "id": app["id"], "name": app["name"], "type": app["applicationType"],
            "tags": [tag for tag in app["applicationTags"].split(",") if tag],
            "state": app["state"], "final_status": app["finalStatus"],
            "started": app["startedTime"] // 1000, "finished": app.get("finishedTime", 0) // 1000,
        }
        for app in sorted(found, key=lambda app: app["startedTime"])
    ]  # fmt: skip


def yarn_in_use(yarn: str) -> list[int]:
    """The memory that applications have of all that YARN may hand out, in MB: used and most."""
    metrics = _json(f"{yarn}/ws/v1/cluster/metrics")["clusterMetrics"]
    return [int(metrics["allocatedMB"]), int(metrics["totalMB"])]


def hdfs_in_use(webhdfs: str) -> list[int]:
    """What all files with all their copies use of the quota on them, in MB; without a quota the second number is 0."""
    usage = _json(f"{webhdfs}/webhdfs/v1/?op=GETQUOTAUSAGE&user.name={USER}")["QuotaUsage"]
    return [round(usage["spaceConsumed"] / 2**20), round(max(usage["spaceQuota"], 0) / 2**20)]


def in_use(ask: Callable[[str], list[int]], address: str) -> list[int] | None:
    """The answer of one of the two above; None where there is none."""
    try:
        return ask(address)
    except (OSError, HTTPException, ValueError, KeyError, TypeError):
        return None


def main(nodes: Sequence[str], info: LabInfo) -> None:
    asked = addresses(nodes, info)
    with ThreadPoolExecutor(len(asked) + 3) as pool:
        apps = pool.submit(applications, info.yarn)
        yarn = pool.submit(in_use, yarn_in_use, info.yarn)
        hdfs = pool.submit(in_use, hdfs_in_use, info.webhdfs)
        problems = dict(zip(asked, pool.map(lambda one: problem_at(*one), asked.values()), strict=True))
        used = {"yarn_mb": yarn.result(), "hdfs_mb": hdfs.result()}
        emit(
            answer={
                "nodes": problems, "applications": apps.result(), "submits": locked(), "in_use": used, "checks": kept(),
            }
        )  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:], load_info())
