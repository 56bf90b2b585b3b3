"""The containers that a stack should have, and what there is to do for it. Pure: the engine is not asked here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from streamlab.building import images
from streamlab.engines import proxies
from streamlab.engines.labelled import OWNER

#: The label with what a container was made from.
MADE_FROM = "streamlab.made-from"
#: A container's weight on the processors, as the engine itself gives it.
CPU_SHARES = 1024


@dataclass(frozen=True)
class Wanted:
    """One container as it should be. Ports are ``(host port on 127.0.0.1, container port)``."""

    node: str
    name: str
    service: str
    image: str
    command: tuple[str, ...]
    env: Mapping[str, str]
    data_volume: str
    data_path: str
    config_volume: str
    network: str
    address: str
    memory_mb: int
    pids: int
    cpu_shares: int
    file_mb: int
    ports: tuple[tuple[int, int], ...]


def wanted(plan: Mapping[str, Any], settings: Mapping[str, Mapping[str, Any]], config_volume: str) -> list[Wanted]:
    """The containers of a stack: its plan, and what each kind's role says of how a node is started.

    Args:
        plan: as `topology.plan` gives it.
        settings: kind -> ``{"command", "env", "data", "cpu_shares"}``, of which only the command must be
            there; a node that is started unlike others of its kind stands there under its name.
    """
    tags = images.all_tags()
    how = {node["name"]: settings.get(node["name"]) or settings[node["kind"]] for node in plan["nodes"]}
    return [
        Wanted(
            node=node["name"],
            name=node["container"],
            service=node["service"],
            image=tags[node["image"]],
            command=tuple(how[node["name"]]["command"]),
            # Whether there is a proxy or not: who provisions next may be somebody else, who has one.
            env={**proxies.direct(plan["names"]), **how[node["name"]].get("env", {})},
            data_volume=f"{plan['prefix']}-{node['name']}",
            data_path=how[node["name"]].get("data", "/data"),
            config_volume=config_volume,
            network=plan["network"],
            address=node["address"],
            memory_mb=node["memory_mb"],
            pids=node["pids"],
            cpu_shares=how[node["name"]].get("cpu_shares", CPU_SHARES),
            file_mb=plan["disk_mb"],
            ports=tuple((page["host_port"], page["container_port"]) for page in node["pages"]),
        )
        for node in plan["nodes"]
    ]


def made_from(wanted: Wanted) -> str:
    """What the label says: everything that the engine is told, as one line of JSON."""
    return json.dumps(asdict(wanted), sort_keys=True, separators=(",", ":"))


def found_made_from(labels: Mapping[str, str]) -> Any:
    """What a container was made from by its label, None where that says nothing that can be read."""
    try:
        return json.loads(labels.get(MADE_FROM) or "null")
    except ValueError:
        return None


@dataclass(frozen=True)
class Change:
    """What has to be done about one container, and why."""

    wanted: Wanted
    action: str  # "make", "make anew" or "start"
    before: Any = None


def changes(
    wanted: Sequence[Wanted], found: Mapping[str, Mapping[str, Any]], network_id: str, owner: str = ""
) -> list[Change]:
    """What to do, from the engine's own list of the stack's containers by node. Pure.

    A container refers to its network by the id that it had at the last start, so one whose network was removed cannot
    start again, though there may be another network of the same name.

    Args:
        owner: whose they are to be; a container without this label is from a time when it was not written.
    """
    todo = []
    for one in wanted:
        there = found.get(one.node)
        if there is None:
            todo.append(Change(one, "make"))
            continue
        joined = there["NetworkSettings"]["Networks"].get(one.network, {}).get("NetworkID")  # "" before the first start
        labels = there["Labels"]
        as_wanted = labels.get(MADE_FROM) == made_from(one) and labels.get(OWNER, owner) == owner
        if not as_wanted or joined not in ("", network_id):
            todo.append(Change(one, "make anew", found_made_from(there["Labels"])))
        elif there["State"] != "running":
            todo.append(Change(one, "start"))
    return todo
