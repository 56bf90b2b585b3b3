"""An engine of another machine through ssh: one tunnel for all who ask, and what is said of one that does not open."""

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

import pytest

from conftest import SECOND
from streamlab.engines import engine, tunnel
from streamlab.errors import WrongRequest
from streamlab.paths import ROOT
from streamlab.stacks import operation
from streamlab.stacks.operation import Access, Operation
from streamlab.students.student import Student


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
