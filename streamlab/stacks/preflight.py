"""Checks before anything is touched: memory, disk, ports and the engine itself."""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import docker

from streamlab.engines import disk, labelled
from streamlab.engines.disk import Usage
from streamlab.errors import LabError, WrongRequest
from streamlab.stacks import capacity
from streamlab.students.docker_hosts import is_here
from streamlab.students.student import Student
from streamlab.students.topology import nodes
from streamlab.students.values import some

#: Free disk that images and a first stack need (GB); measured: images 3.5, build leftovers and artifacts 2.5.
DISK_GB_TO_BUILD = 8
#: Stacks that an error about a full disk names.
LARGEST = 3

#: Processes and threads of the machine itself.
MACHINE_PIDS = 2048
#: Entries of the kernel's table of neighbours for each node, in its own network and in the machine's; measured: 28 for
#: the seven nodes of a stack that has just been proved. Connections need no such look: about 50 for a stack, and the
#: kernel keeps 65536 from a gigabyte of memory on.
NEIGHBOURS_OF_NODE = 4
#: Processes and threads for each node; measured: 413 for the seven nodes of an idle stack. A driver and two executors
#: add as many again.
THREADS_OF_NODE = 150


def memory_problem(students: Sequence[Student], machine_mb: int) -> WrongRequest | None:
    """Whether the students' stacks, with as many at work as the inventory says, use more than their Docker host has."""
    busy = capacity.working(students)
    needed = capacity.needed_mb(students, at_work=busy)
    if needed <= machine_mb:
        return None
    sums: dict[str, list[str]] = {}
    for s in students:
        stack = f"{' + '.join(f'{n.name} {s.node_idle_mb[n.kind]}' for n in nodes(s))} = {s.idle_mb} MB, idle"
        sums.setdefault(stack, []).append(s.name if s.lab_class == students[0].lab_class else f"{s.prefix} (running)")
    work = needed - capacity.needed_mb(students, at_work=0)
    who = "one student at work" if busy == 1 else f"{busy} students at work"
    return WrongRequest(
        f"{len(students)} {'stack' if len(students) == 1 else 'stacks'} with {who} use {needed} MB, "
        f"and {students[0].docker_host} has {machine_mb} MB",
        evidence=[
            *(f"{some(names)}: {'each ' if len(names) > 1 else ''}{stack}" for stack, names in sums.items()),
            f"{who}: {work} MB (preset {capacity.largest().name} asks for {capacity.asked_mb(capacity.largest())})",
            f"the machine itself: {capacity.RESERVE_MB} MB",
        ],
        fix="use a smaller size, fewer students or a lower at_work, give some of them another docker_host "
        "(invoke move brings their data along), or add --overcommit",
    )


def disk_problem(
    folder: str, free_gb: float, needed_gb: float, largest: Callable[[], Sequence[Usage]] = tuple
) -> WrongRequest | None:
    """Whether the engine's disk has too little room.

    Args:
        largest: measures stacks, the largest first; called only if there is a problem.
    """
    if free_gb >= needed_gb:
        return None
    usages = [usage for usage in largest() if usage.mb][:LARGEST]
    return WrongRequest(
        f"too little disk for the engine: {free_gb:.1f} GB are free, {needed_gb:.1f} GB are needed",
        evidence=[
            f"the engine keeps images and volumes in {folder}",
            *(f"{usage.student.name}: {usage}" for usage in usages),
        ],
        fix="free some room there (docker system df shows what the engine holds)",
    )


def port_problem(client: docker.DockerClient, student: Student) -> WrongRequest | None:
    """Whether somebody else holds a port that the student's stack publishes."""
    if not is_here(student.docker_host):
        return None  # another machine's loopback cannot be tried from here; its engine refuses a taken port
    ours = labelled.summaries(client, student)
    for node in nodes(student):
        for page in node.pages:
            if node.name in ours and ours[node.name].status == "running":
                continue
            if _is_taken(page.host_port):
                return WrongRequest(
                    f"port {page.host_port}, which {student.name}'s {node.name} publishes, is taken",
                    evidence=f"127.0.0.1:{page.host_port} is held by {_holder(client, page.host_port)}",
                    fix=f"end it, or give {student.name} another port_base in the inventory",
                )
    return None


def used_subnets(client: docker.DockerClient, docker_host: str) -> dict[str, list[str]]:
    """Subnet -> who has it: networks of the engine, and the interface by which this machine reaches it."""
    used = defaultdict(list)
    for network in client.networks.list():
        for pool in network.attrs["IPAM"]["Config"] or ():
            used[pool["Subnet"]].append(_network(network.name))
    if is_here(docker_host):
        for subnet, interface in routes():
            used[subnet].append(f"this machine's interface {interface}")
    return dict(used)


def _network(name: str) -> str:
    return f"the engine's network {name}"


def subnet_problem(student: Student, used: Mapping[str, Sequence[str]]) -> WrongRequest | None:
    """Whether the student's subnet overlaps one that is in `used_subnets`, other than their own network's."""
    wanted, own = ipaddress.IPv4Network(student.subnet), _network(student.network)
    for subnet, holders in used.items():
        if own not in holders and ":" not in subnet and wanted.overlaps(ipaddress.IPv4Network(subnet)):
            return WrongRequest(
                f"{student.name}'s subnet {wanted} is in use",
                evidence=f"{holders[0]} has {subnet}",
                fix=f"give {student.name} another subnet in the inventory",
            )
    return None


def routes(table: Path = Path("/proc/net/route")) -> list[tuple[str, str]]:
    """The networks that this machine reaches, (subnet, interface) each, without the default route; none off Linux."""
    if not table.exists():
        return []
    found = []
    for line in table.read_text(encoding="utf-8").splitlines()[1:]:
        interface, destination, _, _, _, _, _, mask = line.split()[:8]
        address, bits = (socket.inet_ntoa(struct.pack("<I", int(word, 16))) for word in (destination, mask))
        if mask != "00000000":
            found.append((str(ipaddress.IPv4Network(f"{address}/{bits}")), interface))
    return found


def _is_taken(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _holder(client: docker.DockerClient, port: int) -> str:
    """Who listens on a local port: a container of the engine, else a process, as far as this user may see."""
    for container in client.containers.list():
        published = (binding for bindings in (container.ports or {}).values() for binding in bindings or ())
        if any(binding["HostPort"] == str(port) for binding in published):
            return f"the container {container.name}"
    inode = _listening_inode(port)
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(fd.readlink()) == f"socket:[{inode}]" for fd in (process / "fd").iterdir()):
                program = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
                return f"process {process.name} ({program})"
        except OSError:
            continue  # it has ended, or belongs to somebody else
    return "a process of another user"


def _listening_inode(port: int) -> str:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if Path(table).exists():
            for line in Path(table).read_text(encoding="utf-8").splitlines()[1:]:
                parts = line.split()
                if parts[1].endswith(f":{port:04X}") and parts[3] == "0A":
                    return parts[9]
    return ""


def require_room(
    client: docker.DockerClient, docker_host: str, *, needed_gb: float, students: Sequence[Student] = ()
) -> None:
    """Refuse to go on where the engine's disk is nearly full; the error names the largest stacks of `students`."""
    room = disk.free_gb(client, docker_host)
    problem = disk_problem(*room, needed_gb, lambda: disk.usages(client, students)) if room else None
    if problem:
        raise problem


def reserve_gb(students: Sequence[Student]) -> float:
    """Disk (GB) that is kept free on the Docker host of these students."""
    return max(student.disk_reserve_mb for student in students) * 2**20 / 1e9


def require_memory(students: Sequence[Student], *, overcommit: bool = False) -> None:
    """Refuse more than this machine has memory for, before an engine is installed.

    Raises:
        WrongRequest: the students who are to live on this machine may use more memory than it has.
    """
    here = [student for student in students if is_here(student.docker_host)]
    machine_mb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    problem = memory_problem(here, machine_mb) if here and not overcommit else None
    if problem:
        raise problem


def kernel_problems(students: Sequence[Student], settings: Path = Path("/proc/sys")) -> list[LabError]:
    """What this machine's kernel allows too little of for the stacks that are to run here; nothing off Linux."""
    here = [node for student in students if is_here(student.docker_host) for node in nodes(student)]
    pids = "processes and threads", MACHINE_PIDS + THREADS_OF_NODE * len(here)
    needed = {
        "kernel.pid_max": pids,
        "kernel.threads-max": pids,
        "net.ipv4.neigh.default.gc_thresh3": ("neighbours in their networks", NEIGHBOURS_OF_NODE * len(here)),
    }
    problems = []
    for setting, (what, number) in needed.items():
        file = settings / setting.replace(".", "/")
        if here and file.exists() and int(file.read_text(encoding="utf-8")) < number:
            problems.append(
                LabError(
                    f"{setting} is {file.read_text(encoding='utf-8').strip()}: too low for these students",
                    evidence=f"their stacks on this machine have up to {number} {what} while everybody works",
                    fix=f"sudo sysctl -w {setting}={1 << (number - 1).bit_length()} "
                    "(the same in a file of /etc/sysctl.d keeps it)",
                )
            )
    return problems


def require_possible(
    client: docker.DockerClient,
    students: Sequence[Student],
    *,
    classmates: Sequence[Student] = (),
    overcommit: bool = False,
) -> None:
    """Refuse, before anything is touched, more than this engine can run. All students are on one Docker host.

    Args:
        classmates: the whole class. Whose stack runs here, of this class or another, uses memory as well.

    Raises:
        WrongRequest: too much memory unless `overcommit`, too little disk, or a port or a subnet that is taken.
    """
    machine_mb = client.info()["MemTotal"] // 2**20
    there = capacity.running(client, students[0], [*students, *classmates])
    together = [*students, *(one for one in there if one not in students)]
    problem = None if overcommit else memory_problem(together, machine_mb)
    used = used_subnets(client, students[0].docker_host)
    for student in students:
        problem = problem or port_problem(client, student) or subnet_problem(student, used)
    if problem:
        raise problem
    neighbours = [one for one in classmates if one.docker_host == students[0].docker_host] or students
    require_room(client, students[0].docker_host, needed_gb=reserve_gb(students), students=neighbours)
