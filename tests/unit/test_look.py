"""Pages to open and logs to read, as they are printed."""

from __future__ import annotations

import json
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, BinaryIO

import pytest

from fake_node import ERR, Command, FakeNode
from streamlab.errors import LabError
from streamlab.stacks.stack import Stack
from streamlab.students.student import Student
from streamlab.work import look


def test_pages_are_listed_with_their_addresses(student: Student) -> None:
    assert look.links(student) == (
        "page                   address\n"
        "HDFS NameNode          http://127.0.0.1:20070/\n"
        "YARN                   http://127.0.0.1:20088/\n"
        "a running application  http://127.0.0.1:20088/proxy/APPLICATION_ID/"
    )


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Command], int]], None]:
    """The student's edge node, in which commands are what the test says."""

    def of(run: Callable[[Command], int]) -> None:
        @contextmanager
        def opened(student: Student) -> Iterator[Stack]:
            yield Stack(student, None, FakeNode(run))

        monkeypatch.setattr(look, "open_stack", opened)

    return of


def test_a_log_is_printed_as_it_comes_however_long_it_is(
    edge: Callable, student: Student, capsys: pytest.CaptureFixture
) -> None:
    def talk(command: Command) -> int:
        assert command.argv[4:] == ["yarn", "logs", "-applicationId", "application_1_2"]
        command.write(b"WARN of Hadoop\n", ERR)
        command.write(b"\x1b[2Jfirst\n")
        for _ in range(20):
            command.write(b"x" * ((1 << 20) - 1) + b"\n")
        command.write(b"last")
        return 0

    edge(talk)
    look.application_log(student, "application_1_2")
    printed = capsys.readouterr().out
    assert (printed[:6], printed[-6:], len(printed)) == ("first\n", "\nlast\n", (20 << 20) + 11)


@pytest.mark.parametrize(
    ("out", "code", "what"),
    [(b"", 0, "no log"), (b"\n", 0, "no log"), (b"", 1, "no log"), (b"begun\n", 124, "not the whole log")],
)
def test_a_log_that_is_not_there_is_an_error(
    edge: Callable, student: Student, out: bytes, code: int, what: str
) -> None:
    edge(lambda command: command.write(out) or code)
    with pytest.raises(LabError, match=f"{what} of application_1_2"):
        look.application_log(student, "application_1_2")


@pytest.fixture
def kafka1(daemon: Callable[..., str], student: Student) -> Callable[[Callable[[BinaryIO], Any]], Student]:
    """A student who has the node kafka1; its log is what is written."""

    def of(write: Callable[[BinaryIO], Any]) -> Student:
        labels = {"streamlab.class": "spring", "streamlab.student": "ada", "streamlab.node": "kafka1"}
        listed = [{"Id": "k", "Names": ["/spring-ada-kafka1"], "Labels": labels}]
        config = {"Config": {"Labels": labels, "Tty": False}, "State": {"Status": "exited"}}
        found = {"Id": "k", "Name": "/spring-ada-kafka1", **config}

        def json_of(to: BinaryIO) -> None:
            to.write(json.dumps(answers.pop(0)).encode())

        answers: list[Any] = [listed, found, found]
        host = daemon({"version": {"ApiVersion": "1.43"}, "json": json_of, "logs": write})
        return replace(student, docker_host=host)

    return of


def frame(data: bytes) -> bytes:
    """A piece of output as the engine sends it."""
    return struct.pack(">BxxxL", 1, len(data)) + data


def test_a_node_s_log_cannot_write_to_the_terminal_as_it_likes(kafka1: Callable, capsys: pytest.CaptureFixture) -> None:
    ada = kafka1(lambda to: to.write(frame(b"one\n\x1b]52;c;cm0gLXJm\x07two\r\n\x1b[2J") + frame(b"three\n\n")))
    look.log(ada, node="kafka1", app=None, lines=200)
    assert capsys.readouterr().out == "one\n]52;c;cm0gLXJmtwo\nthree\n"


def test_a_log_that_does_not_end_has_a_deadline(kafka1: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    ada = kafka1(lambda to: to.write(frame(b"one\n")) and over.wait(10))
    monkeypatch.setattr(look, "LOGS", replace(look.LOGS, seconds=0.3))
    began = time.monotonic()
    with pytest.raises(LabError, match="ada: logs did not finish within 0 s"):
        look.log(ada, node="kafka1", app=None, lines=200)
    over.set()
    assert time.monotonic() - began < 5
