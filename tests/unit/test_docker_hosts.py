"""Docker hosts: what an address says, and which of them the lab can use."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conftest import SECOND
from streamlab.engines import tunnel
from streamlab.students import docker_hosts, problems
from streamlab.students.docker_hosts import LOCAL
from streamlab.students.student import Student
from streamlab.work import look


@pytest.mark.parametrize(
    "address", [LOCAL, "unix:///run/user/1000/docker.sock", SECOND, "ssh://second:2222/run/d.sock"]
)
def test_a_socket_and_a_machine_are_known(address: str) -> None:
    assert docker_hosts.is_known(address)


def test_a_host_of_ssh_s_configuration_keeps_its_case() -> None:
    assert docker_hosts.ssh_destination("ssh://Ada@LabServer:2222/run/d.sock") == ["-p", "2222", "Ada@LabServer"]
    assert docker_hosts.machine("ssh://LabServer") == docker_hosts.machine("ssh://ada@labserver:2222") == "labserver"


def test_the_path_of_an_address_is_the_other_machine_s_socket() -> None:
    forwarded = [tunnel.argv(address, "/here.sock") for address in (SECOND, f"{SECOND}/run/d.sock", f"{SECOND}/")]
    assert [line[line.index("-L") + 1] for line in forwarded] == [
        "/here.sock:/var/run/docker.sock", "/here.sock:/run/d.sock", "/here.sock:/var/run/docker.sock",
    ]  # fmt: skip


def test_an_alias_of_ssh_s_configuration_keeps_its_capitals() -> None:
    assert docker_hosts.ssh_destination("ssh://Ada@Lab2:2222/run/d.sock") == ["-p", "2222", "Ada@Lab2"]
    assert docker_hosts.machine("ssh://Ada@Lab2") == docker_hosts.machine("ssh://lab2")


@pytest.mark.parametrize(
    "address",
    ["", "/var/run/docker.sock", "unix://docker.sock", "tcp://second:2375", "ssh://", "ssh://-v", "ssh://-F/x@second",
     "ssh://lab@-oProxyCommand=x", "ssh://second:0", "ssh://second:70000", "ssh://a@b@second", "ssh://second:22:22"],
)  # fmt: skip
def test_anything_else_is_refused_with_the_student_s_name(student: Student, address: str) -> None:
    assert problems.find_problems([replace(student, docker_host=address)]) == [
        f"ada: docker_host {address!r} is no unix:///path or ssh://user@machine"
    ]


def test_two_engines_of_one_machine_share_its_ports_and_its_routes(student: Student) -> None:
    other = replace(student, name="bob", docker_host="unix:///run/second.sock")
    assert problems.find_problems([student, other]) == [
        "bob's namenode and ada's namenode both publish port 20070: set another port_base",
        "bob's resourcemanager and ada's resourcemanager both publish port 20088: set another port_base",
        "bob: subnet 10.89.1.0/27 overlaps ada's 10.89.1.0/27",
    ]
    assert problems.find_problems([student, replace(other, docker_host=SECOND)]) == []


def test_students_are_taken_together_by_docker_host(student: Student, bob: Student) -> None:
    carl = replace(student, name="carl")
    grouped = {host: [one.name for one in group] for host, group in docker_hosts.by_docker_host([student, bob, carl])}
    assert grouped == {SECOND: ["bob"], student.docker_host: ["ada", "carl"]}


def test_this_machine_s_hosts_come_first(student: Student, bob: Student) -> None:
    carl = replace(student, name="carl", docker_host="unix:///run/second.sock")
    hosts = [host for host, _ in docker_hosts.by_docker_host([bob, student, carl])]
    assert hosts == ["unix:///run/second.sock", LOCAL, SECOND]


def test_pages_of_another_machine_come_with_the_way_there(student: Student) -> None:
    assert "ssh" not in look.links(student)
    assert look.links(replace(student, docker_host="ssh://lab@second:2222")).splitlines()[-1] == (
        "these are second's; here they are while this runs: "
        "ssh -N -L 20070:127.0.0.1:20070 -L 20088:127.0.0.1:20088 -p 2222 lab@second"
    )
