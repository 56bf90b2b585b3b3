"""What the tests of the control program share."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import signal
import socket
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docker
import pytest

from fake_engine import FakeEngine
from streamlab.engines import engine
from streamlab.errors import LabError
from streamlab.paths import ANSIBLE, ROOT
from streamlab.stacks import known_hosts, operation, parallel
from streamlab.stacks.channel import MARK
from streamlab.students import inventory
from streamlab.students.docker_hosts import LOCAL
from streamlab.students.services import SERVICE_OF
from streamlab.students.student import Student

Serve = Callable[[int, Any], None]

SECOND = "ssh://lab@second"


class Engines(dict[str, FakeEngine]):
    """Docker host -> its engine; `gone` do not answer, and `asked` is who was connected to, in turn."""

    def __init__(self, engines: Mapping[str, FakeEngine]) -> None:
        super().__init__(engines)
        self.gone: set[str] = set()
        self.asked: list[str] = []

    @contextmanager
    def connect(self, docker_host: str, **_: Any) -> Iterator[docker.DockerClient]:
        """In the place of `engine.connect`."""
        self.asked.append(docker_host)
        if docker_host in self.gone:
            raise engine.NoEngine(f"no Docker Engine answers at {docker_host}", evidence="Connection refused")
        yield self[docker_host].client


# Some tests import Ansible, which reads its configuration then and never again.
os.environ["ANSIBLE_CONFIG"] = str(ANSIBLE / "ansible.cfg")

# In a stack this package stands alone, next to `common`; here it is found under the same name.
sys.modules["edge"] = importlib.import_module("streamlab.edge")


@pytest.fixture(autouse=True)
def nobody_s_docker(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Docker is not configured, and no engine is found but the one that a test asks for: as on any other machine."""
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path_factory.mktemp("docker")))
    monkeypatch.setattr(engine, "_is_there", lambda docker_host: False)
    monkeypatch.setattr(known_hosts, "FILE", tmp_path_factory.mktemp("state") / "docker_hosts.json")


@pytest.fixture
def bob(student: Student) -> Student:
    """Who is on the second Docker host, as the inventory says."""
    return replace(student, name="bob", docker_host=SECOND)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else acts on a stack, whoever owns it: there is no engine to ask."""
    for module in (operation, parallel):
        monkeypatch.setattr(module, "admitted", lambda target, operation: nullcontext())
    monkeypatch.setattr(engine, "processors", lambda docker_host: 2)


@pytest.fixture
def reached(alone: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `alone`, and every Docker host is taken to answer."""
    monkeypatch.setattr(engine, "unreachable", lambda targets: {})


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> Engines:
    """This machine's engine and another machine's, both empty."""
    made = Engines({LOCAL: FakeEngine(), SECOND: FakeEngine()})
    made[LOCAL].made = "2026-11-28T10:00:00Z"
    monkeypatch.setattr(engine, "connect", made.connect)
    for fake in made.values():
        attached = SimpleNamespace(_response=SimpleNamespace(close=lambda: None))
        monkeypatch.setattr(fake.client.api, "attach_socket", lambda *_, attached=attached, **__: attached)
    return made


@pytest.fixture
def docker_config() -> Callable[[dict], None]:
    """Write Docker's configuration, which is nobody's but the test's."""
    return lambda said: Path(os.environ["DOCKER_CONFIG"], "config.json").write_text(json.dumps(said), encoding="utf-8")


@pytest.fixture
def student() -> Student:
    """A student whose stack has one node of each kind, with limits that are easy to add up."""
    return Student(
        name="ada",
        lab_class="spring",
        docker_host="unix:///var/run/docker.sock",
        port_base=20000,
        subnet="10.89.1.0/27",
        node_counts=dict.fromkeys(SERVICE_OF, 1),
        yarn_memory_mb=4000,
        yarn_vcores=8,
        node_memory_mb={kind: 100 + i for i, kind in enumerate(SERVICE_OF)},
        node_idle_mb={kind: 50 + i for i, kind in enumerate(SERVICE_OF)},
        pages={
            "namenode": {"node": "namenode", "port": 9870, "offset": 70, "title": "HDFS NameNode"},
            "resourcemanager": {"node": "resourcemanager", "port": 8088, "offset": 88, "title": "YARN"},
        },
    )


@pytest.fixture
def error_of() -> Callable[..., str]:
    """What a person reads when `call` fails."""

    def text(call: Callable[..., object], *args: object, **kwargs: object) -> str:
        with pytest.raises(LabError) as caught:
            call(*args, **kwargs)
        return str(caught.value)

    return text


@pytest.fixture
def events(capsys: pytest.CaptureFixture) -> Callable[[], list[dict[str, Any]]]:
    """What a program of the lab's has told since the last look; it has printed nothing else."""

    def look() -> list[dict[str, Any]]:
        lines = capsys.readouterr().out.split("\n")[:-1]
        assert all(line.startswith(MARK) for line in lines)
        return [json.loads(line.removeprefix(MARK)) for line in lines]

    return look


@pytest.fixture
def heard_ctrl_c() -> Iterator[None]:
    """Ctrl-C is heard, though whatever started the tests may ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def tree(tmp_path: Path) -> Callable[[dict[str, str]], Path]:
    """Write files (path -> text) below a new folder, and return it."""

    def write(files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path

    return write


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> dict[int, int]:
    """A stack's network: its ports (a node's own -> the one of this machine that stands for it); names all resolve."""
    ports: dict[int, int] = {}
    resolve = socket.getaddrinfo

    def found(host: str, port: int | None, *args: Any, **kwargs: Any) -> list:
        if host == "gone":
            raise socket.gaierror(-2, "Name or service not known")
        return resolve("127.0.0.1", ports.get(port, 1) if port else None, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", found)
    return ports


@pytest.fixture
def web(network: dict[int, int]) -> Iterator[Serve]:
    """Serve one document, whatever is asked, at a node's port."""
    servers = []

    def serve(port: int, document: Any) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(document).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        network[port] = server.server_port
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        servers.append(server)

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def raw(network: dict[int, int]) -> Iterator[Serve]:
    """Answer one connection at a node's port with bytes made from the request."""
    listeners = []

    def serve(port: int, answer: Callable[[bytes], bytes]) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        network[port] = listener.getsockname()[1]
        listeners.append(listener)

        def once() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(answer(connection.recv(1000)))

        threading.Thread(target=once, daemon=True).start()

    yield serve
    for listener in listeners:
        listener.close()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """An engine behind a socket: the last part of a path -> its answer, as JSON or what writes it. Gives its address.

    `asked` gets the path of each question.
    """
    servers = []

    def at(answers: Mapping[str, Any], asked: list[str] | None = None) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                if asked is not None:
                    asked.append(path)
                answer = {"_ping": lambda to: to.write(b"OK"), **answers}[path.rpartition("/")[2]]
                self.send_response(200)
                if callable(answer):
                    self.end_headers()
                    answer(self.wfile)
                    return
                body = json.dumps(answer).encode()
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def address_string(self) -> str:
                return "here"

            def log_message(self, *args: object) -> None:
                pass

        path = f"{tmp_path}/{len(servers)}.sock"
        server = socketserver.ThreadingUnixStreamServer(path, Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        servers.append(server)
        return f"unix://{path}"

    yield at
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def class_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Write an inventory beside a copy of the lab's own group_vars."""
    monkeypatch.setattr(inventory, "STATE", tmp_path / "state")
    shutil.copytree(ROOT / "inventory" / "group_vars", tmp_path / "group_vars")

    def at(text: str) -> Path:
        file = tmp_path / "class.yml"
        file.write_text(text, encoding="utf-8")
        return file

    return at
