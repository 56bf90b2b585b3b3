"""What can be known to go wrong before anything is touched."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from streamlab.stacks import capacity, preflight
from streamlab.students.topology import Student

LARGEST = capacity.largest()
AT_WORK = capacity.asked_mb(LARGEST)


def engine(*containers: Any) -> Any:
    """The engine's client, which knows these containers."""

    def listed(*, all: bool = False, filters: dict | None = None, sparse: bool = False) -> list:
        wanted = dict(label.split("=") for label in (filters or {}).get("label", []))
        known = [c for c in containers if wanted.items() <= c.labels.items()]
        return [c for c in known if all or c.status == "running"]

    return SimpleNamespace(containers=SimpleNamespace(list=listed))


def container(node: str, *, status: str = "running", ports: dict | None = None, student: str = "ada") -> Any:
    labels = {"streamlab.class": "spring", "streamlab.student": student, "streamlab.node": node}
    attrs = {"Labels": labels}
    return SimpleNamespace(name=f"spring-{student}-{node}", status=status, labels=labels, attrs=attrs, ports=ports)


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which this very process listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def publishing(student: Student, port: int) -> Student:
    page = {"node": "namenode", "port": 9870, "offset": 0, "title": "HDFS"}
    return replace(student, port_base=port, pages={"namenode": page})


def test_stacks_that_fit_into_memory_are_no_problem(student: Student) -> None:
    assert preflight.memory_problem([student, student], 2 * 371 + AT_WORK + 1024) is None


def test_stacks_that_are_too_large_are_refused_with_the_sums(student: Student) -> None:
    bob = replace(student, name="bob", yarn_memory_mb=1000)
    nodes = "namenode 50 + datanode1 51 + resourcemanager 52 + nodemanager1 53 + kafka1 54 + cassandra1 55 + edge 56"
    assert str(preflight.memory_problem([student, bob], 2 * 371 + AT_WORK + 1023)) == (
        f"error: 2 stacks with one student at work use {2 * 371 + AT_WORK + 1024} MB, "
        f"and unix:///var/run/docker.sock has {2 * 371 + AT_WORK + 1023} MB\n"
        f"  ada, bob: each {nodes} = 371 MB, idle\n"
        f"  one student at work: {AT_WORK} MB (preset {LARGEST.name} asks for {AT_WORK})\n"
        "  the machine itself: 1024 MB\n"
        "  fix: use a smaller size, fewer students or a lower at_work, give some of them another docker_host, "
        "or add --overcommit"
    )


def test_only_students_of_this_machine_count_against_its_memory(student: Student) -> None:
    huge = replace(student, node_idle_mb=dict.fromkeys(student.node_idle_mb, 10**9))
    preflight.require_memory([replace(huge, docker_host="ssh://lab@elsewhere")])
    with pytest.raises(preflight.WrongRequest, match="1 stack with one student at work use 7000"):
        preflight.require_memory([huge])
    preflight.require_memory([huge], overcommit=True)


def listing(*stacks: str, machine_mb: int = 10**6) -> Any:
    """An engine on which a node of each kind runs of each of these stacks, class/student."""

    def containers(*, filters: dict) -> list:
        assert filters == {"label": ["streamlab.class", "streamlab.student", "streamlab.node"]}
        whose = [dict(zip(("streamlab.class", "streamlab.student"), stack.split("/"), strict=True)) for stack in stacks]
        return [{"Labels": {**one, "streamlab.node": name}} for one in whose for name in NODES]

    return SimpleNamespace(
        api=SimpleNamespace(containers=containers),
        info=lambda: {"MemTotal": machine_mb * 2**20, "DockerRootDir": "/nowhere"},
        **vars(engine()),
        **vars(networks()),
    )


NODES = ("namenode", "datanode1", "resourcemanager", "nodemanager1", "kafka1", "cassandra1", "edge")


def test_whatever_runs_on_the_engine_uses_memory_as_well(student: Student, monkeypatch: pytest.MonkeyPatch) -> None:
    """Classmates, another class, and who has left the inventory, each as many nodes as run."""
    monkeypatch.setattr(preflight, "routes", list)
    ada = replace(student, pages={})
    bob = replace(ada, name="bob", node_idle_mb=dict.fromkeys(ada.node_idle_mb, 60))
    found = capacity.running(listing("spring/bob", "autumn/zoe"), ada, [ada, bob])
    assert [(one.prefix, one.idle_mb) for one in found] == [("spring-bob", 420), ("autumn-zoe", 371)]
    room = 2 * 371 + AT_WORK + 1023
    preflight.require_possible(listing("spring/ada", machine_mb=room), [ada], classmates=[ada, bob])
    for other in ("spring/bob", "autumn/zoe"):
        crowded = listing("spring/ada", other, machine_mb=room)
        with pytest.raises(preflight.WrongRequest, match="2 stacks with one student at work") as caught:
            preflight.require_possible(crowded, [ada], classmates=[ada, bob])
        assert ("autumn-zoe (running)" in str(caught.value)) == (other == "autumn/zoe")
        preflight.require_possible(crowded, [ada], classmates=[ada, bob], overcommit=True)


def test_as_many_are_at_work_as_the_inventory_says(student: Student) -> None:
    class_of_six = [replace(student, name=f"s{i}", at_work=0.5) for i in range(6)]
    needed = 6 * 371 + 3 * AT_WORK + 1024
    assert preflight.memory_problem(class_of_six, needed) is None
    text = str(preflight.memory_problem(class_of_six, needed - 1))
    assert f"6 stacks with 3 students at work use {needed} MB" in text
    assert "  s0, s1, s2 and 3 more: each namenode 50 + " in text


def test_a_disk_that_is_nearly_full_is_refused() -> None:
    assert preflight.disk_problem("/var/lib/docker", 8.0, 8) is None
    assert str(preflight.disk_problem("/var/lib/docker", 7.96, 8)) == (
        "error: too little disk for the engine: 8.0 GB are free, 8 GB are needed\n"
        "  the engine keeps images and volumes in /var/lib/docker\n"
        "  fix: free some room there (docker system df shows what the engine holds)"
    )


def test_a_port_that_is_free_is_no_problem(student: Student, taken: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    assert preflight.port_problem(engine(), publishing(student, free)) is None


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="only Linux says who holds a port")
def test_a_port_that_a_process_holds_is_refused_with_its_name(student: Student, taken: int) -> None:
    me = Path("/proc/self/comm").read_text().strip()
    assert str(preflight.port_problem(engine(), publishing(student, taken))) == (
        f"error: port {taken}, which ada's namenode publishes, is taken\n"
        f"  127.0.0.1:{taken} is held by process {os.getpid()} ({me})\n"
        "  fix: end it, or give ada another port_base in the inventory"
    )


def test_a_port_that_another_stack_holds_is_refused_with_its_container(student: Student, taken: int) -> None:
    ports = {"8088/tcp": None, "9870/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(taken)}]}
    client = engine(container("kafka1", ports=None, student="bob"), container("namenode", ports=ports, student="bob"))
    problem = preflight.port_problem(client, publishing(student, taken))
    assert problem.evidence == [f"127.0.0.1:{taken} is held by the container spring-bob-namenode"]


def test_a_port_that_the_stack_itself_holds_is_no_problem(student: Student, taken: int) -> None:
    assert preflight.port_problem(engine(container("namenode")), publishing(student, taken)) is None


def test_a_stopped_node_does_not_hold_its_port(student: Student, taken: int) -> None:
    assert preflight.port_problem(engine(container("namenode", status="exited")), publishing(student, taken))


def test_another_machine_s_ports_cannot_be_tried_from_here(student: Student, taken: int) -> None:
    remote = replace(publishing(student, taken), docker_host="ssh://lab@elsewhere")
    assert preflight.port_problem(engine(), remote) is None


def networks(**subnets: str) -> Any:
    """An engine with these networks, name -> subnet."""
    made = [
        SimpleNamespace(name=name.replace("_", "-"), attrs={"IPAM": {"Config": [{"Subnet": subnet}]}})
        for name, subnet in subnets.items()
    ]
    return SimpleNamespace(
        networks=SimpleNamespace(list=lambda: [*made, SimpleNamespace(name="host", attrs={"IPAM": {"Config": None}})])
    )


def test_a_subnet_that_a_network_of_the_engine_has_is_refused(
    student: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "routes", list)
    assert preflight.subnet_problem(networks(bridge="172.17.0.0/16", six="fd00::/64"), student) is None
    assert str(preflight.subnet_problem(networks(vpn="10.89.0.0/16"), student)) == (
        "error: ada's subnet 10.89.1.0/27 is in use\n"
        "  the engine's network vpn has 10.89.0.0/16\n"
        "  fix: give ada another subnet in the inventory"
    )


def test_a_subnet_that_the_machine_reaches_otherwise_is_refused(
    student: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "routes", lambda: [("10.89.1.16/28", "tun0")])
    assert preflight.subnet_problem(networks(), student).evidence == ["this machine's interface tun0 has 10.89.1.16/28"]
    elsewhere = replace(student, docker_host="ssh://lab@elsewhere")
    assert preflight.subnet_problem(networks(), elsewhere) is None


def test_the_stack_s_own_network_is_no_problem(student: Student, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "routes", lambda: [("10.89.1.0/27", "br-1")])
    assert preflight.subnet_problem(networks(spring_ada="10.89.1.0/27"), student) is None


def test_the_machine_s_routes_are_read(tmp_path: Path) -> None:
    table = tmp_path / "route"
    table.write_text(
        "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        "br-1\t0001590A\t00000000\t0001\t0\t0\t0\tE0FFFFFF\t0\t0\t0\n"
    )
    assert preflight.routes(table) == [("10.89.1.0/27", "br-1")]
    assert preflight.routes(tmp_path / "none") == []
