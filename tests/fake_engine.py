"""A Docker Engine behind the real client: it keeps what it is asked to make, filters and refuses as an engine does."""

from __future__ import annotations

import io
import itertools
import json
import re
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import docker
import requests
from requests.adapters import BaseAdapter

from streamlab.building import images
from streamlab.engines.labelled import OWNER
from streamlab.stacks.containers import MADE_FROM
from streamlab.students.student import Student
from streamlab.students.topology import nodes


class Refused(Exception):
    """An answer other than success: the status and the engine's message."""


class _Body(io.BytesIO):
    """An answer's bytes; the client looks for the socket below, to let it be silent for long."""

    _fp = SimpleNamespace(fp=SimpleNamespace(raw=None))


class FakeEngine(BaseAdapter):
    """An engine's containers and volumes by name, and its networks by id; `calls` is what has changed them, in turn."""

    def __init__(self, *, memory_mb: int = 10**6, folder: str = "/nowhere") -> None:
        super().__init__()
        self.info = {"MemTotal": memory_mb * 2**20, "DockerRootDir": folder, "NCPU": 2}
        self.containers: dict[str, dict[str, Any]] = {}
        self.networks: dict[str, dict[str, Any]] = {}
        self.volumes: dict[str, dict[str, Any]] = {}
        self.calls: list[str] = []
        #: The container whose start is refused.
        self.refuse = ""
        #: Containers whose removal is under way already, until somebody waits for its end.
        self.removing: set[str] = set()
        #: Containers whose removal is refused.
        self.busy: set[str] = set()
        self.full = False
        #: When volumes are made.
        self.made = "2026-11-27T10:00:00Z"
        #: Bytes of a volume, or of what a container has written, by name; questions about them that are refused.
        self.sizes: dict[str, int] = {}
        self.measuring = 0
        self._contents: dict[str, dict[str, bytes]] = {}
        self._numbers = itertools.count(1)
        self.client = docker.DockerClient(base_url="tcp://engine:1", version="1.43")
        self.client.api.mount("http://", self)

    @contextmanager
    def connect(self, docker_host: str, **_: Any) -> Iterator[docker.DockerClient]:
        """In the place of `engine.connect`."""
        yield self.client

    def running(self) -> set[str]:
        return {name for name, one in self.containers.items() if one["State"]["Status"] == "running"}

    def add(
        self, node: str, *, student: str = "ada", lab_class: str = "spring", ports: Any = (), files: Any = ()
    ) -> str:
        """A container that carries the lab's labels and runs; its name. `ports` are published on the loopback."""
        name = f"{lab_class}-{student}-{node}"
        labels = {"streamlab.class": lab_class, "streamlab.student": student, "streamlab.node": node}
        host = {"PortBindings": {f"{port}/tcp": [{"HostPort": str(port)}] for port in ports}}
        self._create({"Hostname": node, "Labels": labels, "HostConfig": host}, name=name)
        self._start(self._container(name))
        self.containers[name]["files"] = list(files)
        return name

    def add_stack(self, student: Student) -> None:
        """Every node of a student's stack, running, with its volume."""
        labels = {"streamlab.class": student.lab_class, "streamlab.student": student.name}
        tags = images.all_tags()
        for node in nodes(student):
            made_from = json.dumps({"image": tags[node.image]})
            own = {**labels, "streamlab.node": node.name, OWNER: student.owner, MADE_FROM: made_from}
            self._create({"Hostname": node.name, "Labels": own, "Image": tags[node.image]}, name=node.container)
            self._start(self._container(node.container))
            self.client.volumes.create(node.container, labels=labels)

    # What follows is the engine's side.

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        url = urlsplit(request.url)
        given = {key: value[0] for key, value in parse_qs(url.query).items()}
        path = unquote(url.path.removeprefix("/v1.43"))
        body = request.body
        if request.headers.get("Content-Type") == "application/json" and body:
            body = json.loads(body)
        response = requests.Response()
        response.request, response.url = request, request.url
        try:
            answer, response.status_code = self._answer(request.method, path, given, body), 200
        except Refused as refused:
            response.status_code, message = refused.args
            answer = {"message": message}
        response.raw = _Body(answer if isinstance(answer, bytes) else json.dumps(answer).encode())
        response.headers["Content-Type"] = "application/json"
        return response

    def close(self) -> None:
        pass

    def _answer(self, method: str, path: str, given: Mapping[str, str], body: Any) -> Any:
        filters = {key: list(values) for key, values in json.loads(given.get("filters", "{}")).items()}
        kind, _, rest = path.strip("/").partition("/")
        name, _, verb = rest.partition("/")
        match method, kind, name, verb:
            case "GET", "info", "", "":
                return self.info
            case "GET", "system", "df", "":
                return self._measure()
            case "GET", "containers", "json", "":
                listed = map(self._summary, list(self.containers.values()))
                found = [one for one in listed if given.get("all") == "1" or one["State"] == "running"]
                return [one for one in found if _matches(one, filters, one["Names"][0])]
            case "POST", "containers", "create", "":
                return self._create(body, name=given.get("name") or f"unnamed-{next(self._numbers)}")
            case "GET", "containers", _, "json":
                return self._container(name)
            case "POST", "containers", _, "start":
                return self._start(self._container(name))
            case "POST", "containers", _, "stop":
                return self._stop(self._container(name))
            case "POST", "containers", _, "kill":
                return self.calls.append(f"kill {self._container(name)['Name'].removeprefix('/')} {given['signal']}")
            case "GET", "containers", _, "logs":
                return ""
            case "POST", "containers", _, "wait":
                return self._wait(self._container(name), given["condition"])
            case "GET", "containers", _, "archive":
                return self._archive(self._container(name), given["path"])
            case "PUT", "containers", _, "archive":
                return self._fill(self._container(name), given["path"], body)
            case "DELETE", "containers", _, "":
                return self._remove(self._container(name), force=given.get("force") == "True")
            case "GET", "networks", "", "":
                return [one for one in list(self.networks.values()) if _matches(one, filters, one["Name"])]
            case "POST", "networks", "create", "":
                return self._create_network(body)
            case "POST", "networks", "prune", "":
                for one in [one for one in self.networks.values() if not self._members(one)]:
                    self._remove_network(one)
                return {}
            case "POST", "networks", _, "connect":
                return self._connect(self._network(name), self._container(body["Container"]), body["EndpointConfig"])
            case "POST", "networks", _, "disconnect":
                return self._disconnect(self._network(name), self._container(body["Container"]))
            case "GET", "networks", _, "":
                return self._network(name)
            case "DELETE", "networks", _, "":
                return self._remove_network(self._network(name))
            case "GET", "volumes", "", "":
                used = {mount["Name"] for one in self.containers.values() for mount in _mounts(one)}
                unused = filters.pop("dangling", None) == ["true"]
                found = [one for one in list(self.volumes.values()) if _matches(one, filters, one["Name"])]
                return {"Volumes": [one for one in found if not (unused and one["Name"] in used)]}
            case "POST", "volumes", "create", "":
                self.calls.append(f"create volume {body['Name']}")
                made = {"Name": body["Name"], "Labels": body["Labels"], "CreatedAt": self.made}
                return self.volumes.setdefault(body["Name"], made)
            case "GET", "volumes", _, "":
                return self._volume(name)
            case "DELETE", "volumes", _, "":
                return self._remove_volume(self._volume(name))
        raise AssertionError(f"the fake engine knows no {method} {path}")

    def _measure(self) -> dict[str, Any]:
        if self.measuring:
            self.measuring -= 1
            raise Refused(500, "a disk usage operation is already running")
        volumes = [
            {**one, "UsageData": {"Size": self.sizes[name], "RefCount": 1} if name in self.sizes else None}
            for name, one in self.volumes.items()
        ]
        containers = [
            {**self._summary(one), **({"SizeRw": self.sizes[name]} if name in self.sizes else {})}
            for name, one in self.containers.items()
        ]
        return {"Volumes": volumes or None, "Containers": containers, "Images": None}

    def _summary(self, one: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "Id": one["Id"],
            "Names": [one["Name"]],
            "Image": one["Config"].get("Image"),
            "Labels": one["Config"].get("Labels") or {},
            "State": one["State"]["Status"],
            "Mounts": _mounts(one),
            "NetworkSettings": {"Networks": one["NetworkSettings"]["Networks"]},
        }

    def _container(self, name: str) -> dict[str, Any]:
        for one in list(self.containers.values()):
            if name in (one["Id"], one["Name"].removeprefix("/")):
                return one
        raise Refused(404, f"No such container: {name}")

    def _create(self, body: Mapping[str, Any], *, name: str) -> dict[str, str]:
        if name in self.containers:
            raise Refused(409, f'Conflict. The container name "/{name}" is already in use')
        self.calls.append(f"create {name}")
        endpoints = (body.get("NetworkingConfig") or {}).get("EndpointsConfig") or {}
        mode = (body.get("HostConfig") or {}).get("NetworkMode") or ""
        if any(mode == one["Name"] for one in self.networks.values()):
            endpoints = {mode: {}, **{name: one or {} for name, one in endpoints.items()}}
        self.containers[name] = {
            "Id": f"{next(self._numbers):064x}",
            "Name": f"/{name}",
            "Config": body,
            "HostConfig": body.get("HostConfig") or {},
            "NetworkSettings": {
                "Networks": {network: {**one, "NetworkID": ""} for network, one in endpoints.items()},
                "Ports": (body.get("HostConfig") or {}).get("PortBindings") or {},
            },
            "State": {"Status": "created", "ExitCode": 0},
        }
        return {"Id": self.containers[name]["Id"]}

    def _start(self, one: dict[str, Any]) -> None:
        name = one["Name"].removeprefix("/")
        if name == self.refuse:
            raise Refused(500, "driver failed programming external connectivity: port is already allocated")
        for network, endpoint in one["NetworkSettings"]["Networks"].items():
            # A container that was started once goes by the id of its network, whatever has the name by now.
            known = self._network(endpoint["NetworkID"] or network)
            wanted = _address(endpoint)
            if wanted and any(wanted == _address(member) for member in self._members(known)):
                if one["HostConfig"].get("AutoRemove"):
                    del self.containers[name]
                raise Refused(403, "Address already in use")
            endpoint["NetworkID"] = known["Id"]
        self.calls.append(f"start {name}")
        one["State"]["Status"] = "running"

    def _stop(self, one: dict[str, Any]) -> None:
        self.calls.append(f"stop {one['Name'].removeprefix('/')}")
        one["State"] = {"Status": "exited", "ExitCode": 143}

    def _remove(self, one: dict[str, Any], *, force: bool) -> None:
        name = one["Name"].removeprefix("/")
        if name in self.removing:
            raise Refused(409, f"removal of container {name} is already in progress")
        if name in self.busy:
            raise Refused(500, f"{name}: device or resource busy")
        if one["State"]["Status"] == "running" and not force:
            raise Refused(409, "cannot remove a running container: stop the container before removing or force remove")
        self.calls.append(f"remove {name}")
        del self.containers[name]

    def _wait(self, one: dict[str, Any], condition: str) -> dict[str, int]:
        name = one["Name"].removeprefix("/")
        assert (condition, name in self.removing) == ("removed", True), "this would wait for ever"
        self.calls.append(f"wait for {name}")
        self.removing.remove(name)
        del self.containers[name]
        return {"StatusCode": 0}

    def _fill(self, one: dict[str, Any], path: str, body: bytes) -> None:
        if self.full:
            raise Refused(500, "no space left on device")
        if path == "/etc/ssh/lab":  # of the container itself, not of a volume
            with tarfile.open(fileobj=io.BytesIO(body)) as archive:
                found = {entry.name: (entry.mode, archive.extractfile(entry).read()) for entry in archive}
            one["ssh"] = {**one.get("ssh", {}), **found}
            return
        (bind,) = one["HostConfig"]["Binds"]
        volume, folder, mode = bind.split(":")
        if (folder, mode) != (path, "rw"):
            raise Refused(404, f"Could not find the file {path} in container {one['Id']}")
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            self.volumes[volume]["held"] = archive.getnames()
            read = {one.name: archive.extractfile(one).read() for one in archive.getmembers() if one.isfile()}
            self._contents.setdefault(volume, {}).update(read)

    def _archive(self, one: Mapping[str, Any], path: str) -> bytes:
        """What `_fill` has put into a volume that the container mounts, as a tar; one that `add` names is empty."""
        for bind in one["HostConfig"].get("Binds") or []:
            volume, folder, _ = bind.split(":")
            contents = self._contents.get(volume, {})
            name = path.removeprefix(f"{folder}/")
            if name in contents:
                packed = io.BytesIO()
                with tarfile.open(fileobj=packed, mode="w") as archive:
                    entry = tarfile.TarInfo(name.rpartition("/")[2])
                    entry.size = len(contents[name])
                    archive.addfile(entry, io.BytesIO(contents[name]))
                return packed.getvalue()
        if path not in one.get("files", ()):
            raise Refused(404, f"Could not find the file {path} in container {one['Name']}")
        return b""

    def _network(self, name: str) -> dict[str, Any]:
        for one in list(self.networks.values()):
            if name in (one["Id"], one["Name"]):
                return one
        raise Refused(404, f"network {name} not found")

    def _members(self, network: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The endpoints of the containers that run in a network: a stopped one holds neither it nor an address."""
        running = [one for one in list(self.containers.values()) if one["State"]["Status"] == "running"]
        endpoints = (one for each in running for one in each["NetworkSettings"]["Networks"].values())
        return [one for one in endpoints if one["NetworkID"] == network["Id"]]

    def _connect(self, network: Mapping[str, Any], one: dict[str, Any], endpoint: Mapping[str, Any]) -> None:
        self.calls.append(f"connect {one['Name'].removeprefix('/')}")
        one["NetworkSettings"]["Networks"][network["Name"]] = {**endpoint, "NetworkID": network["Id"]}

    def _disconnect(self, network: Mapping[str, Any], one: dict[str, Any]) -> None:
        self.calls.append(f"disconnect {one['Name'].removeprefix('/')}")
        del one["NetworkSettings"]["Networks"][network["Name"]]

    def _create_network(self, body: Mapping[str, Any]) -> dict[str, str]:
        if any(one["Name"] == body["Name"] for one in self.networks.values()):
            raise Refused(409, f"network with name {body['Name']} already exists")
        self.calls.append(f"create network {body['Name']}")
        made = {**body, "Id": f"{next(self._numbers):064x}", "Labels": body.get("Labels") or {}}
        self.networks[made["Id"]] = made
        return {"Id": made["Id"]}

    def _remove_network(self, one: Mapping[str, Any]) -> None:
        if self._members(one):
            raise Refused(403, f"error while removing network: network {one['Name']} has active endpoints")
        self.calls.append(f"remove network {one['Name']}")
        del self.networks[one["Id"]]

    def _volume(self, name: str) -> dict[str, Any]:
        if name not in self.volumes:
            raise Refused(404, f"get {name}: no such volume")
        return self.volumes[name]

    def _remove_volume(self, one: Mapping[str, Any]) -> None:
        if any(mount["Name"] == one["Name"] for each in self.containers.values() for mount in _mounts(each)):
            raise Refused(409, f"remove {one['Name']}: volume is in use")
        self.calls.append(f"remove volume {one['Name']}")
        del self.volumes[one["Name"]]


def _address(endpoint: Mapping[str, Any]) -> str | None:
    return (endpoint.get("IPAMConfig") or {}).get("IPv4Address")


def _mounts(one: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"Name": bind.split(":")[0]} for bind in one["HostConfig"].get("Binds") or []]


def _matches(one: Mapping[str, Any], filters: Mapping[str, list[str]], name: str) -> bool:
    """All labels, with or without a value, and any of the names, each a pattern that need not match the whole."""
    labels = one.get("Labels") or {}
    asked = [label.partition("=") for label in filters.get("label", [])]
    has = all(key in labels and (not equals or labels[key] == value) for key, equals, value in asked)
    assert filters.keys() <= {"label", "name"}, f"the fake engine knows no filter {filters}"
    return has and ("name" not in filters or any(re.search(part, name) for part in filters["name"]))
