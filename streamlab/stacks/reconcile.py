"""Brings one stack to its wanted state: its network, volumes and containers, with few calls to the engine.

What a container was made from stands in a label of its own; one whose label differs from what is wanted is made anew,
with its data, which is in a volume. Nothing else is compared, so a second run asks the engine three questions.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import docker
from docker.errors import APIError, NotFound
from docker.types import IPAMConfig, IPAMPool, LogConfig, Ulimit
from docker.utils.proxy import ProxyConfig

from streamlab.building import images
from streamlab.engines import proxies, volumes
from streamlab.engines.engine import CONFLICT
from streamlab.errors import LabError, WrongRequest
from streamlab.gateway import edge_ssh, gateway

#: The label with what a network or a container was made from.
MADE_FROM = "streamlab.made-from"
#: The label with whose a stack is.
OWNER = "streamlab.owner"
#: Containers that are made or started at the same time: the engine gains nothing from more.
AT_ONCE = 8
STOP_SECONDS = 20
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


@dataclass(frozen=True)
class Change:
    """What has to be done about one container, and why."""

    wanted: Wanted
    action: str  # "make", "make anew" or "start"
    before: Any = None


def made_from(wanted: Wanted) -> str:
    """What the label says: everything that the engine is told, as one line of JSON."""
    return json.dumps(asdict(wanted), sort_keys=True, separators=(",", ":"))


def _found_made_from(labels: Mapping[str, str]) -> Any:
    """What a container was made from by its label, None where that says nothing that can be read."""
    try:
        return json.loads(labels.get(MADE_FROM) or "null")
    except ValueError:
        return None


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
            todo.append(Change(one, "make anew", _found_made_from(there["Labels"])))
        elif there["State"] != "running":
            todo.append(Change(one, "start"))
    return todo


@dataclass(frozen=True)
class Outcome:
    """What was changed, as people read it, and the same as Ansible's ``--diff`` shows it."""

    changed: tuple[str, ...]
    diff: Mapping[str, str]
    leaving: tuple[str, ...] = ()


def reconcile(
    client: docker.DockerClient,
    *,
    plan: Mapping[str, Any],
    subnet: str,
    labels: Mapping[str, str],
    settings: Mapping[str, Mapping[str, Any]],
    config_files: Mapping[str, str],
    ssh_files: Mapping[str, bytes],
    dry_run: bool = False,
) -> Outcome:
    """Make the stack what it should be; a second time nothing is changed.

    Args:
        ssh_files: what sshd of the edge node reads, as `edge_ssh.files` gives it; written each time, which costs less
            than to look at what is there, and trusts none of it.

    A node that is there, or of which the volume is, and that is not in the plan is named as leaving, and left as it is:
    it may hold data.

    Raises:
        LabError: the engine refused something; what was done until then stays, and the next run goes on from there.
        WrongRequest: the network must be made while nodes are to leave, which need the old one; nothing was touched.
    """
    stored = volumes.wanted(plan["prefix"], [node["name"] for node in plan["nodes"]], config_files)
    nodes = wanted(plan, settings, stored.config)
    chosen = {"label": [f"{name}={labels[name]}" for name in ("streamlab.class", "streamlab.student")]}
    changed: list[str] = []
    try:
        found = {
            c["Labels"]["streamlab.node"]: c
            for c in client.api.containers(all=True, filters=chosen)
            if "streamlab.node" in c["Labels"]
        }
        there = volumes.there(client, chosen)
        network = _network(client, plan["network"])
        mounted = {mount.get("Name", "") for c in found.values() for mount in c["Mounts"]}
        leaving = (set(found) | volumes.nodes(there, plan["prefix"])) - {node.node for node in nodes}
        if network is None or [pool["Subnet"] for pool in network["IPAM"]["Config"]] != [subnet]:
            _require_none_leaves(sorted(leaving & set(found)), plan["network"])
            changed.append("network")
            if not dry_run:
                _remove(client, found.values())
                gateway.detach(client, labels["streamlab.class"], plan["network"])
                make_network(client, plan["network"], subnet, labels, before=network)
                if plan["gateway"]:
                    gateway.attach(client, labels["streamlab.class"], plan["network"], plan["gateway"])
            network, found = None, {}
        made = volumes.ensure(
            client, stored, there=there, labels=labels, image=nodes[0].image, config_files=config_files,
            mounted=mounted, dry_run=dry_run,
        )  # fmt: skip
        changed += _counted(made, stored)
        todo = changes(nodes, found, network["Id"] if network else "", labels.get(OWNER, ""))
        proxy = proxies.configured(plan["docker_host"])
        if not dry_run:
            # All away before one is made: an address may go from one to another.
            _remove(client, [found[change.wanted.node] for change in todo if change.action == "make anew"])
            with ThreadPoolExecutor(AT_ONCE) as pool:
                list(pool.map(lambda change: _start(client, change, found, labels, proxy), todo))
            edge_ssh.place(client, next(one.name for one in nodes if one.node == "edge"), ssh_files)
    except APIError as error:
        raise LabError(
            "the Docker Engine refused a part of the stack",
            evidence=str(error.explanation or error),
            fix="fix what it names and run the same command again: it continues from there",
        ) from error
    before = {change.wanted.node: change.before for change in todo} | dict.fromkeys(leaving, "leaves")
    after = {change.wanted.node: asdict(change.wanted) for change in todo}
    changed += [change.wanted.node for change in todo]
    return Outcome(tuple(changed), {"before": _text(before), "after": _text(after)}, tuple(sorted(leaving)))


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2, sort_keys=True) + "\n"


def _counted(made: Sequence[str], stored: volumes.Volumes) -> list[str]:
    data = sum(name != stored.config for name in made)
    return ([f"{data} {'volume' if data == 1 else 'volumes'}"] if data else []) + (
        ["configuration"] if stored.config in made else []
    )


def _network(client: docker.DockerClient, name: str) -> Mapping[str, Any] | None:
    """The network of this very name: the engine's filter is satisfied by a part of one."""
    return next((one for one in client.api.networks(names=[name]) if one["Name"] == name), None)


def _require_none_leaves(leaving: Sequence[str], network: str) -> None:
    if leaving:
        raise WrongRequest(
            f"the network {network} must be created again, but nodes are leaving",
            evidence=f"{', '.join(leaving)} hold data that other nodes must first take over on the old network",
            fix="keep them in the inventory, provision, then take them out of it and provision again",
        )


def make_network(
    client: docker.DockerClient,
    name: str,
    subnet: str,
    labels: Mapping[str, str],
    *,
    before: Mapping[str, Any] | None = None,
) -> None:
    """Make a stack's network in the place of the one `before`, which no container may use any more."""
    if before:
        client.api.remove_network(before["Id"])
    ipam = IPAMConfig(pool_configs=[IPAMPool(subnet=subnet)])
    client.api.create_network(name, driver="bridge", ipam=ipam, labels=dict(labels))


def _remove(client: docker.DockerClient, containers: Iterable[Mapping[str, Any]]) -> None:
    """Stop containers and remove them; the data stay, which are in volumes."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda container: _remove_one(client, container["Id"]), containers))


def _remove_one(client: docker.DockerClient, container: str) -> None:
    try:
        client.api.stop(container, timeout=STOP_SECONDS)
        try:
            client.api.remove_container(container)
        except APIError as error:
            if error.status_code != CONFLICT:
                raise
            # The engine still removes it, as a run that was interrupted has asked.
            client.api.wait(container, timeout=STOP_SECONDS, condition="removed")
    except NotFound:
        pass  # it has just gone, which is what was wanted


def _start(
    client: docker.DockerClient,
    change: Change,
    found: Mapping[str, Mapping[str, Any]],
    labels: Mapping[str, str],
    proxy: ProxyConfig | None,
) -> None:
    there = change.action == "start"
    client.api.start(found[change.wanted.node]["Id"] if there else _make(client, change.wanted, labels, proxy))


def _make(client: docker.DockerClient, wanted: Wanted, labels: Mapping[str, str], proxy: ProxyConfig | None) -> str:
    api = client.api
    env = dict(wanted.env)
    if proxy:
        exempt = env.get(proxies.DIRECT[0], "").split(",")
        env = {**proxy.get_environment(), **env, **proxies.direct(exempt, proxy)}
    memory = f"{wanted.memory_mb}m"
    host_config = api.create_host_config(
        network_mode=wanted.network,
        binds=[f"{wanted.data_volume}:{wanted.data_path}", f"{wanted.config_volume}:/etc/streamlab:ro"],
        port_bindings={port: ("127.0.0.1", published) for published, port in wanted.ports},
        mem_limit=memory,
        memswap_limit=memory,
        pids_limit=wanted.pids,
        cpu_shares=wanted.cpu_shares,
        # Of one file: a volume has no limit of its own, and a program that writes for ever mostly writes one.
        ulimits=[Ulimit(name="fsize", soft=size, hard=size)] if (size := wanted.file_mb * 2**20) else None,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges:true"],
        init=True,
        restart_policy={"Name": "unless-stopped"},
        log_config=LogConfig(type=LogConfig.types.JSON, config={"max-size": "10m", "max-file": "2"}),
    )
    made = api.create_container(
        wanted.image,
        list(wanted.command),
        name=wanted.name,
        hostname=wanted.node,
        environment=env,
        use_config_proxy=False,  # above, without a variable that is there twice: who reads the first and who the last?
        labels={
            **labels,
            "streamlab.node": wanted.node,
            "streamlab.service": wanted.service,
            MADE_FROM: made_from(wanted),
        },
        ports=[port for _, port in wanted.ports],
        host_config=host_config,
        networking_config=api.create_networking_config(
            {wanted.network: api.create_endpoint_config(aliases=[wanted.node], ipv4_address=wanted.address)}
        ),
        stop_timeout=STOP_SECONDS,
    )
    return made["Id"]
