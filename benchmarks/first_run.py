"""From a clone to predictions on an engine that is empty, with caches that are: what a new machine's first demo takes.

The engine has data, caches and a network namespace of its own, so whatever the machine's own engine holds stays, and no
port or subnet is taken twice. That an engine is installed is not part of the figure. It takes root.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.run import Side
from benchmarks.stacks import timed
from streamlab.engines import engine
from streamlab.errors import LabError, WrongRequest
from streamlab.paths import ROOT
from streamlab.ui import say

NAMESPACE = "streamlab-bench"
#: A pair of virtual cables leads from the namespace to the machine, which passes on what comes through.
HERE, THERE = "slbench0", "slbench1"
GATEWAY, ADDRESS, NET = "10.89.252.1", "10.89.252.2", "10.89.252.0/30"
UP = (
    f"ip netns add {NAMESPACE}",
    f"ip link add {HERE} type veth peer name {THERE} netns {NAMESPACE}",
    f"ip address add {GATEWAY}/30 dev {HERE}",
    f"ip link set {HERE} up",
    f"ip -n {NAMESPACE} address add {ADDRESS}/30 dev {THERE}",
    f"ip -n {NAMESPACE} link set {THERE} up",
    f"ip -n {NAMESPACE} link set lo up",
    f"ip -n {NAMESPACE} route add default via {GATEWAY}",
    "sysctl -qw net.ipv4.ip_forward=1",
    f"iptables -t nat -A POSTROUTING -s {NET} -j MASQUERADE",
    f"iptables -I FORWARD -i {HERE} -j ACCEPT",
    f"iptables -I FORWARD -o {HERE} -j ACCEPT",
)
DOWN = (
    f"iptables -t nat -D POSTROUTING -s {NET} -j MASQUERADE",
    f"iptables -D FORWARD -i {HERE} -j ACCEPT",
    f"iptables -D FORWARD -o {HERE} -j ACCEPT",
    f"ip link delete {HERE}",
    f"ip netns delete {NAMESPACE}",
)
START_SECONDS = 60
DEMO_SECONDS = 1800


@contextmanager
def namespace() -> Iterator[None]:
    """A network namespace from which the world can be reached, and nothing of it once the block is left."""
    try:
        for command in UP:
            done = subprocess.run(command.split(), capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise LabError("no network namespace for an engine", evidence=[command, done.stderr.strip()])
        yield
    finally:
        for command in DOWN:
            subprocess.run(command.split(), capture_output=True, check=False)


@contextmanager
def empty_engine(folder: Path) -> Iterator[str]:
    """The address of an engine that has nothing, and whose folder has all that it is given."""
    address = f"unix://{folder}/docker.sock"
    options = [f"--data-root={folder}/data", f"--exec-root={folder}/exec", f"--pidfile={folder}/pid"]
    with (folder / "log").open("w") as log:
        # Not `ip netns exec`, which mounts a /sys of its own, without control groups.
        daemon = ["nsenter", f"--net=/run/netns/{NAMESPACE}", "dockerd", f"--host={address}", *options]
        process = subprocess.Popen(daemon, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    try:
        ends = time.monotonic() + START_SECONDS
        while not engine.answers(address):
            if process.poll() is not None or time.monotonic() > ends:
                raise LabError("an engine of its own does not start", evidence=(folder / "log").read_text()[-500:])
            time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=90)


@contextmanager
def first_run() -> Iterator[tuple[Side, None]]:
    """`./lab demo`, each time in a new clone of what is committed, on an empty engine, with an empty cache."""
    if os.geteuid() != 0:
        raise WrongRequest(
            "this figure takes root", evidence="it starts an engine of its own", fix="sudo ./lab bench …"
        )

    def demo() -> float:
        with namespace(), tempfile.TemporaryDirectory(prefix="streamlab-first-") as name, \
                empty_engine(Path(name)) as address:  # fmt: skip
            clone = Path(name) / "clone"
            subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
            env = {**os.environ, "DOCKER_HOST": address, "STREAMLAB_CACHE": f"{name}/cache"}

            def run() -> None:
                command = [str(clone / "lab"), "demo"]
                done = subprocess.run(
                    command, cwd=clone, env=env, capture_output=True, text=True, timeout=DEMO_SECONDS, check=False
                )
                if done.returncode != 0:
                    raise LabError("the demo failed", evidence=(done.stdout + done.stderr).splitlines()[-8:])
                for line in done.stdout.splitlines():
                    if line.startswith(("base system:", "fetched ", "built ")):
                        say(f"    {line}")

            taken = timed(run)
            destroy = [str(clone / "lab"), "destroy", "--yes"]
            subprocess.run(destroy, cwd=clone, env=env, capture_output=True, check=False)
            return taken

    yield demo, None
