"""The bastion's files, and what a student's laptop is told of it: a key reaches its owner's edge node alone."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from streamlab.gateway import bastion, edge_ssh
from streamlab.gateway.keys import KeyPair
from streamlab.paths import ANSIBLE
from streamlab.students.student import Student

ADAS, SHARED, BOBS = (f"ssh-ed25519 {letter * 20}" for letter in "ACB")


@pytest.fixture
def students(student: Student) -> list[Student]:
    bob = replace(student, name="bob", subnet="10.89.2.0/27", ssh_keys=(SHARED, BOBS))
    return [replace(student, ssh_keys=(ADAS, SHARED)), bob]


def settings_of(text: str) -> dict[str, str]:
    lines = [line.split(" ", 1) for line in text.splitlines() if line and not line.startswith("#")]
    assert len({name for name, _ in lines}) == len(lines)  # of two, sshd takes the first
    return dict(lines)


def test_a_key_opens_the_edge_nodes_of_whoever_has_it_and_no_other(students: list[Student]) -> None:
    """sshd looks no further than the first line with a key."""
    files = bastion.files(students, KeyPair("private", "public"))
    assert files["bastion/authorized_keys"].decode().splitlines() == [
        f'restrict,port-forwarding,permitopen="10.89.1.8:2222" {ADAS} ada',
        f'restrict,port-forwarding,permitopen="10.89.1.8:2222",permitopen="10.89.2.8:2222" {SHARED} ada+bob',
        f'restrict,port-forwarding,permitopen="10.89.2.8:2222" {BOBS} bob',
    ]
    assert files["bastion/host_key"] == b"private"
    assert set(files) == {"bastion/authorized_keys", "bastion/host_key", "bastion/sshd_config"}


def test_the_bastion_opens_no_session_and_goes_nowhere_but_to_edge_nodes(students: list[Student]) -> None:
    said = settings_of(bastion.sshd_config(students))
    assert said["PermitOpen"] == "10.89.1.8:2222 10.89.2.8:2222"
    assert (said["MaxSessions"], said["ForceCommand"], said["PermitTTY"]) == ("0", "/usr/sbin/nologin", "no")
    assert (said["AllowTcpForwarding"], said["AuthenticationMethods"]) == ("local", "publickey")
    for name in ("AllowAgentForwarding", "AllowStreamLocalForwarding", "X11Forwarding", "UsePAM", "PermitUserRC"):
        assert said[name] == "no", name
    assert said["AuthorizedKeysFile"].split()[0] == f"{bastion.FOLDER}/authorized_keys"
    assert settings_of(bastion.sshd_config([]))["PermitOpen"] == "none"


def test_both_servers_offer_the_same_algorithms(students: list[Student]) -> None:
    assert edge_ssh.SERVER_ALGORITHMS in bastion.sshd_config(students)
    edge = (ANSIBLE / "roles" / "edge" / "templates" / "sshd_config.j2").read_text(encoding="utf-8")
    assert "{{ '' | sshd_algorithms }}" in edge
    assert "Ciphers" not in edge


@pytest.fixture
def asked(students: list[Student], tmp_path: Path) -> Callable[[str], dict[str, list[str]]]:
    """What ssh itself understands of the lines for a laptop."""
    bob = replace(students[1], node_counts={**students[1].node_counts, "kafka": 2})
    file = tmp_path / "config"
    file.write_text(bastion.client_config(bob, "lab.example", 8022))

    def look_up(host: str) -> dict[str, list[str]]:
        shown = subprocess.run(["ssh", "-F", str(file), "-G", host], capture_output=True, text=True, check=True).stdout
        found: dict[str, list[str]] = {}
        for name, *values in map(shlex.split, shown.splitlines()):
            found.setdefault(name, []).append(" ".join(values))
        return found

    return look_up


def test_a_laptop_needs_to_type_no_more_than_ssh_edge(asked: Callable[[str], dict[str, list[str]]]) -> None:
    edge, gateway = asked("edge"), asked("edge-gateway")
    assert (edge["hostname"], edge["port"], edge["user"]) == (["10.89.2.8"], ["2222"], ["student"])
    assert edge["proxyjump"] == ["edge-gateway"]
    assert (gateway["hostname"], gateway["port"], gateway["user"]) == (["lab.example"], ["8022"], ["gateway"])
    assert "proxyjump" not in gateway
    assert (edge["hostkeyalias"], gateway["hostkeyalias"]) == (["bob.lab.example"], ["lab.example"])
    for host in (edge, gateway):
        assert host["stricthostkeychecking"] == ["true"]
        assert host["userknownhostsfile"] == [bastion.KNOWN_HOSTS.replace("~", str(Path.home()))] or host[
            "userknownhostsfile"
        ] == [bastion.KNOWN_HOSTS]
    assert "localforward" not in edge


def test_every_broker_and_cassandra_are_forwarded_to_ports_of_their_own(
    asked: Callable[[str], dict[str, list[str]]],
) -> None:
    ports = asked("edge-ports")
    assert ports["localforward"] == ["19092 [kafka1]:19092", "19093 [kafka2]:19093", "9042 [cassandra1]:9042"]
    assert ports["proxyjump"] == ["edge-gateway"]
    brokers = yaml.safe_load((ANSIBLE / "roles" / "kafka" / "defaults" / "main.yml").read_text(encoding="utf-8"))
    assert brokers["kafka_forwarded_port"] == bastion.KAFKA_PORT


def test_a_laptop_knows_both_keys_beforehand(students: list[Student]) -> None:
    lines = bastion.known_hosts(students[1], "lab.example", "ssh-ed25519 AAAAbastion", "ssh-ed25519 AAAAedge")
    assert lines == "lab.example ssh-ed25519 AAAAbastion\nbob.lab.example ssh-ed25519 AAAAedge\n"
