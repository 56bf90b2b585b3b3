"""A command in a node ends in time and takes no more memory than is set, whatever the node or the engine does."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from types import SimpleNamespace
from typing import Any

import pytest
from docker import APIClient
from docker.models.containers import Container

from fake_node import ERR, Command
from streamlab.engines import attached, inside
from streamlab.errors import LabError
from streamlab.stacks import stack
from streamlab.stacks.channel import MARK
from streamlab.ui import say

Run = Callable[[Command], int]


class Engine(ThreadingUnixStreamServer):
    """An engine that speaks HTTP over a socket. It has one container, and what runs there are functions of a test."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, path: Path, run: Run) -> None:
        super().__init__(str(path), Requests)
        self.run = run
        #: What is asked to be run is refused with this message.
        self.refusal = ""
        self.commands: list[Command] = []
        self.codes: dict[int, int] = {}

    @property
    def ends(self) -> list[list[str]]:
        """The commands that were sent to end another."""
        return [command.argv for command in self.commands if attached.END_MARKED in command.argv]


class Requests(BaseHTTPRequestHandler):
    server: Engine

    def address_string(self) -> str:
        return "client"

    def log_message(self, *args: object) -> None:
        pass

    def answer(self, status: int, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        number = int(self.path.split("/")[3])
        code = self.server.codes.get(number)
        self.answer(200, {"Running": code is None, "ExitCode": code})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/exec"):
            if self.server.refusal:
                return self.answer(409, {"message": self.server.refusal})
            self.server.commands.append(Command(asked["Cmd"], {}, asked["AttachStdin"]))
            return self.answer(201, {"Id": str(len(self.server.commands) - 1)})
        number = int(self.path.split("/")[3])
        command = self.server.commands[number]
        command.socket = self.connection
        self.wfile.write(b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
        self.close_connection = True
        try:
            ends_others = attached.END_MARKED in command.argv
            self.server.codes[number] = 0 if ends_others else self.server.run(command)
        except OSError:
            self.server.codes[number] = 1
        return None


Node = Callable[..., tuple[Engine, Container]]


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    """An engine and its container, in which commands are what a test says; its time is short."""
    monkeypatch.setattr(attached, "KILL_SECONDS", 0.1)
    monkeypatch.setattr(attached, "_END_SECONDS", 0.5)
    engines = []

    def serve(run: Run, timeout: float = 1) -> tuple[Engine, Container]:
        engine = Engine(tmp_path / f"{len(engines)}.sock", run)
        threading.Thread(target=engine.serve_forever, args=[0.01], daemon=True).start()
        engines.append(engine)
        api = APIClient(base_url=f"unix://{engine.server_address}", version="1.41", timeout=timeout)
        return engine, Container({"Id": "c0ffee", "Name": "/ada-edge"}, client=SimpleNamespace(api=api))

    yield serve
    for engine in engines:
        for command in engine.commands:
            command.ended.set()
        engine.shutdown()
        engine.server_close()


def failure(container: Container, *, within: float = 5, **how: Any) -> str:
    """What a person reads of a command that fails, which takes no longer than this."""
    began = time.monotonic()
    with pytest.raises(LabError) as caught:
        inside.run_inside(container, ["it"], seconds=0, **how)
    assert time.monotonic() - began < within
    return str(caught.value)


def test_a_command_has_its_output_and_its_exit_status(node: Node) -> None:
    def run(command: Command) -> int:
        for piece in (b"on", b"e\ntw", b"o \xc3", b"\xa9\n\nth"):
            command.write(piece)
        command.write(b"oops\n", ERR)
        command.write(b"ree")
        return 7

    _, container = node(run)
    assert inside.run_inside(container, ["it"], seconds=10) == inside.Result(7, "one\ntwo é\n\nthree", "oops\n")
    lines: list[tuple[str, str]] = []
    done = inside.run_inside(container, ["it"], seconds=10, lines=lambda *line: lines.append(line))
    assert lines == [("out", "one"), ("out", "two é"), ("out", ""), ("err", "oops"), ("out", "three")]
    assert done == inside.Result(7, "", "oops\n")


def test_a_command_that_is_silent_for_ever_is_ended(node: Node) -> None:
    engine, container = node(lambda command: command.ended.wait(60) or 0)
    assert failure(container) == (
        "error: ada-edge: it did not end within 0 s\n"
        "  0 bytes of output arrived\n"
        "  fix: invoke status shows which node is unhealthy; invoke provision starts it again"
    )
    assert len(engine.ends) == 1


def test_a_byte_now_and_then_does_not_put_off_the_end(node: Node) -> None:
    """Each byte begins a new wait on the socket."""

    def drip(command: Command) -> int:
        while not command.ended.wait(0.05):
            command.socket.sendall(b"\1")
        return 0

    _, container = node(drip)
    assert failure(container).startswith("error: ada-edge: it did not end within 0 s\n")


def test_an_engine_that_does_not_say_how_a_command_ended_is_not_waited_for(node: Node) -> None:
    def end(command: Command) -> int:
        command.socket.shutdown(socket.SHUT_RDWR)
        command.ended.wait(60)
        return 0

    _, container = node(end)
    assert failure(container).startswith("error: ada-edge: it did not end within 0 s\n")


def test_an_engine_that_hangs_is_not_waited_for(node: Node) -> None:
    engine, container = node(lambda command: 0)
    held: list[socket.socket] = []
    engine.process_request = lambda request, address: held.append(request)
    text = failure(container)
    assert text.startswith("error: ada-edge: it could not be run to completion\n")
    assert "timed out" in text


def test_an_engine_that_hangs_meanwhile_is_not_waited_for_again(node: Node) -> None:
    """Nor is it when it is to end the command."""

    def hang(command: Command) -> int:
        engine.process_request = lambda request, address: held.append(request)
        command.ended.wait(60)
        return 0

    engine, container = node(hang, timeout=60)
    held: list[socket.socket] = []
    assert failure(container, within=2).startswith("error: ada-edge: it did not end within 0 s\n")
    assert held


def test_what_is_refused_is_an_error_with_the_engines_words(node: Node) -> None:
    engine, container = node(lambda command: 0)
    engine.refusal = "Container c0ffee is paused, unpause the container before exec"
    assert "Container c0ffee is paused" in failure(container)


def test_a_container_that_is_paused_meanwhile_hides_no_error(node: Node) -> None:
    """What is to end the command is refused as well."""

    def pause(command: Command) -> int:
        engine.refusal = "Container c0ffee is paused"
        command.ended.wait(60)
        return 0

    engine, container = node(pause)
    assert failure(container).startswith("error: ada-edge: it did not end within 0 s\n")


@pytest.mark.parametrize(
    ("piece", "how"),
    [
        (b"\x1b[2Jyes\n", {}),
        (b"\x1b[2Jyes\n", {"lines": lambda stream, line: None}),
        (b"\x1b[2Jyes ", {"lines": lambda stream, line: None, "limit": None}),
    ],
    ids=["collected", "in lines", "in one line"],
)
def test_a_gigabyte_is_not_taken_in(node: Node, piece: bytes, how: dict[str, Any]) -> None:
    sent = 0

    def endless(command: Command) -> int:
        nonlocal sent
        for _ in range(1 << 10):
            command.write(piece * ((1 << 20) // len(piece)))
            sent += 1
        return 0

    engine, container = node(endless)
    with pytest.raises(LabError) as caught:
        inside.run_inside(container, ["it"], seconds=60, **how)
    assert sent < 24
    assert caught.value.what == "ada-edge: it printed too much"
    assert int(re.match(r"\d+", caught.value.evidence[0])[0]) < 17 << 20
    assert "\n  they begin with: yes" in str(caught.value)
    assert len(str(caught.value)) < 500
    assert len(engine.ends) == 1


def test_any_number_of_lines_may_come_where_that_is_meant(node: Node) -> None:
    def talk(command: Command) -> int:
        for _ in range(20):
            command.write(b"x" * ((1 << 20) - 1) + b"\n")
        return 0

    _, container = node(talk)
    lengths: list[int] = []
    inside.run_inside(container, ["it"], seconds=60, lines=lambda stream, line: lengths.append(len(line)), limit=None)
    assert lengths == [(1 << 20) - 1] * 20


def module(container: Container) -> None:
    stack.run_module(
        container, "edge.any", about="ada", seconds=10, printed=lambda stream, line: say(f"{stream} | {line}")
    )


@pytest.mark.parametrize("said", ["", "{", "[1]", "\x1b]52;c;cm0gLXJm\x07{", "9" * 9999, '{"error": 5}'])
def test_an_event_that_is_not_understood_is_an_error_without_a_traceback(node: Node, said: str) -> None:
    _, container = node(lambda command: command.write(f"{MARK}{said}\n".encode()) or 0)
    with pytest.raises(LabError) as caught:
        module(container)
    assert caught.value.what == "ada: the node sent something that cannot be understood"
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", str(caught.value))


def test_nothing_that_a_terminal_acts_on_is_printed(node: Node, capsys: pytest.CaptureFixture) -> None:
    _, container = node(lambda command: command.write(b"\x1b[2J\x1b]0;title\x07text\xff\r\n") or 0)
    module(container)
    assert capsys.readouterr().out == "out | ]0;titletext�\n"


def test_a_process_that_is_stopped_is_ended_too() -> None:
    mark = attached.new_mark()
    name, _, value = mark.partition("=")
    process = subprocess.Popen(["sleep", "60"], env={**os.environ, name: value})
    process.send_signal(signal.SIGSTOP)
    subprocess.run(["sh", "-c", attached.END_MARKED, mark], check=False, timeout=20)
    assert process.wait(10) == -signal.SIGTERM
