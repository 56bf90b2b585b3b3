"""A short real answer from each daemon, with the standard library alone.

``python3 -m edge.health namenode datanode1 …`` answers ``{"nodes": {node: null when healthy, else what was wrong},
"applications": [{"id", "name", "state", "final_status"}], or null where YARN does not answer}``. It runs in any node of
the stack and asks all at once, since `invoke status` is typed often.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException

from common.channel import emit

SECONDS = 3

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


def ask_namenode(node: str) -> None:
    # Not the bean FSNamesystem, which has this too: it is one of the metrics, whose figures may be ten seconds old.
    state = bean(f"http://{node}:9870", "Hadoop:service=NameNode,name=FSNamesystemState")
    if state.get("NumLiveDataNodes", 0) < 1:
        raise Unhealthy("no live DataNode has registered")


def ask_datanode(node: str) -> None:
    bean(f"http://{node}:9864", "Hadoop:service=DataNode,name=DataNodeInfo")


def ask_resourcemanager(node: str) -> None:
    metrics = _json(f"http://{node}:8088/ws/v1/cluster/metrics")["clusterMetrics"]
    if metrics["activeNodes"] < 1:
        raise Unhealthy("no active NodeManager has registered")


def ask_nodemanager(node: str) -> None:
    info = _json(f"http://{node}:8042/ws/v1/node/info")["nodeInfo"]
    if not info["nodeHealthy"]:
        raise Unhealthy(info.get("healthReport") or "it says it is unhealthy")


def _exchange(node: str, port: int, request: bytes, answer_bytes: int) -> bytes:
    with socket.create_connection((node, port), timeout=SECONDS) as connection:
        connection.sendall(request)
        answer = b""
        while len(answer) < answer_bytes:
            chunk = connection.recv(answer_bytes - len(answer))
            if not chunk:
                raise Unhealthy("it closed the connection")
            answer += chunk
    return answer


def ask_kafka(node: str) -> None:
    """An ApiVersions request (key 18, version 0), whose answer carries our correlation id and no error."""
    body = struct.pack(">hhih", 18, 0, 7, -1)
    answer = _exchange(node, 9092, struct.pack(">i", len(body)) + body, 10)
    correlation, error = struct.unpack(">ih", answer[4:10])
    if correlation != 7 or error:
        raise Unhealthy(f"it answered with error {error}")


def ask_cassandra(node: str) -> None:
    """An OPTIONS request of the native protocol (version 4), answered by SUPPORTED."""
    answer = _exchange(node, 9042, struct.pack(">BBhBi", 4, 0, 1, 5, 0), 9)
    if answer[4] != 6:
        raise Unhealthy(f"it answered with opcode {answer[4]}")


def ask_edge(node: str) -> None:
    """The edge has no daemon: its name answering on the stack's network is what it can say."""
    socket.getaddrinfo(node, None)


ASK: dict[str, Callable[[str], None]] = {
    "namenode": ask_namenode,
    "datanode": ask_datanode,
    "resourcemanager": ask_resourcemanager,
    "nodemanager": ask_nodemanager,
    "kafka": ask_kafka,
    "cassandra": ask_cassandra,
    "edge": ask_edge,
}


def problem(node: str) -> str | None:
    """What is wrong with `node`, or None."""
    try:
        ASK[node.rstrip("0123456789")](node)
    except (OSError, HTTPException, ValueError, KeyError, Unhealthy) as error:
        return f"{type(error).__name__}: {error}" if not isinstance(error, Unhealthy) else str(error)
    return None


def applications() -> list[dict[str, str]] | None:
    """YARN's applications, oldest first; None where the ResourceManager does not answer: nobody knows then."""
    try:
        found = (_json("http://resourcemanager:8088/ws/v1/cluster/apps")["apps"] or {}).get("app", [])
    except (OSError, HTTPException, ValueError, KeyError):
        return None
    return [
        {"id": app["id"], "name": app["name"], "state": app["state"], "final_status": app["finalStatus"]}
        for app in sorted(found, key=lambda app: app["startedTime"])
    ]


def main(nodes: list[str]) -> None:
    with ThreadPoolExecutor(len(nodes) + 1) as pool:
        apps = pool.submit(applications)
        problems = dict(zip(nodes, pool.map(problem, nodes), strict=True))
        emit(answer={"nodes": problems, "applications": apps.result()})


if __name__ == "__main__":
    main(sys.argv[1:])
