"""The way from the control machine to a gateway's portal: what it takes, whom it believes, and how it ends."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fake_node import ERR, Command, FakeNode
from portal import hub
from portal.hub import Hub
from streamlab.board import feed
from streamlab.board.feed import Feed
from streamlab.board.store import Store
from streamlab.engines import engine
from streamlab.paths import IMAGES
from streamlab.students.student import Gateway

SECONDS = 60
#: `portal.feed` as the gateway's container runs it, with a socket of the test's.
PROGRAM = "import sys, pathlib; from portal import feed; feed.SOCKET = pathlib.Path(sys.argv[1]); sys.exit(feed.main())"


def line(name: str = "ada", kind: str = "student", **said: Any) -> bytes:
    return json.dumps({"kind": kind, "name": name, "age": 0, "said": said}).encode() + b"\n"


def known(found: Hub) -> dict[str, Any]:
    return {one.name: one.said for one in found._messages.values()}


@contextmanager
def fed(socket: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", PROGRAM, str(socket)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, cwd=IMAGES / "gateway") as process:
        try:
            yield process
        finally:
            process.kill()  # the hub, in the same thread as the test, could not take its end


def send(process: subprocess.Popen[bytes], data: bytes) -> None:
    assert process.stdin
    process.stdin.write(data)
    process.stdin.flush()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.01)


def test_what_the_board_sends_is_known_and_stays_when_it_has_ended(tmp_path: Path) -> None:
    async def run() -> None:
        found = Hub()
        async with await asyncio.start_unix_server(found.take, tmp_path / "s", limit=hub.MOST_MESSAGE):
            with fed(tmp_path / "s") as process:
                send(process, line("", "class", students={}) + line(level="fine") + b"\n" + line(level="help"))
                await until(lambda: known(found).get("ada") == {"level": "help"})
                assert found.is_fed
                assert process.stdin
                process.stdin.close()
                assert await asyncio.to_thread(process.wait, SECONDS) == 0
            await until(lambda: not found.is_fed)
            assert known(found) == {"": {"students": {}}, "ada": {"level": "help"}}

    asyncio.run(run())


def test_another_board_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    async def run() -> None:
        found = Hub()
        async with await asyncio.start_unix_server(found.take, tmp_path / "s"):
            with fed(tmp_path / "s") as first:
                send(first, line("ada"))
                await until(lambda: "ada" in known(found))
                with fed(tmp_path / "s") as second:
                    send(second, line("bob"))
                    codes = [await asyncio.to_thread(first.wait, SECONDS)]
                    await until(lambda: "bob" in known(found))
                    assert found.is_fed
                    assert second.stdin
                    second.stdin.close()
                    codes.append(await asyncio.to_thread(second.wait, SECONDS))
        assert codes == [feed.REPLACED, 0]

    asyncio.run(run())


def test_without_a_portal_it_ends_and_says_so(tmp_path: Path) -> None:
    with fed(tmp_path / "none") as process:
        assert process.wait(SECONDS) == 1


@pytest.mark.parametrize(
    "wrong", [b"x\n", b"[]\n", b'{"kind": "other"}\n', line(name=7), b'{"kind": "student", "name": "a", "age": 0}\n',
              b"x" * 3000],
)  # fmt: skip
def test_what_is_no_message_ends_the_stream_and_harms_nothing(tmp_path: Path, wrong: bytes) -> None:
    async def run() -> None:
        found = Hub()
        async with await asyncio.start_unix_server(found.take, tmp_path / "s", limit=1000):
            reader, writer = await asyncio.open_unix_connection(tmp_path / "s")
            writer.write(line() + wrong)
            async with asyncio.timeout(SECONDS):
                assert await reader.read() == b""
            writer.close()
        assert known(found) == {"ada": {}}
        assert not found.is_fed

    asyncio.run(run())


def test_who_follows_is_told_what_is_known_whether_a_board_is_there_and_what_is_new(tmp_path: Path) -> None:
    async def run() -> None:
        found = Hub()
        events = found.follow()
        assert await anext(events) == b'data: {"kind": "feed", "said": false}\n\n'
        async with await asyncio.start_unix_server(found.take, tmp_path / "s"):
            _, writer = await asyncio.open_unix_connection(tmp_path / "s")
            writer.write(line(text="<b>\n\ndata: forged"))
            text = b""
            while b"ada" not in text:
                text += await anext(events)
            writer.close()
        assert b'{"kind": "feed", "said": true}' in text
        assert b"\ndata: forged" not in text
        assert text.count(b"\n\n") == 2

    asyncio.run(run())


@pytest.fixture
def portal(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Command], int]], FakeNode]:
    """Have the gateway's portal run this."""

    def make(run: Callable[[Command], int]) -> FakeNode:
        node = FakeNode(run)

        @contextmanager
        def connect(docker_host: str) -> Iterator[Any]:
            yield SimpleNamespace()

        monkeypatch.setattr(engine, "connect", connect)
        monkeypatch.setattr(feed.gateway, "parts_of", lambda client, lab_class: {"portal": node})
        monkeypatch.setattr(feed, "AGAIN_SECONDS", 0.05)
        return node

    return make


def following(store: Store) -> Feed:
    made = Feed(store, "unix:///x", "spring", Gateway())
    made.start()
    return made


def eventually(condition: Callable[[], object]) -> None:
    ends = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_a_broken_stream_is_made_again_and_says_all_that_is_known(portal: Callable) -> None:
    received: list[list[str]] = []
    broken = threading.Event()

    def run(command: Command) -> int:
        received.append([])
        for text in command.input:
            if text.strip():
                received[-1].append(json.loads(text)["name"])
            if not broken.is_set():
                broken.set()
                return 1
        return 0

    portal(run)
    store = Store()
    store.publish("student", "ada", {})
    made = following(store)
    assert made.address == "https://lab.localhost:8443/board"
    assert broken.wait(SECONDS)
    while len(received) < 2:
        store.publish("student", "bob", {})
        time.sleep(0.05)
    eventually(lambda: {"ada", "bob"} <= set(received[-1]))
    store.close()
    made.stop()
    assert not made._thread.is_alive()
    assert made.problem == ""


def test_a_board_that_was_replaced_does_not_come_back(portal: Callable) -> None:
    runs = []

    def run(command: Command) -> int:
        runs.append(command.argv)
        command.input.readline()
        return feed.REPLACED

    portal(run)
    store = Store()
    store.publish("student", "ada", {})
    made = following(store)
    while made._thread.is_alive():
        store.publish("student", "ada", {})
        time.sleep(0.02)
    assert (made.problem, made.is_replaced) == ("another board feeds it now", True)
    time.sleep(0.2)
    assert [argv[-3:] for argv in runs] == [list(feed.COMMAND)]


def test_a_portal_that_cannot_take_a_board_is_said_in_its_own_words(portal: Callable) -> None:
    def run(command: Command) -> int:
        command.write(b"Traceback\nNo module named portal.feed\n", ERR)
        return 1

    portal(run)
    store = Store()
    made = following(store)
    while not made.problem:
        store.publish("student", "ada", {})
        time.sleep(0.02)
    assert made.problem == "its portal takes no board; No module named portal.feed; fix: invoke provision"
    store.close()
    made.stop()


def test_a_gateway_that_is_not_there_is_said(portal: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    portal(lambda command: 0)
    monkeypatch.setattr(feed.gateway, "parts_of", lambda client, lab_class: {})
    store = Store()
    made = following(store)
    eventually(lambda: made.problem)
    assert made.problem == "there is no gateway on unix:///x; fix: invoke provision"
    store.close()
    made.stop()
    assert not made._thread.is_alive()
