"""An engine that is somewhere else, or of somebody else's packages: used or started, and never replaced.

Each test has a mount namespace of its own, in which the machine's own engine is hidden; nothing is installed.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from lab_runner import ROOT, Ran
from streamlab.stacks import playbooks
from streamlab.students import inventory

SECONDS = 200
SOCKET = "/run/docker.sock"
INSTALLED = "Ensure the engine's package is installed"

#: A machine without an engine: what is written goes to folders of the namespace alone.
WITHOUT = """
work=$(mktemp -d) && mount -t tmpfs tmpfs "$work"
for dir in usr/sbin usr/bin var/lib/dpkg; do
  mkdir -p "$work/$dir/upper" "$work/$dir/work"
  mount -t overlay overlay -o "lowerdir=/$dir,upperdir=$work/$dir/upper,workdir=$work/$dir/work" "/$dir"
done
rm -f /usr/sbin/dockerd /usr/bin/dockerd
status=/var/lib/dpkg/status
others=$(awk 'BEGIN {RS=""; ORS="\\n\\n"} !/^Package: (docker\\.io|docker-cli|containerd|runc)\\n/' $status)
echo "$others" >$status
"""
#: As Docker's own package of containerd has it. Debian's engine needs Debian's own.
DOCKER_S_OWN = """Package: containerd.io
Status: install ok installed
Maintainer: nobody <nobody@example.org>
Architecture: all
Version: 1.7.1-1
Conflicts: containerd, runc
Provides: containerd, runc
Description: as Docker's own
"""


def hidden(script: str, *arguments: str, **env: str) -> Ran:
    """What a script says in a namespace in which no engine answers at the default socket."""
    command = ["unshare", "--mount", "bash", "-euc", f'{script}\nexec "$@"', "bash", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def engine_role(script: str) -> dict[str, str]:
    """Task -> what it would do (changed, skipping, …), of the role that installs and starts an engine."""
    command = [*playbooks.argv("engine.yml", inventory.DEFAULT), "--check", "-e", "docker_engine_start_seconds=1"]
    env = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]}
    ran = hidden(
        f"{script}\nmount --bind /dev/null {SOCKET}", *command, **playbooks.environment(env, verbose=True),
        ANSIBLE_NOCOLOR="1",
    )  # fmt: skip
    return dict(
        re.findall(r"^TASK \[docker_engine : (.+)\] \*+\n(?:.*\n)*?((?:ok|changed|skipping|fatal): .*)$", ran.out, re.M)
    )


@pytest.fixture
def elsewhere(tmp_path: Path) -> tuple[str, str]:
    """The address of an engine at another socket, and the script that makes the machine's own one."""
    socket = tmp_path / "docker.sock"
    socket.touch()
    return f"unix://{socket}", f"mount --bind {SOCKET} {socket}; mount --bind /dev/null {SOCKET}"


def test_the_engine_that_docker_host_names_is_used(elsewhere: tuple[str, str]) -> None:
    address, script = elsewhere
    ran = hidden(script, f"{ROOT}/lab", "doctor", DOCKER_HOST=address)
    assert f" at {address}, as DOCKER_HOST says\n" in ran.out
    assert "installs" not in ran.out + ran.err


def test_none_is_installed_while_one_answers_elsewhere(elsewhere: tuple[str, str], tmp_path: Path) -> None:
    """Neither advised nor done, also where the inventory says another one."""
    address, script = elsewhere
    (tmp_path / "group_vars").symlink_to(ROOT / "inventory" / "group_vars")
    file = tmp_path / "class.yml"
    student = "ada: {port_base: 27000, subnet: 10.94.9.0/27, docker_host: 'unix:///var/run/docker.sock'}"
    file.write_text(f"all: {{vars: {{lab_class: elsewhere}}, children: {{students: {{hosts: {{{student}}}}}}}}}\n")
    for task in ("status", "provision", "doctor"):
        ran = hidden(script, f"{ROOT}/lab", task, "--inventory", str(file), DOCKER_HOST=address)
        assert ran.code in (1, 2)
        assert f"one answers at {address} (as DOCKER_HOST says)" in ran.out + ran.err
        assert f"fix: write docker_host: {address} into the inventory" in ran.err
        assert "installing" not in ran.out


@pytest.mark.parametrize("program", ["/usr/bin/dockerd", "/usr/sbin/dockerd"])
def test_an_engine_that_is_installed_is_started_whoever_s_package_it_is(program: str) -> None:
    there = f"printf '#!/bin/sh\\nexit 0\\n' >{program}; chmod +x {program}"
    done = engine_role(f"{WITHOUT}\n{there}")
    assert done[INSTALLED].startswith("skipping: ")
    assert "did not answer within 1 s." in done["Say why there is no engine"]


def test_where_there_is_none_the_distribution_s_is_installed() -> None:
    assert engine_role(WITHOUT)[INSTALLED].startswith("changed: ")


def test_what_would_take_packages_away_is_not_installed(tmp_path: Path) -> None:
    (tmp_path / "package").write_text(DOCKER_S_OWN)
    done = engine_role(f"{WITHOUT}\n{{ echo; cat {tmp_path}/package; }} >>$status")
    assert done[INSTALLED].startswith("fatal: ")
    assert "It would take away containerd.io. fix: start or repair" in done["Say why no engine was installed"]
