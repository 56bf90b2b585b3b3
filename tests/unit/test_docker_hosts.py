"""Docker hosts: what an address says, which of them the lab can use, and what is said of one that does not answer."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from streamlab.engines import engine, tunnel
from streamlab.errors import LabError, WrongRequest
from streamlab.paths import ROOT
from streamlab.stacks import host_setup, operation, provision, status
from streamlab.stacks.operation import Access, Operation
from streamlab.stacks.playbooks import Summary
from streamlab.students import docker_hosts, problems
from streamlab.students.docker_hosts import LOCAL
from streamlab.students.inventory import Lab
from streamlab.students.student import Student
from streamlab.work import look

SECOND = "ssh://lab@second"


@pytest.fixture
def bob(student: Student) -> Student:
    return replace(student, name="bob", docker_host=SECOND)


@pytest.fixture
def serve(daemon: Callable[..., str]) -> Callable[[str], str]:
    """An engine of which nothing is there but the answer to who it is; gives its address."""
    return lambda api_version: daemon({"version": {"ApiVersion": api_version}})


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Put a program called `ssh` before all others; tunnels that it opened are closed afterwards."""

    def put(script: str) -> None:
        program = tmp_path / "bin" / "ssh"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")

    yield put
    tunnel.close_all()


def test_what_is_admitted_asks_by_the_connection_that_admitted_it(daemon: Callable[..., str], student: Student) -> None:
    """The rules of an operation cost it one question, for the stack's containers."""
    asked: list[str] = []
    host = daemon({"version": {"ApiVersion": "1.43"}, "json": [], "networks": []}, asked)

    def work(student: Student) -> None:
        for _ in range(2):
            with engine.connect(host) as client:
                client.api.networks()

    operation.act(work, replace(student, docker_host=host), Operation("check", Access.USE))
    assert asked == ["/version", "/v1.43/containers/json", *["/v1.43/networks"] * 2]


def test_an_operation_where_no_engine_answers_is_a_wrong_request(ssh: Callable[[str], None], bob: Student) -> None:
    ssh("echo 'Permission denied (publickey).' >&2; exit 255")
    with pytest.raises(engine.NoEngine, match="Permission denied"):
        operation.act(lambda student: None, bob, Operation("check", Access.USE))


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


def test_an_engine_that_is_too_old_is_refused_with_both_versions(serve: Callable, error_of: Callable) -> None:
    address = serve("1.40")
    assert error_of(lambda: engine.connect(address).__enter__()) == (
        f"error: the Docker Engine at {address} is too old\n"
        "  found: API 1.40; needed: API 1.41, which Docker Engine 20.10 has\n"
        "  fix: install a newer engine there, or give its students another docker_host "
        "(invoke move brings their data along)"
    )
    with pytest.raises(WrongRequest, match="is too old"):
        engine.answers(serve("1.22"))
    assert engine.answers(serve("1.41"))
    assert engine.answers(serve("1.100"))


def test_another_machine_s_socket_is_brought_here(serve: Callable, ssh: Callable, tmp_path: Path) -> None:
    there = serve("1.41").removeprefix("unix://")
    ssh(f'echo "$@" >> {tmp_path}/calls; for a; do case $a in /*:*) ln -s {there} "${{a%%:*}}" ;; esac; done; exec cat')
    for _ in range(2):
        with engine.connect(f"{SECOND}:2222") as client:
            assert client.api.base_url.startswith("http+docker://localhost")
    (call,) = (tmp_path / "calls").read_text().splitlines()
    assert call.endswith(".sock:/var/run/docker.sock -p 2222 -- lab@second cat")
    assert "BatchMode=yes" in call
    (opened,) = tunnel._open.values()
    tunnel.close_all()
    assert opened.process.returncode is not None
    assert not opened.socket.parent.exists()


#: An ssh that brings the socket `there`, and counts how often it was called.
BRINGS = 'echo call >> {calls}; for a; do case $a in /*:*) ln -s {there} "${{a%%:*}}" ;; esac; done; exec cat'


def test_many_threads_and_the_processes_they_start_use_one_tunnel(
    serve: Callable, ssh: Callable, tmp_path: Path
) -> None:
    """Each module of a playbook is a process, and an sshd refuses many connections at once."""
    calls = tmp_path / "calls"
    ssh(BRINGS.format(calls=calls, there=serve("1.41").removeprefix("unix://")))
    with ThreadPoolExecutor(8) as pool:
        (address,) = set(pool.map(engine.address, [SECOND] * 8))
    program = (
        "import sys; from streamlab.engines import engine; print(engine.address(sys.argv[1]));"
        "engine.connect(sys.argv[1]).__enter__().ping()"
    )
    child = [sys.executable, "-c", program, SECOND]
    assert subprocess.run(child, cwd=ROOT, capture_output=True, text=True, check=True).stdout == f"{address}\n"
    assert calls.read_text() == "call\n"
    tunnel.through(SECOND).close()  # it is gone with its process: a child opens its own
    assert subprocess.run(child, cwd=ROOT, capture_output=True, text=True, check=True).stdout != f"{address}\n"
    assert calls.read_text() == "call\n" * 2


@pytest.fixture
def silent_ports() -> Iterator[list[int]]:
    """Ports of this machine that accept and never say a word."""
    with ExitStack() as stack:
        servers = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(5)]
        yield [server.getsockname()[1] for server in servers]


@pytest.mark.skipif(not shutil.which("ssh"), reason="no ssh")
def test_machines_that_do_not_answer_take_the_time_of_one(
    student: Student, silent_ports: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tunnel, "CONNECT_SECONDS", 1)
    students = [replace(student, docker_host=f"ssh://lab@127.0.0.1:{port}") for port in silent_ports]
    began = time.monotonic()
    assert len(engine.unreachable(students)) == 5
    assert time.monotonic() - began < 3.5


@pytest.mark.skipif(not shutil.which("ssh"), reason="no ssh")
def test_a_connection_that_is_closed_at_once_is_tried_again_until_the_deadline(
    monkeypatch: pytest.MonkeyPatch, error_of: Callable
) -> None:
    """As an sshd does with those beyond its MaxStartups; the words are the real ssh's."""
    monkeypatch.setattr(tunnel, "RETRY_SECONDS", 1)
    monkeypatch.setattr(tunnel, "PAUSE_SECONDS", 0.1)
    refused = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse() -> None:
            with suppress(OSError):
                while True:
                    refused.append(server.accept()[0].close())

        refusing = threading.Thread(target=refuse, daemon=True)
        refusing.start()
        began = time.monotonic()
        port = server.getsockname()[1]
        try:
            text = error_of(lambda: engine.connect(f"ssh://lab@127.0.0.1:{port}").__enter__())
        finally:
            server.shutdown(socket.SHUT_RDWR)  # else the thread may accept at the next test's server: same descriptor
            refusing.join()
    assert time.monotonic() - began < 5
    assert "_exchange_identification: " in text
    assert len(refused) > 1


def test_who_is_let_in_at_last_is_connected(
    serve: Callable, ssh: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tunnel, "PAUSE_SECONDS", 0.01)
    calls = tmp_path / "calls"
    ssh(
        f"[ -e {calls} ] && [ $(wc -l < {calls}) = 2 ] || {{ echo no >> {calls};"
        " echo 'kex_exchange_identification: Connection closed by remote host' >&2; exit 255; }\n"
        + BRINGS.format(calls=calls, there=serve("1.41").removeprefix("unix://"))
    )
    with engine.connect(SECOND) as client:
        assert client.ping()
    assert calls.read_text() == "no\nno\ncall\n"


def test_any_other_refusal_is_final(ssh: Callable, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    ssh(f"echo call >> {calls}; echo 'ssh: connect to host second port 22: Connection refused' >&2; exit 255")
    with pytest.raises(ConnectionError, match="Connection refused"):
        tunnel.through(SECOND)
    assert calls.read_text() == "call\n"


def test_a_machine_that_lets_nobody_in_is_told_in_ssh_s_words(ssh: Callable, error_of: Callable) -> None:
    ssh("echo 'lab@second: Permission denied (publickey).' >&2; exit 255")
    assert error_of(lambda: engine.connect(SECOND).__enter__()) == (
        f"error: no Docker Engine answers at {SECOND}\n"
        "  lab@second: Permission denied (publickey).\n"
        "  fix: `ssh -o BatchMode=yes lab@second docker version` must work: "
        "repair the connection, or correct docker_host in the inventory"
    )


def test_a_machine_that_never_answers_is_not_waited_for(ssh: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tunnel, "CONNECT_SECONDS", 0.1)
    ssh("exec sleep 60")
    with pytest.raises(engine.NoEngine) as caught:
        engine.connect(SECOND).__enter__()
    assert caught.value.evidence == ["ssh had no answer within 0.1 s"]


def test_an_engine_that_is_not_behind_the_tunnel_is_told_in_ssh_s_words(ssh: Callable) -> None:
    ssh("echo 'channel 2: open failed: connect failed: No such file or directory' >&2; exec cat")
    with pytest.raises(engine.NoEngine) as caught:
        engine.connect(SECOND).__enter__()
    assert caught.value.evidence == ["channel 2: open failed: connect failed: No such file or directory"]


SILENT = engine.NoEngine(
    f"no Docker Engine answers at {SECOND}", evidence="Connection refused", fix="repair the connection"
)


@pytest.fixture
def second_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine of this machine answers, and the other machine's does not."""
    monkeypatch.setattr(engine, "silence", lambda host: SILENT if host == SECOND else None)


def test_who_was_not_reached_is_named_with_why(student: Student, bob: Student) -> None:
    error = engine.not_reached({SECOND: SILENT}, [student, bob, replace(bob, name="carl")])
    assert str(error) == (
        "error: not reached: bob, carl\n"
        f"  bob, carl: no Docker Engine answers at {SECOND}: Connection refused\n"
        "  fix: repair the connection"
    )
    assert (error.exit_code, engine.not_reached({SECOND: SILENT}, [bob]).exit_code) == (1, 2)


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch, second_is_gone: None, alone: None) -> list[str]:
    """Provision without an engine: whom the playbook was limited to."""
    told: list[str] = []

    def play(playbook: str, lab: Lab, *, limit: list[str], at_once: int, verbose: bool) -> Summary:
        assert at_once == 2  # both engines are on one machine, or one is gone
        told.extend(limit)
        return Summary(changed=3)

    nothing = SimpleNamespace(list=lambda **_: [])
    client = SimpleNamespace(
        info=lambda: {"NCPU": 2}, api=SimpleNamespace(volumes=lambda filters: {"Volumes": None}),
        containers=nothing, networks=nothing, volumes=nothing,
    )  # fmt: skip
    monkeypatch.setattr(engine, "connect", lambda host, **_: _opened(client))
    monkeypatch.setattr(provision.preflight, "require_possible", lambda *_, **__: None)
    monkeypatch.setattr(host_setup, "ensure_images", lambda *_: False)
    monkeypatch.setattr(provision.volumes, "prune", lambda *_: [])
    monkeypatch.setattr(provision, "play", play)
    return told


class _opened:
    def __init__(self, client: object) -> None:
        self.client = client

    def __enter__(self) -> object:
        return self.client

    def __exit__(self, *_: object) -> None:
        pass


def test_a_docker_host_that_is_gone_leaves_the_others_students_provisioned(
    student: Student, bob: Student, played: list[str], capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(LabError, match="not reached: bob") as caught:
        provision.provision(Lab(Path("class.yml"), (student, bob)), [student, bob])
    assert caught.value.exit_code == 1
    assert played == ["ada"]
    assert capsys.readouterr().out == "ada: provisioned and proved, 3 changed\n"


def test_nothing_is_provisioned_where_no_docker_host_answers(student: Student, bob: Student, played: list) -> None:
    with pytest.raises(WrongRequest, match="not reached: bob"):
        provision.provision(Lab(Path("class.yml"), (student, bob)), [bob])
    assert played == []


def test_a_docker_host_that_goes_away_while_images_travel_leaves_the_others_students_provisioned(
    student: Student, bob: Student, played: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    def vanishing(docker_host: str, others: object, wanted: object) -> bool:
        if docker_host == carl.docker_host:
            raise LabError("images did not arrive", evidence="connection reset by peer")
        return False

    carl = replace(student, name="carl", docker_host="unix:///run/second.sock", port_base=21000, subnet="10.89.2.0/27")
    monkeypatch.setattr(host_setup, "ensure_images", vanishing)
    lab = Lab(Path("class.yml"), (student, bob, carl))
    with pytest.raises(LabError, match="not reached: carl, bob") as caught:
        provision.provision(lab, lab.students)
    assert caught.value.evidence[0] == "carl: images did not arrive: connection reset by peer"
    assert played == ["ada"]
    played.clear()
    with pytest.raises(LabError, match="images did not arrive"):
        provision.provision(lab, [carl])
    assert played == []


def test_a_gateway_that_fails_leaves_the_other_docker_hosts_students_provisioned(
    student: Student, played: list, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def failing(lab: Lab, docker_host: str, one: Student) -> None:
        if docker_host == carl.docker_host:
            raise LabError("the gateway of spring did not answer", evidence="a port is taken", fix="free it")

    carl = replace(student, name="carl", docker_host="unix:///run/second.sock", port_base=21000, subnet="10.89.2.0/27")
    monkeypatch.setattr(provision, "_ensure_gateway", failing)
    lab = Lab(Path("class.yml"), (student, carl))
    with pytest.raises(LabError) as caught:
        provision.provision(lab, lab.students)
    assert (caught.value.exit_code, played) == (1, ["ada"])
    assert caught.value.evidence == ["carl: the gateway of spring did not answer: a port is taken"]
    assert caught.value.fix == "free it"
    played.clear()
    with pytest.raises(LabError, match=r"^error: the gateway of spring did not answer\n"):
        provision.provision(lab, [carl])
    assert played == []


def test_both_kinds_of_failure_are_told(
    student: Student, bob: Student, played: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise LabError("provision.yml failed for ada", evidence="ada: no space")

    monkeypatch.setattr(provision, "play", failing)
    with pytest.raises(LabError) as caught:
        provision.provision(Lab(Path("class.yml"), (student, bob)), [student, bob])
    assert caught.value.evidence == ["ada: no space", f"bob: {SILENT.what}: Connection refused"]


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No engine answers; what is played to install one."""
    done: list[str] = []
    monkeypatch.setattr(engine, "silence", lambda host: done.append(host) or SILENT)
    monkeypatch.setattr(host_setup, "play", lambda playbook, *_, **__: done.append(playbook))
    return done


def test_only_this_machine_s_own_engine_is_installed(bob: Student, installed: list[str]) -> None:
    other = replace(bob, docker_host="unix:///run/second.sock")
    assert not host_setup.ensure_engines(Lab(Path("class.yml"), ()), [bob, other])
    assert installed == []
    assert host_setup.ensure_engines(Lab(Path("class.yml"), ()), [bob, replace(bob, docker_host=LOCAL)])
    assert installed == [LOCAL, "engine.yml"]


def test_none_is_installed_beside_one_that_answers(
    student: Student, installed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/user/7/docker.sock")
    monkeypatch.setattr(engine, "_is_there", lambda docker_host: docker_host.endswith("/7/docker.sock"))
    with pytest.raises(engine.NoEngine):
        host_setup.ensure_engines(Lab(Path("class.yml"), ()), [student])
    assert installed == [LOCAL]


def test_status_says_what_is_not_known(
    student: Student, bob: Student, second_is_gone: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(
        status, "of_student", lambda s: status._found(s, "healthy", healthy=True, rows=[], applications=[])
    )
    found = status.look([bob, student])["students"][0]
    assert (found["healthy"], found["applications"]) == (False, None)
    assert {(node["state"], node["problem"]) for node in found["nodes"]} == {("unreachable", SILENT.what)}
    with pytest.raises(LabError, match="1 of 2 students failed"):
        status.report(Lab(Path("class.yml"), (bob, student)), [bob, student], as_json=False)
    assert f"bob: UNKNOWN, {SILENT.what}\n" in capsys.readouterr().out
