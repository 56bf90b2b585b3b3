"""The board on loopback: who may look, what a page from elsewhere gets, and what a follower is told."""

from __future__ import annotations

import http.client
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from streamlab.board import board, needs, serve
from streamlab.board.serve import Server
from streamlab.board.store import Store
from streamlab.errors import LabError, WrongRequest
from streamlab.gateway import settings
from streamlab.stacks import parallel
from streamlab.stacks.parallel import Outcome
from streamlab.students.problems import LANGUAGES
from streamlab.students.student import Gateway, Student

Ask = Callable[..., http.client.HTTPResponse]


@pytest.fixture
def server() -> Iterator[Server]:
    store = Store()
    with Server(store, 0, lab_class="spring", language="en", texts=settings.texts("en")) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield made
        store.close()
        made.shutdown()
        thread.join()


@pytest.fixture
def ask(server: Server) -> Iterator[Ask]:
    connections = []

    def send(path: str, *, token: bool = True, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
        connections.append(connection)
        own = {"Cookie": f"other=1; board-{server.server_port}={server.token}"} if token else {}
        connection.request(method, path, headers=own | {key.replace("_", "-"): value for key, value in headers.items()})
        return connection.getresponse()

    yield send
    for connection in connections:
        connection.close()


def test_the_address_that_is_printed_opens_the_board_once_its_token_is_a_cookie(server: Server, ask: Ask) -> None:
    assert server.address == f"http://127.0.0.1:{server.server_port}/board?token={server.token}"
    first = ask(f"/board?token={server.token}", token=False)
    assert (first.status, first.headers["Location"]) == (303, "/board")
    cookie = f"board-{server.server_port}={server.token}; Path=/; HttpOnly; SameSite=Strict"
    assert first.headers["Set-Cookie"] == cookie
    page = ask("/board")
    assert page.status == 200
    assert "Class board" in page.read().decode()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:9999"}, 200),  # as it is behind ssh -L
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1.evil.example:8898"}, 421),
        ({"Host": ""}, 421),
        ({"Sec_Fetch_Site": "same-origin"}, 200),
        ({"Sec_Fetch_Site": "none"}, 200),
        ({"Sec_Fetch_Site": "same-site"}, 403),  # another port of this machine
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Cookie": ""}, 403),
        ({"Cookie": "board-1=x"}, 403),
    ],
)
@pytest.mark.parametrize("path", ["/board", "/board/students/ada", "/.lab/board.js", "/board/events"])
def test_nobody_else_looks(server: Server, ask: Ask, path: str, headers: dict[str, str], status: int) -> None:
    assert ask(path, **headers).status == status


@pytest.mark.parametrize("other", ["a@b=1", 'settings={"a": 1}', "none", "path=/", ""])
def test_a_cookie_of_another_program_on_this_machine_is_not_in_the_way(server: Server, ask: Ask, other: str) -> None:
    own = f"board-{server.server_port}={server.token}"
    assert ask("/board", token=False, Cookie=f"{other}; {own}").status == 200


@pytest.mark.parametrize(
    "path",
    ["/", "/.lab/../board.js", "/.lab/board.py", "/.lab/", "/board/students/", "/board/students/<b>",
     "/board/students/a/b", "/board/students/" + "a" * 100],
)  # fmt: skip
def test_what_is_no_page_is_none(ask: Ask, path: str) -> None:
    assert ask(path).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_is_changed_from_here(ask: Ask, method: str) -> None:
    assert ask("/board", method=method).status == 501


def test_a_page_runs_nothing_but_the_board_s_own_script(ask: Ask) -> None:
    answer = ask("/board/students/ada")
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in answer.headers["Content-Security-Policy"]
    page = answer.read().decode()
    assert page.count("<script") == 1
    assert "style=" not in page
    assert 'data-student="ada"' in page
    for name, kind in serve.FILES.items():
        said = ask(f"/.lab/{name}")
        assert (said.status, said.headers["Content-Type"]) == (200, f"{kind}; charset=utf-8")


def test_texts_that_a_page_has_in_it_are_escaped(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "texts", {**server.texts, "board.title": '"><script>'})
    assert "<script>" not in server.page("")


def event(answer: http.client.HTTPResponse) -> dict[str, Any]:
    while not (line := answer.readline()).startswith(b"data: "):
        assert line in (b"\n", b": \n"), line
    return json.loads(line.removeprefix(b"data: "))


def test_a_follower_is_told_what_is_known_and_what_is_new(server: Server, ask: Ask) -> None:
    server.store.publish("class", "", {"students": {}})
    server.store.publish("student", "ada", {"level": "fine"})
    server.store.publish("student", "ada", {"level": "help", "text": "a\nb\r\n\ndata: c"})
    events = ask("/board/events")
    assert events.headers["Content-Type"] == "text/event-stream"
    assert [event(events)["kind"] for _ in range(2)] == ["class", "student"]
    server.store.publish("student", "bob", {"level": "off"})
    found = event(events)
    assert (found["name"], found["said"]) == ("bob", {"level": "off"})
    assert 0 <= found["age"] < 5


def test_a_browser_that_goes_away_is_no_error(server: Server, capfd: pytest.CaptureFixture) -> None:
    for sent in (b"", b"GET /board HTTP/1.1\r\n", b"GET /.lab/board.js HTTP/1.1\r\nHost: localhost\r\n\r\n"):
        gone = socket.create_connection(("127.0.0.1", server.server_port))
        gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # its end is a reset
        gone.sendall(sent)
        time.sleep(0.2)
        gone.close()
    time.sleep(0.5)
    assert capfd.readouterr().err == ""


def test_too_many_followers_are_refused(server: Server, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "followers", threading.BoundedSemaphore(1))
    server.store.publish("class", "", {})
    first = ask("/board/events")
    assert event(first)["kind"] == "class"
    assert ask("/board/events").status == 503


def test_a_slow_follower_gets_the_last_word_only() -> None:
    store = Store()
    store.publish("student", "ada", {"n": 0})
    follower = store.follow(quiet=5)
    assert [one.said["n"] for one in next(follower)] == [0]
    for n in range(1, 100):
        store.publish("student", "ada", {"n": n})
    assert [one.said["n"] for one in next(follower)] == [99]
    assert next(store.follow(quiet=0.01))[0].said == {"n": 99}
    store.close()
    assert list(follower) == []


def test_a_quiet_board_gives_a_sign_of_life() -> None:
    follower = Store().follow(quiet=0.01)
    assert (next(follower), next(follower)) == ([], [])


def test_a_port_that_is_taken_is_said(server: Server) -> None:
    with pytest.raises(WrongRequest, match=f"cannot be served at port {server.server_port}"):
        Server(server.store, server.server_port, lab_class="x", language="en", texts=settings.texts("en"))


@pytest.mark.parametrize("port", [-1, 70000])
def test_a_number_that_is_no_port_is_refused(server: Server, port: int) -> None:
    with pytest.raises(WrongRequest, match="cannot be served"):
        Server(server.store, port, lab_class="x", language="en", texts=settings.texts("en"))


def test_the_command_asks_until_ctrl_c_and_leaves_nothing(
    student: Student, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    students = [student, replace(student, name="bob")]

    def repeat(students: Any, do: Any, operation: Any, *, finished: Any) -> None:
        error = LabError("no Docker Engine answers")
        assert finished(students[0], Outcome("ada", 0, error=error)) == board.EVERY
        raise KeyboardInterrupt

    before = threading.active_count()
    monkeypatch.setattr(parallel, "repeat", repeat)
    board.board(students, port=0)
    assert capsys.readouterr().out.startswith("the board of spring, for a browser on this machine: http://127.0.0.1:")
    ends = time.monotonic() + 10
    while threading.active_count() > before:
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_a_board_that_was_replaced_everywhere_ends(
    student: Student, monkeypatch: pytest.MonkeyPatch, error_of: Callable, capsys: pytest.CaptureFixture
) -> None:
    class Replaced(SimpleNamespace):
        address, problem, is_replaced = "https://lab.localhost/board", "another board feeds it now", True

        def start(self) -> None: ...

        def stop(self) -> None: ...

    def repeat(students: Any, do: Any, operation: Any, *, finished: Any) -> None:
        finished(students[0], Outcome("ada", 0, error=LabError("no Docker Engine answers")))

    monkeypatch.setattr(parallel, "repeat", repeat)
    monkeypatch.setattr(board, "Feed", lambda *_: Replaced())
    said = error_of(board.board, [replace(student, gateway=Gateway())], port=0)
    assert said.startswith("error: another board has taken the place of this one\n")
    assert "for the instructor's card: https://lab.localhost/board" in capsys.readouterr().out


def test_pages_are_those_of_the_gateway_or_of_loopback(student: Student) -> None:
    assert board.about([student])["students"]["ada"][0] == {"title": "HDFS NameNode", "url": "http://127.0.0.1:20070/"}
    fed = board.about([replace(student, gateway=Gateway())])["students"]["ada"]
    assert {"title": "YARN: applications", "url": "https://ada-rm.lab.localhost:8443/"} in fed


def test_a_lesson_that_no_stack_can_run_has_no_column(student: Student) -> None:
    def columns(*students: Student) -> list[str]:
        return [lesson["name"] for lesson in board.about(students)["lessons"]]

    assert {"lesson06b", "lesson09"}.isdisjoint(columns(student))
    assert columns(student, replace(student, services=("flink",))) == [*columns(student)[:-1], "lesson09", "titanic"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_script_knows_each_text_that_it_asks_for(language: str) -> None:
    texts = settings.texts(language)
    script = "".join(file.read_text(encoding="utf-8") for file in serve.PORTAL.glob("board*.js"))
    asked = set(re.findall(r"""\bt\((?:[^()"]*\? )?"([\w.]+)\"""", script)) | set(
        re.findall(r""": "(board\.[\w.]+)\"""", script)
    )
    assert len(asked) > 40
    assert {key for key in asked if key not in texts} == set()
    assert all(key.startswith(serve.TEXTS) for key in asked)
    reasons = re.findall(r"""_need\(.*?, f?"([a-z.]+)\"""", Path(needs.__file__).read_text(encoding="utf-8"))
    codes = {*reasons, "unreachable", "unknown", "disk", "hdfs", "application.failed", "application.failed.again"}
    assert len(codes) >= 12
    assert {f"board.need.{code}" for code in codes} <= set(texts)
    assert {f"board.level.{level}" for level in (*needs.LEVELS, "none")} <= set(texts)
