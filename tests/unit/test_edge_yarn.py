"""What the edge node reads of an application: its log, and its driver's output as it grows."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from common.errors import JobError, Unreachable
from edge import follow
from edge.follow import Follower
from edge.yarn import log_files

#: As the NodeManager sends it over REST while the container runs. It ends right behind the text.
RUNNING = """\
Container: container_1_2_01_000001 on nodemanager1:8042
LogAggregationType: LOCAL
=======================================================
LogType:stdout
LogLastModifiedTime:Wed Jan 01 10:00:00 +0000 2025
LogLength:{length}
LogContents:
{text}End of LogType:stdout.This log file belongs to a running container (container_1_2) and so may not be complete.
***********************************************************************
"""

#: As `yarn logs` prints it from the aggregated log. It ends on a line of its own.
FINISHED = """\
Container: container_1_2_01_000001 on nodemanager1_35000
LogAggregationType: AGGREGATED
========================================================
LogType:{name}
LogLastModifiedTime:Wed Jan 01 10:00:00 +0000 2025
LogLength:{length}
LogContents:
{text}
End of LogType:{name}
***********************
"""


def finished(name: str, text: str, *, length: int | None = None) -> bytes:
    return FINISHED.format(name=name, text=text, length=len(text) if length is None else length).encode()


@pytest.mark.parametrize("text", ["", "one\ntwo\n", "one\ntw", "LogType:x\nLogLength:9\nLogContents:\nEnd of LogType:"])
def test_a_log_is_read_without_what_yarn_adds(text: str) -> None:
    """A driver may print what YARN prints."""
    running = RUNNING.format(length=len(text), text=text).encode()
    assert log_files(running, 100) == {"stdout": (0, text.encode())}
    assert log_files(finished("stdout", text), 100) == {"stdout": (0, text.encode())}


def test_two_files_of_one_container_are_told_apart() -> None:
    both = finished("stderr", "WARN x\n") + b"\n" + finished("stdout", "one\ntwo\n")
    assert log_files(both, 100) == {"stderr": (0, b"WARN x\n"), "stdout": (0, b"one\ntwo\n")}


def test_the_end_of_a_log_is_known_by_where_it_begins() -> None:
    assert log_files(finished("stdout", "two\n", length=1000), 4) == {"stdout": (996, b"two\n")}


@pytest.mark.parametrize("text", [b"", b"Unable to get logs for this container", b"LogType:stdout\nLogLength:0\n"])
def test_without_a_log_there_is_none(text: bytes) -> None:
    assert log_files(text, 100) == {}


def test_a_log_that_was_cut_off_is_read_to_its_end() -> None:
    cut = b"LogType:stdout\nLogLength:9\nLogContents:\none\ntwo"
    assert log_files(cut, 100) == {"stdout": (0, b"one\ntwo")}


@pytest.fixture
def follower(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Follower:
    info = {"student": "ada", "kafka": "k:9092", "cassandra": ["c"], "webhdfs": "w", "hdfs": "h", "yarn": "y"}
    (tmp_path / "lab.json").write_text(json.dumps(info))
    monkeypatch.setenv("STREAMLAB_LAB_JSON", str(tmp_path / "lab.json"))
    return Follower("application_1_2")


@pytest.fixture
def driver(
    follower: Follower,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Driver]:
    """The driver's NodeManager, which has what a test lets the driver print."""
    made = Driver(follower)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (LogHandler,), {"driver": made}))
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    node = f"127.0.0.1:{server.server_port}"
    monkeypatch.setattr(follower.yarn, "driver_container", lambda app_id: ("container_1", node))
    yield made
    server.shutdown()
    server.server_close()


class Driver:
    def __init__(self, follower: Follower) -> None:
        self.follower, self.printed, self.sent = follower, b"", 0

    def prints(self, data: bytes) -> None:
        self.printed += data
        self.follower._driver_output()


class LogHandler(BaseHTTPRequestHandler):
    driver: Driver

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        assert url.path == "/ws/v1/node/containers/container_1/logs/stdout"
        size, data = int(parse_qs(url.query)["size"][0]), self.driver.printed
        head, tail = RUNNING.format(length=len(data), text="|").encode().split(b"|")
        body = head + (data[size:] if size < 0 else data[:size]) + tail
        self.driver.sent += len(body)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


def out(events: Callable) -> list[str]:
    return [event["out"] for event in events()]


def test_each_line_of_the_driver_is_told_once_and_when_it_is_whole(driver: Driver, events: Callable) -> None:
    for piece in ("one\n", "tw", "", "o\n\nд".encode()[:-1], "д".encode()[-1:] + b"ay\nthr"):
        driver.prints(piece if isinstance(piece, bytes) else piece.encode())
    assert out(events) == ["one", "two", "", "дay"]
    driver.prints(b'ee\nstreamlab-outcome: {"written": {}}\n')
    assert out(events) == ["three", 'streamlab-outcome: {"written": {}}']
    assert driver.follower.saw_outcome


def test_a_long_output_is_not_sent_anew_at_each_look(driver: Driver, events: Callable) -> None:
    driver.prints(b"x" * 79 + b"\n")
    for _ in range(100):
        driver.prints((b"x" * 79 + b"\n") * 1000)
    assert len(out(events)) == 100_001
    assert driver.sent < 2 * len(driver.printed)


def test_a_driver_that_prints_faster_than_anybody_reads_is_not_shown_in_full(driver: Driver, events: Callable) -> None:
    driver.prints(b"first\n")
    driver.prints(b"x" * (1 << 24) + b"\nlast\n")
    first, left_out, *rest = out(events)
    assert first == "first"
    assert left_out == (
        f"({(1 << 24) + 6 - follow.MOST} bytes are left out here; invoke logs --app application_1_2 has them)"
    )
    assert rest == ["x" * (follow.MOST - 6), "last"]
    assert driver.sent < 2 * follow.MOST


def test_a_line_that_has_no_end_is_not_kept_for_ever(driver: Driver, events: Callable) -> None:
    for _ in range(20):
        driver.prints(b"." * 100_000)
    assert len(driver.follower.rest) < 2 * follow.MOST
    assert sum(map(len, out(events))) + len(driver.follower.rest) == 2_000_000


def test_a_node_that_does_not_answer_is_asked_at_the_next_look(
    follower: Follower, monkeypatch: pytest.MonkeyPatch, events: Callable
) -> None:
    monkeypatch.setattr(follower.yarn, "driver_container", lambda app_id: ("container_1", "127.0.0.1:1"))
    follower._driver_output()
    assert out(events) == []


def test_what_yarn_refuses_is_not_taken_for_silence(follower: Follower) -> None:
    """Who asks again where YARN gives no answer would ask for ever."""

    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(int(self.path[-3:]))

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        follower.yarn.url = f"http://127.0.0.1:{server.server_port}"
        with pytest.raises(JobError, match="YARN refuses what it is asked") as caught:
            follower.yarn.application("404")
        assert not isinstance(caught.value, Unreachable)
        with pytest.raises(Unreachable):
            follower.yarn.application("503")
        server.shutdown()
