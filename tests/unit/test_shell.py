"""A command in a node has this process's input and output; a terminal there ends with the one it is shown in."""

from __future__ import annotations

import inspect
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from fake_node import ERR, Command, FakeNode
from streamlab.cancel import Cancelled, cancelled_by_signals
from streamlab.edge import hangup
from streamlab.engines import engine, labelled
from streamlab.errors import LabError
from streamlab.students.student import Student
from streamlab.work import shell, terminal


@pytest.fixture
def into(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Command], int]], FakeNode]:
    """A student's node, in which commands are what the test says."""

    def of(run: Callable[[Command], int]) -> FakeNode:
        node = FakeNode(run)

        @contextmanager
        def connected(docker_host: str) -> Iterator[None]:
            yield None

        monkeypatch.setattr(engine, "connect", connected)
        monkeypatch.setattr(labelled, "node", lambda *_: node)
        return node

    return of


class Pipes:
    """This process's standard input, output and error, whose other ends a test has; for as long as `run` runs."""

    def __init__(self) -> None:
        self._ours: dict[str, Any] = {}
        self.stdin, self.stdout, self.stderr = (self._pipe(name) for name in ("stdin", "stdout", "stderr"))

    def _pipe(self, name: str) -> BinaryIO:
        read, write = os.pipe()
        self._ours[name] = os.fdopen(read) if name == "stdin" else os.fdopen(write, "w")
        return os.fdopen(write, "wb", buffering=0) if name == "stdin" else os.fdopen(read, "rb", buffering=0)

    def run(self, student: Student, *, stdin: bool = True) -> int:
        with pytest.MonkeyPatch.context() as patch:
            for name, stream in self._ours.items():
                patch.setattr(sys, name, stream if stdin or name != "stdin" else None)
            return shell.run(student, "edge", ["it"])

    def close(self) -> None:
        """Close the test's ends, which ends what still watches ours: later, it would watch what has their numbers."""
        for stream in (self.stdin, self.stdout, self.stderr):
            with suppress(BrokenPipeError):
                stream.close()
        for thread in threading.enumerate():
            if isinstance(thread, shell._Feeder):
                thread.join(10)
        for stream in self._ours.values():
            with suppress(BrokenPipeError):
                stream.close()


@pytest.fixture
def standard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipes]:
    pipes = Pipes()
    yield pipes
    monkeypatch.setattr(shell, "UNREAD_SECONDS", 0)
    pipes.close()


def test_input_output_and_exit_status_are_the_commands(into: Callable, standard: Pipes, student: Student) -> None:
    def reverse(command: Command) -> int:
        data = command.input.read()
        command.write(data[::-1])
        command.write(b"\xfe", ERR)
        return 7

    into(reverse)
    standard.stdin.write(b"\0\xff\r\nx")
    standard.stdin.close()
    assert standard.run(student) == 7
    assert (standard.stdout.read(100), standard.stderr.read(100)) == (b"x\n\r\xff\0", b"\xfe")


def test_a_prompt_is_seen_before_it_is_answered(into: Callable, standard: Pipes, student: Student) -> None:
    def ask(command: Command) -> int:
        command.write(b"name? ")
        return len(command.input.readline())

    def answer() -> None:
        if standard.stdout.read(100) == b"name? ":
            standard.stdin.write(b"ada\n")

    into(ask)
    answering = threading.Thread(target=answer)
    answering.start()
    assert standard.run(student) == 4  # and nobody waits for more input
    answering.join()


def test_more_input_than_a_command_reads_is_no_error(into: Callable, standard: Pipes, student: Student) -> None:
    def endless() -> None:
        with suppress(OSError, ValueError):
            while True:
                standard.stdin.write(bytes(1 << 16))

    threading.Thread(target=endless, daemon=True).start()
    into(lambda command: command.write(command.input.read(3)) or 0)
    assert standard.run(student) == 0
    assert standard.stdout.read(100) == bytes(3)


def test_who_is_not_read_any_more_is_ended(
    into: Callable, standard: Pipes, student: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`invoke shell --command … | head -1`, though the command has nothing more to say."""
    monkeypatch.setattr(shell, "UNREAD_SECONDS", 0.05)

    def silent(command: Command) -> int:
        command.write(b"one\n")
        assert standard.stdout.read(100) == b"one\n"
        standard.stdout.close()
        return 143 if command.ended.wait(10) else 0

    node = into(silent)
    with pytest.raises(BrokenPipeError):
        standard.run(student)
    assert node.commands[0].ended.is_set()


def test_who_ends_by_itself_keeps_its_exit_status_unread(into: Callable, standard: Pipes, student: Student) -> None:
    def finished(command: Command) -> int:
        standard.stdout.close()
        return 5

    into(finished)
    assert standard.run(student) == 5


@pytest.mark.parametrize("code", [124, 137])
def test_a_command_that_took_too_long_says_so(
    into: Callable, standard: Pipes, student: Student, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    into(lambda command: code)
    assert standard.run(student, stdin=False) == code  # of its own accord, and soon
    monkeypatch.setattr(shell, "COMMAND_SECONDS", 0)
    with pytest.raises(LabError, match="ada: the command was ended after 0 s"):
        standard.run(student, stdin=False)


def test_a_command_that_does_not_end_in_time_says_so_as_well(
    into: Callable, standard: Pipes, student: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`timeout` there is the student's, and may be stopped; it would have had ten seconds more."""
    monkeypatch.setattr(shell, "COMMAND_SECONDS", -10)
    node = into(lambda command: command.ended.wait(10) and 0)
    with pytest.raises(LabError, match="ada: the command was ended after -10 s"):
        standard.run(student, stdin=False)
    assert node.commands[0].ended.is_set()


def test_without_any_input_a_command_reads_nothing(into: Callable, standard: Pipes, student: Student) -> None:
    """After `<&-` the number of standard input belongs to whatever was opened next."""
    node = into(lambda command: 0)
    assert standard.run(student, stdin=False) == 0
    assert node.commands[0].reads is False


def test_a_command_that_is_terminated_is_ended(into: Callable, standard: Pipes, student: Student) -> None:
    def endless(command: Command) -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        return 143 if command.ended.wait(10) else 0

    node = into(endless)
    with pytest.raises(Cancelled) as caught, cancelled_by_signals():
        standard.run(student)
    assert caught.value.exit_code == 143
    assert node.commands[0].ended.is_set()


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    ("terminals", "command", "in_front", "client", "opened"),
    [
        ({"stdin", "stdout", "stderr"}, None, True, True, ["bash", "-l"]),
        ({"stdin", "stdout"}, None, True, True, ["bash", "-l"]),
        ({"stdin", "stdout", "stderr"}, "pyspark", True, True, ["bash", "-lc", "pyspark"]),
        ({"stdin", "stdout", "stderr"}, "pyspark", False, True, None),
        ({"stdin", "stdout", "stderr"}, "pyspark", True, False, None),
        ({"stdin", "stdout"}, "pyspark", True, True, None),
        ({"stdin"}, "pyspark", True, True, None),
        ({"stdout", "stderr"}, "pyspark", True, True, None),
        (set(), "pyspark", True, True, None),
    ],
)
def test_who_types_and_reads_on_a_terminal_gets_one(
    student: Student,
    monkeypatch: pytest.MonkeyPatch,
    terminals: set[str],
    command: str | None,
    in_front: bool,
    client: bool,
    opened: list[str] | None,
) -> None:
    seen: list[tuple[str, Any]] = []
    standard = {id(getattr(sys, name)): name for name in ("stdin", "stdout", "stderr")}
    monkeypatch.setattr(shell, "_is_terminal", lambda stream: standard[id(stream)] in terminals)
    monkeypatch.setattr(shell, "_in_foreground", lambda: in_front)
    monkeypatch.setattr(shell, "run", lambda student, node, argv: seen.append(("run", argv)))
    monkeypatch.setattr(terminal, "open_terminal", lambda student, node, argv: seen.append(("terminal", argv)))
    monkeypatch.setattr(terminal, "client", lambda: "docker" if client else None)
    shell.shell(student, "edge", command)
    assert seen == ([("terminal", opened)] if opened else [("run", ["bash", "-lc", command])])


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """A client of the engine that does what the test says, and where its arguments are then found."""

    def does(script: str) -> Path:
        (tmp_path / "docker").write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/arguments\n{script}\n')
        (tmp_path / "docker").chmod(0o755)
        monkeypatch.setattr(terminal, "client", lambda: str(tmp_path / "docker"))
        return tmp_path / "arguments"

    return does


def test_a_terminal_is_hung_up_on_after_its_client(into: Callable, docker: Callable, student: Student) -> None:
    node, arguments = into(lambda command: 0), docker("exit 5")
    assert terminal.open_terminal(student, "edge", ["bash", "-l"]) == 5
    given = arguments.read_text().splitlines()
    assert given[:5] == ["--host", student.docker_host, "exec", "-it", "--detach-keys"]
    assert given[-3:] == ["fake", "bash", "-l"]
    (watcher,) = node.commands
    node.threads[0].join(10)
    mark = given[given.index("--env") + 1]
    assert watcher.argv == ["sh", "-c", terminal.AT_THE_END, mark]
    assert watcher.received.decode() == inspect.getsource(hangup)


def test_a_client_that_is_killed_is_told_as_a_shell_tells_it(
    into: Callable, docker: Callable, student: Student
) -> None:
    into(lambda command: 0)
    docker("kill -KILL $$")
    assert terminal.open_terminal(student, "edge", ["bash", "-l"]) == 137


def test_a_client_that_does_not_end_with_its_session_is_ended(
    into: Callable, docker: Callable, student: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "CLIENT_SECONDS", 0.1)
    node, arguments = into(lambda command: 0), docker("exec sleep 60")

    def terminate() -> None:
        while not arguments.exists():
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=terminate).start()
    with pytest.raises(Cancelled) as caught, cancelled_by_signals():
        terminal.open_terminal(student, "edge", ["bash", "-l"])
    assert caught.value.exit_code == 143
    node.threads[0].join(10)
    assert node.commands[0].received


def test_without_a_client_there_is_no_terminal(
    student: Student, error_of: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "client", lambda: None)
    assert error_of(terminal.open_terminal, student, "edge", ["bash"]).startswith("error: no `docker` command on this")
