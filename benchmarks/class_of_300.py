"""A class on ten Docker hosts, as the control program meets it: what each command takes for 30, 100 and 300 students.

The engines are HTTP servers on unix sockets, in a process of their own, behind an `ssh` that leads to them. They answer
what is asked of real ones, each answer after the time that it takes there; every stack runs and is healthy. The
commands are those of a user, each a process, whose time and peak memory are measured. It needs no engine of Docker's.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import socketserver
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from benchmarks.run import Side
from streamlab.errors import LabError
from streamlab.paths import ROOT
from streamlab.stacks.channel import MARK
from streamlab.students.inventory import load
from streamlab.ui import say, table

HOSTS, SIZES = 10, (30, 100, 300)
#: How many times more than linear a step may take from the smallest class to the largest.
WORSE = 1.3
CLASS = "scale"
NODES = ("namenode", "datanode1", "resourcemanager", "nodemanager1", "kafka1", "cassandra1", "edge")
#: Seconds that a real engine takes for an answer, and a stack's edge node to ask all others how they are.
ANSWER, LIST, HEALTH = 0.002, 0.02, 0.3


class Engine(BaseHTTPRequestHandler):
    """One engine; its server's `containers` and `networks` are what it has, `commands` what it was asked to run."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        path, asked = parts.path.partition("/v1.")[2].partition("/")[2] or parts.path.lstrip("/"), parse_qs(parts.query)
        if path == "_ping":
            self._answer("OK")
        elif path == "version":
            self._answer({"ApiVersion": "1.47", "Version": "27.5.1"})
        elif path == "info":
            self._answer({"MemTotal": 2**40, "NCPU": 32, "DockerRootDir": "/var/lib/docker"})
        elif path == "containers/json":
            wanted = json.loads(asked.get("filters", ["{}"])[0]).get("label", [])
            pairs = [label.partition("=") for label in wanted]
            has = [one for one in self.server.containers if all(_has(one["Labels"], *pair) for pair in pairs)]
            self._answer(has, LIST)
        elif path == "volumes":
            self._answer({"Volumes": []}, LIST)
        elif path == "images/json":
            self._answer([{"Id": "sha256:0"}], LIST)
        elif path.startswith("images/"):
            self._answer({"Id": "sha256:0", "RepoTags": []})
        elif path == "networks":
            self._answer(self.server.networks, LIST)
        elif path.endswith("/stats"):
            self._answer({"memory_stats": {"usage": 10**8, "stats": {"inactive_file": 0}}})
        elif path.startswith("exec/"):
            self._answer({"Running": False, "ExitCode": 0})
        else:
            self.send_error(404, f"the benchmark's engine knows no {path}")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}")
        if self.path.endswith("/exec"):
            number = str(next(self.server.numbers))
            self.server.commands[number] = body["Cmd"]
            self._answer({"Id": number})
        elif found := re.search(r"/exec/(\d+)/start$", self.path):
            self.wfile.write(b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
            argv = self.server.commands[found[1]]
            names = argv[argv.index("edge.health") + 1 :]
            time.sleep(HEALTH)
            answer = {"answer": {"nodes": dict.fromkeys(names), "applications": []}}
            said = f"{MARK}{json.dumps(answer)}\n".encode()
            self.wfile.write(struct.pack(">BxxxL", 1, len(said)) + said)
            self.close_connection = True
        else:
            self.send_error(404, f"the benchmark's engine knows no {self.path}")

    def _answer(self, document: Any, seconds: float = ANSWER) -> None:
        time.sleep(seconds)
        body = document.encode() if isinstance(document, str) else json.dumps(document).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)

    def address_string(self) -> str:
        return "here"

    def log_message(self, *args: object) -> None:
        pass


def _has(labels: dict[str, str], name: str, equals: str, value: str) -> bool:
    return name in labels and (not equals or labels[name] == value)


def serve(folder: Path, inventory: Path) -> None:
    """Be the engines of a class, one socket each, until this process is ended."""
    for number in range(HOSTS):
        server = socketserver.ThreadingUnixStreamServer(str(folder / f"host{number}.partial"), Engine)
        server.daemon_threads, server.request_queue_size = True, 128
        server.numbers, server.commands = itertools.count(), {}
        students = [one for one in load(inventory).students if one.docker_host.endswith(f"@host{number}")]
        server.containers = [
            {
                "Id": f"{student.prefix}-{node}", "Names": [f"/{student.prefix}-{node}"], "State": "running",
                "Labels": {
                    "streamlab.class": CLASS, "streamlab.student": student.name, "streamlab.node": node,
                },
                "Mounts": [], "NetworkSettings": {"Networks": {student.network: {"NetworkID": student.network}}},
            }
            for student in students for node in NODES
        ]  # fmt: skip
        server.networks = [
            {"Id": one.network, "Name": one.network, "IPAM": {"Config": [{"Subnet": one.subnet}]}} for one in students
        ]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        (folder / f"host{number}.partial").rename(folder / f"host{number}.sock")
    threading.Event().wait()


@contextmanager
def engines(folder: Path, inventory: Path) -> Iterator[dict[str, str]]:
    """The environment in which ssh leads to ten engines with this class's stacks."""
    ssh = folder / "bin" / "ssh"
    ssh.parent.mkdir(exist_ok=True)
    ssh.write_text(
        "#!/bin/sh\nfor a; do case $a in /*:*) at=${a%%:*} ;; lab@*) host=${a#lab@} ;; esac; done\n"
        f'ln -s "{folder}/$host.sock" "$at" && exec cat\n'
    )
    ssh.chmod(0o755)
    command = [sys.executable, "-m", "benchmarks.class_of_300", str(folder), str(inventory)]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        ends = time.monotonic() + 60
        while len(list(folder.glob("host*.sock"))) < HOSTS:
            if process.poll() is not None or time.monotonic() > ends:
                raise LabError("the benchmark's engines did not start", fix="see what they said above")
            time.sleep(0.05)
        yield {**os.environ, "PATH": f"{ssh.parent}:{os.environ['PATH']}"}
    finally:
        process.terminate()
        process.wait()


def measured(command: list[str], env: dict[str, str]) -> tuple[float, float]:
    """Seconds and peak memory (MB) of one command.

    Raises:
        LabError: it failed.
    """
    began = time.monotonic()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=said, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - began
        if process.returncode:
            said.seek(0)
            raise LabError(f"{' '.join(command[-4:])[:80]} failed", evidence=said.read().splitlines()[-8:])
    return seconds, used.ru_maxrss / 1024


def of_class(students: int) -> dict[str, tuple[float, float]]:
    """Step -> seconds and peak memory (MB), for a class of so many."""
    lab = [sys.executable, "-m", "streamlab"]
    with tempfile.TemporaryDirectory(prefix="streamlab-class-") as made:
        folder, inventory = Path(made), Path(made, "class.yml")
        shutil.copytree(ROOT / "inventory" / "group_vars", folder / "group_vars")
        lines = [f"Student {number},ssh://lab@host{number % HOSTS}" for number in range(students)]
        (folder / "students.csv").write_text("\n".join(["name,docker_host", *lines]) + "\n", encoding="utf-8")
        roster = [*lab, "roster", "--from", f"{made}/students.csv", "--name", CLASS, "--to", str(inventory)]
        found = {"roster": measured(roster, {**os.environ})}
        with engines(folder, inventory) as env:
            for name in ("provision --check", "capacity", "status"):
                found[name] = measured([*lab, *name.split(), "--inventory", str(inventory)], env)
    return found


def require_linear(found: dict[int, dict[str, tuple[float, float]]]) -> None:
    """Refuse a step that takes more, of time or memory, than the number of students explains.

    Raises:
        LabError: with the figures of each such step.
    """
    few, many = min(found), max(found)
    worse = [
        f"{step}: {small:.2f} {unit} for {few} students, {large:.2f} {unit} for {many}"
        for step in found[few]
        for unit, small, large in zip(("s", "MB"), found[few][step], found[many][step], strict=True)
        if large > WORSE * many / few * small
    ]
    if worse:
        raise LabError(
            f"more than {WORSE} x {many // few} times as much for {many} students as for {few}",
            evidence=worse,
            fix="look for work that is done for each student as often as there are students",
        )


@contextmanager
def scaling() -> Iterator[tuple[Side, Side]]:
    """All steps for the largest class, beside ten times those for the smallest; each class is measured once."""
    found: dict[int, dict[str, tuple[float, float]]] = {}

    def total(students: int) -> float:
        return sum(seconds for seconds, _ in found[students].values())

    def ours() -> float:
        found.update((students, of_class(students)) for students in SIZES)
        rows = [
            [step, *(f"{found[size][step][0]:.2f} s, {found[size][step][1]:.0f} MB" for size in SIZES)]
            for step in found[SIZES[0]]
        ]
        say(table(["step", *(f"{size} students" for size in SIZES)], rows))
        require_linear(found)
        return total(max(SIZES))

    yield ours, lambda: total(min(SIZES)) * max(SIZES) / min(SIZES)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        serve(Path(sys.argv[1]), Path(sys.argv[2]))
