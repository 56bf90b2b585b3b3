"""What can be known to go wrong before anything is touched."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from docker.types import IPAMConfig, IPAMPool

from fake_engine import FakeEngine
from streamlab.engines import disk as disks
from streamlab.errors import WrongRequest
from streamlab.stacks import capacity, preflight
from streamlab.students.student import Student

LARGEST = capacity.largest()
ROUTES = preflight.routes
AT_WORK = capacity.asked_mb(LARGEST)


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture(autouse=True)
def no_routes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine reaches no network but what a test says."""
    monkeypatch.setattr(preflight, "routes", list)


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
        "  fix: use a smaller size, fewer students or a lower at_work, give some of them another docker_host "
        "(invoke move brings their data along), or add --overcommit"
    )


def test_only_students_of_this_machine_count_against_its_memory(student: Student) -> None:
    huge = replace(student, node_idle_mb=dict.fromkeys(student.node_idle_mb, 10**9))
    preflight.require_memory([replace(huge, docker_host="ssh://lab@elsewhere")])
    with pytest.raises(WrongRequest, match=r"1 stack .* 7000"):
        preflight.require_memory([huge])
    preflight.require_memory([huge], overcommit=True)


NODES = ("namenode", "datanode1", "resourcemanager", "nodemanager1", "kafka1", "cassandra1", "edge")


def add_stack(engine: FakeEngine, student: str, lab_class: str = "spring") -> None:
    for node in NODES:
        engine.add(node, student=student, lab_class=lab_class)


@pytest.mark.parametrize("other", [("bob", "spring"), ("zoe", "autumn")])
def test_whatever_runs_on_the_engine_uses_memory_as_well(student: Student, other: tuple[str, str]) -> None:
    """Classmates, another class, and who has left the inventory, each as many nodes as run."""
    ada, bob = replace(student, pages={}), replace(student, name="bob", pages={})
    engine = FakeEngine(memory_mb=2 * 371 + AT_WORK + 1023)
    add_stack(engine, "ada")
    engine.client.api.stop(engine.add("edge", student="carl"))
    preflight.require_possible(engine.client, [ada], classmates=[ada, bob])
    add_stack(engine, *other)
    with pytest.raises(WrongRequest, match="2 stacks with one student at work") as caught:
        preflight.require_possible(engine.client, [ada], classmates=[ada, bob])
    assert ("autumn-zoe (running)" in str(caught.value)) == (other == ("zoe", "autumn"))
    preflight.require_possible(engine.client, [ada], classmates=[ada, bob], overcommit=True)


def test_a_student_s_own_figures_count_where_they_are_known(student: Student) -> None:
    bob = replace(student, name="bob", node_idle_mb=dict.fromkeys(student.node_idle_mb, 60))
    engine = FakeEngine()
    add_stack(engine, "bob")
    add_stack(engine, "zoe", "autumn")
    found = capacity.running(engine.client, student, [student, bob])
    assert {(one.prefix, one.idle_mb) for one in found} == {("spring-bob", 420), ("autumn-zoe", 371)}


def test_as_many_are_at_work_as_the_inventory_says(student: Student) -> None:
    class_of_six = [replace(student, name=f"s{i}", at_work=0.5) for i in range(6)]
    needed = 6 * 371 + 3 * AT_WORK + 1024
    assert preflight.memory_problem(class_of_six, needed) is None
    text = str(preflight.memory_problem(class_of_six, needed - 1))
    assert f"6 stacks with 3 students at work use {needed} MB" in text
    assert "  s0, s1, s2 and 3 more: each namenode 50 + " in text


@pytest.mark.parametrize("taken_by", ["port", "subnet", "disk"])
def test_provision_asks_for_ports_subnets_and_room(
    engine: FakeEngine, student: Student, taken: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, taken_by: str
) -> None:
    engine.info["DockerRootDir"] = str(tmp_path)
    disk = {"free": 2 * 2**30}
    monkeypatch.setattr(disks.shutil, "disk_usage", lambda folder: SimpleNamespace(**disk))
    asking = replace(student, pages={}, disk_reserve_mb=2048)
    preflight.require_possible(engine.client, [asking])
    bob = replace(asking, name="bob", subnet="10.89.2.0/27")
    if taken_by == "port":
        bob = publishing(bob, taken)
        named = [str(taken), "bob's namenode"]
    elif taken_by == "subnet":
        add_network(engine, "vpn", "10.89.2.0/24")
        named = ["bob's subnet 10.89.2.0/27"]
    else:
        disk["free"] -= 10**8
        named = ["2.0 GB are free", "2.1 GB are needed"]
    with pytest.raises(WrongRequest) as caught:
        preflight.require_possible(engine.client, [asking, bob], overcommit=True)
    assert caught.value.exit_code == 2
    assert [name for name in named if name not in caught.value.what] == []


def test_the_engine_s_networks_are_listed_once_for_all_students(
    engine: FakeEngine, student: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, used_subnets = [], preflight.used_subnets
    monkeypatch.setattr(preflight, "used_subnets", lambda *args: asked.append(args) or used_subnets(*args))
    students = [replace(student, name=f"s{i}", pages={}, subnet=f"10.89.{i}.0/27") for i in range(3)]
    preflight.require_possible(engine.client, students)
    assert asked == [(engine.client, student.docker_host)]


def test_a_disk_that_is_nearly_full_is_refused() -> None:
    assert preflight.disk_problem("/var/lib/docker", 8.0, 8) is None
    assert str(preflight.disk_problem("/var/lib/docker", 7.96, 8)) == (
        "error: too little disk for the engine: 8.0 GB are free, 8.0 GB are needed\n"
        "  the engine keeps images and volumes in /var/lib/docker\n"
        "  fix: free some room there (docker system df shows what the engine holds)"
    )


def test_the_largest_stacks_of_a_full_disk_are_named(
    engine: FakeEngine, student: Student, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Of the whole class, though only one of them is asked for."""
    engine.info["DockerRootDir"] = str(tmp_path)
    monkeypatch.setattr(disks.shutil, "disk_usage", lambda folder: SimpleNamespace(free=10**6))
    named = [replace(student, name=f"s{i}", pages={}, disk_mb=10, disk_reserve_mb=5) for i in range(5)]
    for i in range(4):
        engine.sizes[engine.add("edge", student=f"s{i}")] = i * 6 * 2**20
    with pytest.raises(WrongRequest) as caught:
        preflight.require_possible(engine.client, named[:1], classmates=named)
    assert caught.value.evidence[1:] == [
        "s3: 18 of 10 MB of disk, too much (edge 18)",
        "s2: 12 of 10 MB of disk, too much (edge 12)",
        "s1: 6 of 10 MB of disk (edge 6)",
    ]


def test_a_port_that_is_free_is_no_problem(engine: FakeEngine, student: Student, taken: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    assert preflight.port_problem(engine.client, publishing(student, free)) is None


only_linux = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="only Linux says who holds a port")


@only_linux
def test_a_port_that_a_process_holds_is_refused_with_its_name(engine: FakeEngine, student: Student, taken: int) -> None:
    me = Path("/proc/self/comm").read_text().strip()
    assert str(preflight.port_problem(engine.client, publishing(student, taken))) == (
        f"error: port {taken}, which ada's namenode publishes, is taken\n"
        f"  127.0.0.1:{taken} is held by process {os.getpid()} ({me})\n"
        "  fix: end it, or give ada another port_base in the inventory"
    )


@only_linux
def test_who_listens_holds_a_port_and_not_who_is_connected_to_one_of_that_number(
    engine: FakeEngine, student: Student
) -> None:
    """The program at the other end of a connection from that very port has a row of its own in the kernel's table."""
    me = Path("/proc/self/comm").read_text().strip()
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        client.bind(("127.0.0.1", 0))
        client.connect(server.getsockname())
        port = client.getsockname()[1]
        problem = preflight.port_problem(engine.client, publishing(student, port))
        assert problem.evidence == [f"127.0.0.1:{port} is held by a process of another user"]
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        port = server.getsockname()[1]
        assert preflight._holder(engine.client, port) == f"process {os.getpid()} ({me})"


def test_a_port_that_another_stack_holds_is_refused_with_its_container(
    engine: FakeEngine, student: Student, taken: int
) -> None:
    engine.add("kafka1", student="bob", ports=[taken + 1])
    engine.add("namenode", student="bob", ports=[8088, taken])
    engine.containers["spring-bob-kafka1"]["NetworkSettings"]["Ports"]["9092/tcp"] = None  # exposed, not published
    problem = preflight.port_problem(engine.client, publishing(student, taken))
    assert problem.evidence == [f"127.0.0.1:{taken} is held by the container spring-bob-namenode"]


def test_a_port_that_the_stack_itself_holds_is_no_problem(engine: FakeEngine, student: Student, taken: int) -> None:
    engine.add("namenode")
    assert preflight.port_problem(engine.client, publishing(student, taken)) is None


def test_a_stopped_node_does_not_hold_its_port(engine: FakeEngine, student: Student, taken: int) -> None:
    engine.client.api.stop(engine.add("namenode"))
    assert preflight.port_problem(engine.client, publishing(student, taken))


def test_another_machine_s_ports_cannot_be_tried_from_here(engine: FakeEngine, student: Student, taken: int) -> None:
    remote = replace(publishing(student, taken), docker_host="ssh://lab@elsewhere")
    assert preflight.port_problem(engine.client, remote) is None


def add_network(engine: FakeEngine, name: str, *subnets: str) -> None:
    engine.client.networks.create(name, ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=subnet) for subnet in subnets]))


def subnet_problem(engine: FakeEngine, student: Student) -> WrongRequest | None:
    return preflight.subnet_problem(student, preflight.used_subnets(engine.client, student.docker_host))


def test_a_subnet_that_a_network_of_the_engine_has_is_refused(engine: FakeEngine, student: Student) -> None:
    add_network(engine, "bridge", "172.17.0.0/16", "fd00::/64")
    engine.client.networks.create("host")
    for network in engine.networks.values():
        network.setdefault("IPAM", {"Config": None})
    assert subnet_problem(engine, student) is None
    add_network(engine, "vpn", "10.89.0.0/16")
    assert str(subnet_problem(engine, student)) == (
        "error: ada's subnet 10.89.1.0/27 is in use\n"
        "  the engine's network vpn has 10.89.0.0/16\n"
        "  fix: give ada another subnet in the inventory"
    )


def test_a_subnet_that_the_machine_reaches_otherwise_is_refused(
    engine: FakeEngine, student: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "routes", lambda: [("10.89.1.16/28", "tun0")])
    assert subnet_problem(engine, student).evidence == ["this machine's interface tun0 has 10.89.1.16/28"]
    elsewhere = replace(student, docker_host="ssh://lab@elsewhere")
    assert subnet_problem(engine, elsewhere) is None


def test_the_stack_s_own_network_is_no_problem_and_that_of_a_longer_name_is(
    engine: FakeEngine, student: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "routes", lambda: [("10.89.1.0/27", "br-1")])
    add_network(engine, "spring-ada", "10.89.1.0/27")
    assert subnet_problem(engine, student) is None
    engine.networks.clear()
    add_network(engine, "spring-ada2", "10.89.1.0/27")
    assert "spring-ada2" in subnet_problem(engine, student).evidence[0]


def test_the_machine_s_routes_are_read(tmp_path: Path) -> None:
    table = tmp_path / "route"
    table.write_text(
        "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        "br-1\t0001590A\t00000000\t0001\t0\t0\t0\tE0FFFFFF\t0\t0\t0\n"
    )
    assert ROUTES(table) == [("10.89.1.0/27", "br-1")]
    assert ROUTES(tmp_path / "none") == []


@pytest.fixture
def settings(tree: Callable[[dict[str, str]], Path]) -> Callable[..., Path]:
    """A kernel's settings: those of a machine with 16 GB, but for what is given."""
    usual = {"kernel/pid_max": 4194304, "kernel/threads-max": 127000, "net/ipv4/neigh/default/gc_thresh3": 1024}

    def of(**other: int) -> Path:
        named = {name: other.get(name.rpartition("/")[2].replace("-", "_"), number) for name, number in usual.items()}
        return tree({name: f"{number}\n" for name, number in named.items()})

    return of


def test_the_kernel_of_a_usual_machine_is_enough_for_a_class(student: Student, settings: Callable[..., Path]) -> None:
    assert preflight.kernel_problems([student] * 12, settings()) == []


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"pid_max": 5197}, "error: kernel.pid_max is 5197: too low for these students\n"
         "  their stacks on this machine have up to 5198 processes and threads while everybody works\n"
         "  fix: sudo sysctl -w kernel.pid_max=8192 (the same in a file of /etc/sysctl.d keeps it)"),
        ({"threads_max": 5000}, "kernel.threads-max=8192 "),
        ({"gc_thresh3": 83}, "net.ipv4.neigh.default.gc_thresh3=128 "),
    ],
)  # fmt: skip
def test_what_the_kernel_has_too_little_of_is_named_with_its_fix(
    student: Student, settings: Callable[..., Path], other: dict[str, int], said: str
) -> None:
    """Three stacks have 2048 + 21 · 150 processes at the most, and 4 · 21 neighbours."""
    (problem,) = preflight.kernel_problems([student] * 3, settings(**other))
    assert said in str(problem)


def test_only_this_machine_s_kernel_is_looked_at(
    student: Student, settings: Callable[..., Path], tmp_path: Path
) -> None:
    elsewhere = replace(student, docker_host="ssh://lab@second")
    assert preflight.kernel_problems([elsewhere] * 99, settings(pid_max=1)) == []
    assert preflight.kernel_problems([student] * 99, tmp_path / "no-proc") == []
