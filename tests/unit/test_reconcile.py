"""A stack is brought to what was asked for: what is there as it should be is left alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import docker
import pytest
from docker.errors import APIError

from streamlab.engines import volumes
from streamlab.stacks import reconcile
from streamlab.students import topology
from streamlab.students.topology import Student

SETTINGS = {kind: {"command": [kind], "env": {"JAVA_OPTS": "-Xmx1m"}} for kind in topology.SERVICE_OF} | {
    "edge": {"command": ["sleep"], "data": "/home/student", "pids": 7}
}

#: What every node asks without a proxy.
DIRECT = dict.fromkeys(
    ("NO_PROXY", "no_proxy"),
    "localhost,127.0.0.1,::1,namenode,datanode1,datanode2,datanode3,datanode4,resourcemanager,nodemanager1,nodemanager2,"
    "nodemanager3,nodemanager4,kafka1,kafka2,kafka3,kafka4,cassandra1,cassandra2,cassandra3,cassandra4,edge,10.89.1.0/27",
)


class Engine:
    """The engine's low-level client: keeps what it was asked to make, and can refuse one call."""

    def __init__(self, *, refuse: str = "") -> None:
        self.made: dict[str, dict] = {}
        self.subnets: dict[str, str] = {}
        self.calls: list[str] = []
        self.refuse = refuse
        real = docker.APIClient(base_url="tcp://127.0.0.1:1", version="1.43")
        self.api = SimpleNamespace(
            containers=lambda all, filters: list(self.made.values()),
            networks=self._networks,
            create_network=self._create_network,
            remove_network=lambda name: self.calls.append(f"remove network {name}"),
            create_host_config=real.create_host_config,
            create_networking_config=real.create_networking_config,
            create_endpoint_config=real.create_endpoint_config,
            create_container=self._create,
            start=self._start,
            stop=lambda name, timeout: self.calls.append(f"stop {name}"),
            remove_container=self._remove,
        )

    def _networks(self, names: list[str]) -> list[dict]:
        return [
            {"Name": n, "Id": n, "IPAM": {"Config": [{"Subnet": s}]}} for n, s in self.subnets.items() if n in names
        ]

    def _create_network(self, name: str, driver: str, ipam: dict, labels: dict) -> None:
        self.calls.append(f"create network {name}")
        self.subnets[name] = ipam["Config"][0]["Subnet"]

    def _create(self, image: str, command: list, **options: Any) -> dict:
        if options["name"] == self.refuse:
            raise APIError("refused", explanation="port is already allocated")
        self.calls.append(f"create {options['hostname']}")
        made = {"Id": options["name"], "Labels": options["labels"], "State": "created"}
        mounts = [{"Name": bind.split(":")[0]} for bind in options["host_config"]["Binds"]]
        self.made[options["name"]] = {**made, "Mounts": mounts, "asked": {**options, "command": command}}
        return {"Id": options["name"]}

    def _start(self, name: str) -> None:
        self.calls.append(f"start {name}")
        self.made[name]["State"] = "running"

    def _remove(self, name: str, force: bool = False) -> None:
        self.calls.append(f"remove {name}")
        del self.made[name]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    there: set[str] = set()

    def ensure(client: Any, wanted: volumes.Volumes, *, mounted: set[str], dry_run: bool, **_: Any) -> list[str]:
        made = [name for name in wanted.data if name not in there]
        made += [name for name in [wanted.config] if name not in mounted]
        if not dry_run:
            there.update(made)
        return made

    monkeypatch.setattr(volumes, "ensure", ensure)
    return Engine()


def run(engine: Engine, student: Student, **options: Any) -> reconcile.Outcome:
    given = {"settings": SETTINGS, "config_files": {"lab.json": "{}"}, "subnet": student.subnet, **options}
    labels = {"streamlab.class": "spring", "streamlab.student": "ada", "streamlab.version": "1"}
    return reconcile.reconcile(engine, plan=topology.plan(student), labels=labels, **given)


def test_everything_is_made_the_first_time_and_nothing_the_second(engine: Engine, student: Student) -> None:
    names = [node.name for node in topology.nodes(student)]
    assert run(engine, student).changed == ("network", "7 volumes", "configuration", *names)
    assert {one["State"] for one in engine.made.values()} == {"running"}
    engine.calls.clear()
    outcome = run(engine, student)
    assert outcome.changed == ()
    assert json.loads(outcome.diff["after"]) == {}
    assert engine.calls == []


def test_a_container_has_its_limits_its_volumes_and_no_rights(engine: Engine, student: Student) -> None:
    run(engine, student)
    asked = engine.made["spring-ada-namenode"]["asked"]
    host = asked["host_config"]
    assert asked["command"] == ["namenode"]
    assert asked["environment"] == {"JAVA_OPTS": "-Xmx1m", **DIRECT}
    assert asked["labels"]["streamlab.service"] == "hdfs"
    assert host["PortBindings"] == {"9870/tcp": [{"HostIp": "127.0.0.1", "HostPort": "20070"}]}
    assert (host["Memory"], host["MemorySwap"], host["PidsLimit"]) == (100 * 2**20, 100 * 2**20, reconcile.PIDS)
    assert (host["CapDrop"], host["SecurityOpt"], host["Init"]) == (["ALL"], ["no-new-privileges:true"], True)
    assert host["RestartPolicy"] == {"Name": "unless-stopped"}
    assert host["Binds"][0] == "spring-ada-namenode:/data"
    assert host["Binds"][1].startswith("spring-ada-config-")
    assert host["Binds"][1].endswith(":/etc/streamlab:ro")
    endpoint = asked["networking_config"]["EndpointsConfig"]["spring-ada"]
    assert (endpoint["Aliases"], endpoint["IPAMConfig"]) == (["namenode"], {"IPv4Address": "10.89.1.2"})
    edge = engine.made["spring-ada-edge"]["asked"]["host_config"]
    assert edge["Binds"][0] == "spring-ada-edge:/home/student"
    assert edge["PidsLimit"] == 7


def test_a_node_uses_the_proxy_of_docker_s_configuration_but_not_for_its_own_stack(
    engine: Engine, student: Student, docker_config: Callable[[dict], None]
) -> None:
    run(engine, student)
    docker_config(
        {"proxies": {"default": {"httpProxy": "http://proxy.example:3128", "noProxy": ".uni.example,localhost"}}}
    )
    assert run(engine, student).changed == ()  # whose configuration it is changes nothing about a stack that is there
    engine.made.clear()
    run(engine, student)
    asked = engine.made["spring-ada-edge"]["asked"]
    direct = f"{DIRECT['NO_PROXY']},.uni.example"
    proxy = dict.fromkeys(("http_proxy", "HTTP_PROXY"), "http://proxy.example:3128")
    assert asked["environment"]["NO_PROXY"] == asked["environment"]["no_proxy"] == direct
    assert proxy.items() <= asked["environment"].items()
    assert asked["use_config_proxy"] is False


def test_what_does_not_run_is_started(engine: Engine, student: Student) -> None:
    run(engine, student)
    engine.made["spring-ada-kafka1"]["State"] = "exited"
    engine.calls.clear()
    assert run(engine, student).changed == ("kafka1",)
    assert engine.calls == ["start spring-ada-kafka1"]


def test_only_what_is_wanted_otherwise_is_made_anew(engine: Engine, student: Student) -> None:
    run(engine, student)
    engine.calls.clear()
    settings = {**SETTINGS, "kafka": {"command": ["kafka"], "env": {"JAVA_OPTS": "-Xmx2m"}}}
    outcome = run(engine, student, settings=settings)
    assert outcome.changed == ("kafka1",)
    name = "spring-ada-kafka1"
    assert engine.calls == [f"stop {name}", f"remove {name}", "create kafka1", f"start {name}"]
    before, after = (json.loads(outcome.diff[side])["kafka1"]["env"] for side in ("before", "after"))
    assert (before, after) == ({"JAVA_OPTS": "-Xmx1m", **DIRECT}, {"JAVA_OPTS": "-Xmx2m", **DIRECT})


def test_a_removal_that_is_under_way_is_waited_for(engine: Engine, student: Student) -> None:
    """A run that was interrupted has asked for it."""
    run(engine, student)

    def removing(name: str) -> None:
        raise APIError("conflict", response=SimpleNamespace(status_code=409), explanation="already in progress")

    def wait(name: str, timeout: int, condition: str) -> None:
        engine.calls.append(f"wait until {name} is {condition}")
        del engine.made[name]

    engine.api.remove_container, engine.api.wait = removing, wait
    changed = {**SETTINGS, "kafka": {"command": ["kafka"], "env": {"JAVA_OPTS": "-Xmx2m"}}}
    engine.calls.clear()
    assert run(engine, student, settings=changed).changed == ("kafka1",)
    assert engine.calls[:3] == ["stop spring-ada-kafka1", "wait until spring-ada-kafka1 is removed", "create kafka1"]


def test_another_configuration_makes_every_container_anew(engine: Engine, student: Student) -> None:
    run(engine, student)
    outcome = run(engine, student, config_files={"lab.json": "{ }"})
    assert outcome.changed == ("configuration", *(node.name for node in topology.nodes(student)))


def test_another_subnet_makes_the_network_anew_under_the_stack(engine: Engine, student: Student) -> None:
    run(engine, student)
    engine.calls.clear()
    changed = run(engine, student, subnet="10.89.9.0/27").changed
    assert changed == ("network", *(node.name for node in topology.nodes(student)))
    order = [
        engine.calls.index(call) for call in ("remove spring-ada-edge", "remove network spring-ada", "create edge")
    ]
    assert order == sorted(order)
    assert engine.subnets == {"spring-ada": "10.89.9.0/27"}


def test_a_dry_run_says_what_it_would_do_and_touches_nothing(engine: Engine, student: Student) -> None:
    assert run(engine, student, dry_run=True).changed[:3] == ("network", "7 volumes", "configuration")
    assert (engine.made, engine.subnets, engine.calls) == ({}, {}, [])


def test_what_the_engine_refuses_is_told_and_the_next_run_goes_on(engine: Engine, student: Student) -> None:
    engine.refuse = "spring-ada-edge"
    with pytest.raises(reconcile.LabError, match="refused a part of the stack") as caught:
        run(engine, student)
    assert caught.value.evidence == ["port is already allocated"]
    engine.refuse = ""
    assert run(engine, student).changed == ("edge",)


def test_a_node_more_leaves_the_others_alone(engine: Engine, student: Student) -> None:
    run(engine, student)
    larger = replace(student, node_counts={**student.node_counts, "nodemanager": 2})
    outcome = run(engine, larger)
    assert (outcome.changed, outcome.leaving) == (("1 volume", "nodemanager2"), ())


def test_a_node_that_is_not_in_the_plan_is_named_and_left_as_it_is(engine: Engine, student: Student) -> None:
    """It holds data: `placement` takes it away once that is elsewhere."""
    run(engine, replace(student, node_counts={**student.node_counts, "datanode": 2, "kafka": 2}))
    engine.calls.clear()
    outcome = run(engine, student)
    assert (outcome.changed, outcome.leaving) == ((), ("datanode2", "kafka2"))
    assert json.loads(outcome.diff["before"]) == {"datanode2": "leaves", "kafka2": "leaves"}
    assert json.loads(outcome.diff["after"]) == {}
    assert engine.calls == []


def test_the_network_stays_while_nodes_are_to_leave(engine: Engine, student: Student) -> None:
    run(engine, replace(student, node_counts={**student.node_counts, "datanode": 2}))
    engine.calls.clear()
    with pytest.raises(reconcile.WrongRequest, match=r"another subnet, 10\.89\.9\.0/27, while nodes are to leave"):
        run(engine, student, subnet="10.89.9.0/27")
    assert engine.calls == []


def test_a_node_may_be_started_unlike_others_of_its_kind(engine: Engine, student: Student) -> None:
    larger = replace(student, node_counts={**student.node_counts, "kafka": 2})
    run(engine, larger, settings={**SETTINGS, "kafka1": {"command": ["kafka", "first"]}})
    commands = [engine.made[f"spring-ada-kafka{i}"]["asked"]["command"] for i in (1, 2)]
    assert commands == [["kafka", "first"], ["kafka"]]


def test_addresses_may_change_hands(engine: Engine, student: Student) -> None:
    """A node that is made anew may be given the address that another had: both are away before one is made."""
    run(engine, student)
    engine.calls.clear()
    run(engine, student, config_files={"lab.json": "{ }"})
    last = max(i for i, call in enumerate(engine.calls) if call.startswith("remove"))
    first = min(i for i, call in enumerate(engine.calls) if call.startswith("create"))
    assert last < first
