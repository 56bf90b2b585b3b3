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

from streamlab.engines import proxies, volumes
from streamlab.engines.engine import CONFLICT
from streamlab.engines.labelled import OWNER
from streamlab.errors import LabError, WrongRequest
from streamlab.gateway import edge_ssh, gateway
from streamlab.stacks.containers import MADE_FROM, Change, Wanted, changes, made_from, wanted

#: Containers that are made or started at the same time: the engine gains nothing from more.
AT_ONCE = 8
STOP_SECONDS = 20


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
