"""A command in a container while it runs: its input, its output as it comes, and its end."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from fake_node import ERR, Command, FakeNode
from streamlab.cancel import CancelToken, cancellable
from streamlab.engines import inside
from streamlab.engines.attached import Output, attached


def outcome(run: Callable[[Command], int], **how: Any) -> tuple[list[tuple[str, bytes]], int]:
    with attached(FakeNode(run), ["it"], seconds=10, **how) as running:
        return list(running.output()), running.code()


def test_output_comes_byte_for_byte_from_its_stream() -> None:
    def run(command: Command) -> int:
        command.write(b"\xff\0no end of line")
        command.write(b"", ERR)
        command.write(b"error", ERR)
        return 7

    assert outcome(run) == ([("out", b"\xff\0no end of line"), ("err", b"error")], 7)


def test_what_comes_with_the_answers_headers_is_not_lost() -> None:
    """The library reads more than the headers from a connection, and does not give back what it has read."""
    node = FakeNode(lambda command: command.write(b"at once") or 0)
    start = node.exec_start

    def answered_late(exec_id: str, *, socket: bool) -> Any:
        connection = start(exec_id, socket=socket)
        assert connection._response.raw._fp.fp.peek(1)
        return connection

    node.exec_start = answered_late
    assert inside.run_inside(node, ["echo"], seconds=10).out == "at once"


def test_input_is_read_to_its_end() -> None:
    def run(command: Command) -> int:
        command.write(command.input.read()[::-1])
        return 0

    with attached(FakeNode(run), ["rev"], seconds=10, stdin=True) as running:
        running.send(b"ab\0")
        running.send(b"c")
        running.end_input()
        assert list(running.output()) == [("out", b"c\0ba")]


def test_a_command_that_does_not_read_its_input_ends_as_it_would() -> None:
    with attached(FakeNode(lambda command: 3), ["true"], seconds=10, stdin=True) as running:
        assert list(running.output()) == []
        with pytest.raises(ConnectionError):
            running.send(bytes(1 << 24))
        running.end_input()
        assert running.code() == 3


def test_an_exit_status_may_come_after_the_output() -> None:
    def run(command: Command) -> int:
        command.socket.shutdown(2)
        time.sleep(0.1)
        return 5

    assert outcome(run) == ([], 5)


def test_an_exit_status_that_never_comes_is_not_waited_for() -> None:
    def run(command: Command) -> int:
        command.socket.shutdown(2)
        command.ended.wait(10)
        return 0

    node = FakeNode(run)
    with pytest.raises(TimeoutError), attached(node, ["it"], seconds=10) as running:  # noqa: PT012
        list(running.output())
        running.code(seconds=0.05)
    assert node.commands[0].ended.is_set()


def test_a_connection_on_which_nothing_moves_is_an_error() -> None:
    with pytest.raises(TimeoutError):
        outcome(lambda command: command.ended.wait(10) and 0, idle=0.05)


def test_a_block_that_is_left_hangs_up_and_ends_the_command() -> None:
    """In this order: the engine tells of no other command's end while nobody takes what this one has written."""
    happened: list[str] = []

    def run(command: Command) -> int:
        command.input.read()
        happened.append("hung up")
        command.ended.wait(10)
        happened.append("ended")
        return 0

    node = FakeNode(run)
    with pytest.raises(KeyError), attached(node, ["it"], seconds=10, stdin=True):
        raise KeyError
    for thread in node.threads:
        thread.join(10)
    assert happened == ["hung up", "ended"]


def test_output_as_a_file_has_errors_aside() -> None:
    def run(command: Command) -> int:
        command.write(b"one\ntw")
        command.write(b"oops", ERR)
        command.write(b"o\n" + bytes(300_000))
        return 0

    with attached(FakeNode(run), ["it"], seconds=10) as running:
        output = Output(running)
        reader = io.BufferedReader(output)
        assert (reader.readline(), reader.readline(), output.errors) == (b"one\n", b"two\n", b"oops")
        assert (len(reader.read()), output.ended) == (300_000, True)


def test_a_command_that_a_thread_waits_for_is_ended_when_the_thread_is_cancelled() -> None:
    begun = threading.Event()

    def run(command: Command) -> int:
        command.write(b"half a line")
        begun.set()
        assert command.ended.wait(10)
        return 143

    node, token = FakeNode(run), CancelToken()

    def wait() -> None:
        with cancellable(token), pytest.raises(KeyboardInterrupt):
            inside.run_inside(node, ["sleep", "600"], seconds=600)

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait)
        assert begun.wait(10)
        token.cancel()
        waiting.result(timeout=10)
    assert node.commands[0].ended.is_set()
