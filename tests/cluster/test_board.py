"""`invoke board` for a class without a gateway: on loopback, for who has the token, until Ctrl-C."""

from __future__ import annotations

import http.client
import json
import socket
import time
from urllib.parse import urlsplit

from lab_runner import LabRunner, press_ctrl_c

SECONDS = 60


def test_the_board_shows_the_class_on_loopback_and_ends_with_ctrl_c(lab: LabRunner) -> None:
    lab.inside("invoke check --job lesson03 >/dev/null 2>&1 || true")
    with lab.begun("board", "--port", "0", student=False) as process:
        assert process.stdout is not None
        before, _, address = process.stdout.readline().strip().rpartition(": ")
        assert before.startswith("the board of ")
        parts = urlsplit(address)
        assert (parts.hostname, parts.path) == ("127.0.0.1", "/board")
        assert parts.port

        def ask(path: str, **headers: str) -> http.client.HTTPResponse:
            connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=SECONDS)
            connection.request("GET", path, headers=headers)
            return connection.getresponse()

        assert ask("/board").status == 403
        entered = ask(f"/board?{parts.query}")
        assert entered.status == 303
        cookie = entered.headers["Set-Cookie"].partition(";")[0]
        assert ask("/board", Cookie=cookie, Host="evil.example").status == 421
        assert "Class board" in ask("/board", Cookie=cookie).read().decode()
        events = ask("/board/events", Cookie=cookie)
        ends, said = time.monotonic() + SECONDS, None
        while said is None:
            assert time.monotonic() < ends, f"{lab.student} was not asked within {SECONDS} s"
            line = events.readline()
            found = json.loads(line.removeprefix(b"data: ")) if line.startswith(b"data: ") else {}
            said = found["said"] if found.get("name") == lab.student else None
        assert said["state"] == "healthy"
        assert {node["name"] for node in said["nodes"]} >= {"namenode", "kafka1", "edge"}
        assert said["memory_mb"][0] > 100
        assert said["disk_mb"][0] > 1
        assert [job["of"] > 0 for job in said["jobs"] if job["job"] == "lesson03"] == [True]
        began = time.monotonic()
        ended = press_ctrl_c(process)
        assert (ended.code, ended.err) == (0, "")
        assert time.monotonic() - began < 30
    with socket.socket() as gone:
        assert gone.connect_ex(("127.0.0.1", parts.port)) != 0


def test_a_port_that_is_taken_is_said(lab: LabRunner) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = lab.run("board", "--port", str(taken.getsockname()[1]), student=False)
    assert ran.code == 2
    assert "cannot be served at port" in ran.err
