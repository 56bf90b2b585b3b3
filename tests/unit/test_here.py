"""This machine as a node: a command's output, input, deadline and end, with real processes."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from streamlab.cancel import CancelToken, cancellable
from streamlab.engines import here
from streamlab.engines.attached import Output, attached
from streamlab.engines.here import Here
from streamlab.engines.inside import put_files, run_inside
from streamlab.errors import LabError

NODE = Here({"LESSON": "lesson08"})


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(here, "KILL_SECONDS", 0.2)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_command_has_its_output_environment_and_exit_status() -> None:
    script = 'echo "$LESSON $STEP"; echo late >&2; exit 3'
    done = run_inside(NODE, ["sh", "-c", script], seconds=10, env={"STEP": "train"})
    assert (done.code, done.out, done.err) == (3, "lesson08 train\n", "late\n")


def test_lines_are_handed_over_as_they_come() -> None:
    lines: list[tuple[str, str]] = []
    run_inside(NODE, ["sh", "-c", "echo one; echo two"], seconds=10, lines=lambda *line: lines.append(line))
    assert lines == [("out", "one"), ("out", "two")]


def test_a_command_that_is_silent_for_ever_is_ended_with_what_it_has_started() -> None:
    with pytest.raises(LabError, match="this machine: sh did not end within 0 s"):
        run_inside(NODE, ["sh", "-c", "trap '' TERM; sleep 60 & echo $! >&2; wait; sleep 60"], seconds=0)


def test_a_command_may_have_longer_than_the_kernel_can_be_asked_to_wait_for() -> None:
    assert run_inside(NODE, ["sh", "-c", "sleep 0.1; echo yes"], seconds=10**7).out == "yes\n"


def test_who_is_cancelled_ends_the_command(tmp_path: Path) -> None:
    token, pid = CancelToken(), tmp_path / "pid"

    def heard(stream: str, line: str) -> None:
        pid.write_text(line)
        token.cancel()

    with cancellable(token), pytest.raises(KeyboardInterrupt):
        run_inside(NODE, ["sh", "-c", "echo $$; exec sleep 60"], seconds=60, lines=heard)
    ends = time.monotonic() + 5
    while is_running(int(pid.read_text())) and time.monotonic() < ends:
        time.sleep(0.05)
    assert not is_running(int(pid.read_text()))


def test_more_than_a_pipe_holds_goes_in_and_comes_out() -> None:
    data = os.urandom(300_000)
    with attached(NODE, ["cat"], seconds=30, stdin=True) as running:
        output, came = Output(running), b""
        for start in range(0, len(data), 30_000):
            running.send(data[start : start + 30_000])
            came += output.read(30_000)
        running.end_input()
        assert (came + output.read(), running.code()) == (data, 0)


def test_who_does_not_read_its_input_is_not_waited_for_for_ever() -> None:
    with pytest.raises(TimeoutError), attached(NODE, ["sleep", "60"], seconds=60, stdin=True, idle=0.2) as running:
        running.send(bytes(1 << 20))


def test_who_has_ended_reads_no_more() -> None:
    with attached(NODE, ["true"], seconds=10, stdin=True) as running:
        assert running.code() == 0
        with pytest.raises(BrokenPipeError):
            running.send(b"too late")


def test_a_program_that_is_not_there_is_an_error() -> None:
    assert run_inside(NODE, ["no-such-program"], seconds=10).code == 127


def test_files_are_placed(tmp_path: Path) -> None:
    put_files(NODE, str(tmp_path), {"a/b.txt": b"ab"})
    assert (tmp_path / "a" / "b.txt").read_bytes() == b"ab"
