"""A class's gateway on one Docker host: its containers, its files, and the stacks' networks that it has joined.

The containers share one network namespace, the front's. None has the engine's socket, a capability or a writable root:
whoever takes one over has students' pages, not the host.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import docker
from docker.errors import APIError, NotFound
from docker.models.containers import Container
from docker.types import LogConfig

from streamlab.building import images
from streamlab.engines import engine, inside
from streamlab.errors import LabError
from streamlab.gateway import bastion
from streamlab.gateway.settings import digest
from streamlab.students.addresses import gateway_address
from streamlab.students.student import Gateway, Student

#: The label of everything that belongs to a gateway: which part of it.
LABEL = "streamlab.gateway"
UID = 10002
#: In the configuration volume: the hash of all other files, written last.
DIGEST = "digest"


@dataclass(frozen=True)
class Part:
    """One container of a gateway.

    Args:
        reload: the signal at which it reads its files again.
        ports: inside -> the inventory's setting that says where the port is published; all are the front's.
        tmp_mb: the size of its /tmp, which is all that it may write to beside its volumes.
    """

    name: str
    command: tuple[str, ...]
    memory_mb: int
    pids: int
    reload: str = "HUP"
    keeps_state: bool = False
    ports: tuple[tuple[int, str], ...] = ()
    tmp_mb: int = 16


#: The front comes first: the others share its network.
PARTS = (
    Part("front", ("nginx", "-c", "/etc/gateway/nginx.conf"), 64, 32, ports=((8443, "port"),)),
    Part("portal", ("python3", "-m", "portal"), 128, 64, keeps_state=True),
    Part(
        "bastion", ("sh", "-c", bastion.RUN), 64, 256, keeps_state=True,
        ports=((bastion.PORT, "ssh_port"),),
    ),
)  # fmt: skip


def container_name(lab_class: str, part: str) -> str:
    return f"{lab_class}-gateway-{part}"


def network_name(lab_class: str) -> str:
    """The gateway's own network, by which it publishes its port.

    Of the networks of a container, the engine takes the first by name for the ports and for the way out: a digit comes
    before the letter with which a student's name begins.
    """
    return f"{lab_class}-0gateway"


def volume_name(lab_class: str, kind: str) -> str:
    return f"{lab_class}-gateway-{kind}"


def ensure(
    client: docker.DockerClient,
    students: Sequence[Student],
    gateway: Gateway,
    files: Mapping[str, bytes],
    *,
    labels: Mapping[str, str],
) -> list[str]:
    """Make the gateway what it should be, and return the parts that were changed; a second time nothing is.

    Changed files are read by the running processes: no connection is cut, and nobody has to log in again.

    Args:
        students: of this Docker host; a network of theirs that exists is joined.

    Raises:
        LabError: the engine refused something.
    """
    lab_class = students[0].lab_class
    try:
        changed = _ensure_parts(client, lab_class, gateway, files, labels)
        for student in students:
            attach(client, lab_class, student.network, gateway_address(student))
    except APIError as error:
        raise LabError(
            f"the Docker Engine refused a part of the gateway of {lab_class}",
            evidence=[str(error.explanation or error), *last_lines(client, lab_class)],
            fix="if a port is taken, set another gateway.port in the inventory; then run the same command again",
        ) from error
    return changed


def _ensure_parts(
    client: docker.DockerClient,
    lab_class: str,
    gateway: Gateway,
    files: Mapping[str, bytes],
    labels: Mapping[str, str],
) -> list[str]:
    found = parts_of(client, lab_class)
    _ensure_places(client, lab_class, labels)
    wanted = digest(files)
    is_new = found.get("front") is None or _digest_in(found["front"]) != wanted
    if is_new:
        _fill(client, lab_class, files, wanted, labels)
    changed = ["files"] if is_new else []
    for part in PARTS:
        there = found.get(part.name)
        made_from = _made_from(part, gateway, found.get("front"))
        if there is None or there.labels.get("streamlab.made-from") != made_from:
            if there is not None:
                there.remove(force=True)
            found[part.name] = _make(client, lab_class, part, gateway, found.get("front"), labels)
            changed.append(part.name)
        elif there.status != "running":
            there.start()
            changed.append(part.name)
        elif is_new:
            there.kill(part.reload)
    return changed


def parts_of(client: docker.DockerClient, lab_class: str) -> dict[str, Container]:
    """Part -> container, of the gateway that a class has on this engine."""
    chosen = {"label": [f"streamlab.class={lab_class}", LABEL]}
    return {one.labels[LABEL]: one for one in client.containers.list(all=True, filters=chosen, ignore_removed=True)}


def _ensure_places(client: docker.DockerClient, lab_class: str, labels: Mapping[str, str]) -> None:
    """Its network and its volumes: files, state, and the socket between its parts, which is in memory."""
    own = {**labels, LABEL: "place"}
    chosen = {"label": [f"streamlab.class={lab_class}", LABEL]}
    if not client.networks.list(filters=chosen):
        client.networks.create(network_name(lab_class), driver="bridge", labels=own)
    there = {volume.name for volume in client.volumes.list(filters=chosen)}
    in_memory = {"type": "tmpfs", "device": "tmpfs", "o": f"size=1m,mode=0700,uid={UID},gid={UID}"}
    for kind, options in (("config", None), ("state", None), ("run", in_memory)):
        if volume_name(lab_class, kind) not in there:
            client.volumes.create(volume_name(lab_class, kind), labels=own, driver_opts=options)


def _fill(
    client: docker.DockerClient, lab_class: str, files: Mapping[str, bytes], wanted: str, labels: Mapping[str, str]
) -> None:
    """Write the files through a container that is never started; the digest last, so that a half is written again."""
    bound = {volume_name(lab_class, "config"): {"bind": "/etc/gateway", "mode": "rw"}}
    image = images.all_tags()[images.GATEWAY]
    own = {**labels, LABEL: "files"}
    with engine.temporary_container(client, image, ["true"], volumes=bound, labels=own) as container:
        for each in (files, {DIGEST: wanted.encode()}):
            container.put_archive("/etc/gateway", inside.tar_of(each, uid=UID, private=True))


def _digest_in(front: Container) -> str:
    """The hash of the files that the gateway has; empty where it has none, or only a part of them."""
    return file_in(front, DIGEST).decode(errors="replace")


def file_in(front: Container, path: str) -> bytes:
    """One of the gateway's files, by its path below /etc/gateway; empty where there is none."""
    try:
        packed = b"".join(front.get_archive(f"/etc/gateway/{path}")[0])
    except NotFound:
        return b""
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        file = archive.extractfile(path.rpartition("/")[2])
        return file.read() if file else b""


def _made_from(part: Part, gateway: Gateway, front: Container | None) -> str:
    """What a container's label says: it is made anew when any of this changes."""
    shared = front.id if front is not None and part.name != "front" else ""
    return f"{images.all_tags()[images.GATEWAY]} {part} {gateway.address}:{gateway.port}:{gateway.ssh_port} {shared}"


def _make(
    client: docker.DockerClient,
    lab_class: str,
    part: Part,
    gateway: Gateway,
    front: Container | None,
    labels: Mapping[str, str],
) -> Container:
    """One part, running."""
    is_front = part.name == "front"
    volumes = {
        volume_name(lab_class, "config"): {"bind": "/etc/gateway", "mode": "ro"},
        volume_name(lab_class, "run"): {"bind": "/run/gateway", "mode": "rw"},
    }
    if part.keeps_state:
        volumes[volume_name(lab_class, "state")] = {"bind": "/var/lib/gateway", "mode": "rw"}
    # A new network namespace forwards packets, and a container in many networks would be a router between them.
    network: dict[str, Any] = {"network_mode": f"container:{front.id}"} if front is not None and not is_front else {
        "network": network_name(lab_class), "hostname": "gateway", "sysctls": {"net.ipv4.ip_forward": "0"},
        "ports": {
            inner: (gateway.address, getattr(gateway, setting)) for one in PARTS for inner, setting in one.ports
        },
    }  # fmt: skip
    # The engine takes a signal of ours (HUP) for a wish to stop: after one, it would start again nothing that ends by
    # accident, unless another signal is what stops the container, and the policy is this one.
    made_from = {"streamlab.made-from": _made_from(part, gateway, front if not is_front else None)}
    return client.containers.run(
        images.all_tags()[images.GATEWAY], list(part.command), name=container_name(lab_class, part.name), detach=True,
        user=f"{UID}:{UID}", read_only=True, cap_drop=["ALL"], security_opt=["no-new-privileges:true"], init=True,
        tmpfs={"/tmp": f"size={part.tmp_mb}m,mode=0700,uid={UID},gid={UID}"}, volumes=volumes,
        mem_limit=f"{part.memory_mb}m", memswap_limit=f"{part.memory_mb}m", pids_limit=part.pids,
        stop_signal="SIGTERM", restart_policy={"Name": "always"}, labels={**labels, **made_from, LABEL: part.name},
        log_config=LogConfig(type=LogConfig.types.JSON, config={"max-size": "1m", "max-file": "2"}), **network,
    )  # fmt: skip


def attach(client: docker.DockerClient, lab_class: str, network: str, address: str) -> bool:
    """Join a student's network at the address that is kept free for it; whether that was new.

    Nothing happens where there is no such network yet: whoever makes it attaches the gateway to it.
    """
    front = parts_of(client, lab_class).get("front")
    found = next((one for one in client.api.networks(names=[network]) if one["Name"] == network), None)
    if front is None or found is None:
        return False
    joined = front.attrs["NetworkSettings"]["Networks"].get(network)
    if joined and joined["NetworkID"] == found["Id"]:
        return False
    client.api.connect_container_to_network(front.id, found["Id"], ipv4_address=address)
    return True


def detach(client: docker.DockerClient, lab_class: str, network: str) -> None:
    """Leave a student's network, so that it can be removed. It is no failure if the gateway is not in it."""
    front = parts_of(client, lab_class).get("front")
    if front is not None and network in front.attrs["NetworkSettings"]["Networks"]:
        client.api.disconnect_container_from_network(front.id, network, force=True)


def remove(client: docker.DockerClient, lab_class: str) -> bool:
    """Remove a class's gateway with its sessions; whether there was one."""
    chosen = {"label": [f"streamlab.class={lab_class}", LABEL]}
    found = client.containers.list(all=True, filters=chosen, ignore_removed=True)
    for one in sorted(found, key=lambda one: one.labels[LABEL] == "front"):  # whose network the others use
        one.remove(force=True, v=True)
    places = [*client.networks.list(filters=chosen), *client.volumes.list(filters=chosen)]
    for place in places:
        place.remove()
    return bool(found or places)


def last_lines(client: docker.DockerClient, lab_class: str) -> list[str]:
    """What the gateway's parts printed last."""
    logs = (part.logs(tail=3).decode("utf-8", "replace") for part in parts_of(client, lab_class).values())
    return [line for log in logs for line in log.splitlines()]
