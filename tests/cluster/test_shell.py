"""`invoke shell`: what is piped into a command arrives, and a terminal that is closed ends what it had running."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import uuid
from collections.abc import Callable

import pexpect
import pytest

from lab_runner import ROOT, LabRunner


def piped(lab: LabRunner, command: str, data: bytes) -> subprocess.CompletedProcess[bytes]:
    """One command in the edge node, with `data` piped into it."""
    return subprocess.run(
        lab.command("shell", "--command", command), cwd=ROOT, input=data, capture_output=True, timeout=120, check=False
    )


def test_input_arrives_and_comes_back_byte_for_byte(lab: LabRunner) -> None:
    data = os.urandom(30_000_000)
    done = piped(lab, "cat; exit 3", data)
    assert (done.returncode, done.stdout == data) == (3, True)


def test_a_file_is_made_of_what_is_piped(lab: LabRunner) -> None:
    assert piped(lab, "cat > piped.txt", b"no end of line").returncode == 0
    assert lab.inside("wc -c < piped.txt; rm piped.txt") == "14\n"


def test_an_interpreter_runs_what_is_piped(lab: LabRunner) -> None:
    done = piped(lab, "python3 -i", b"print(6 * 7)\nimport sys; sys.exit(4)\n")
    assert (done.returncode, done.stdout) == (4, b"42\n")


def test_a_topic_gets_what_is_piped(lab: LabRunner) -> None:
    topic = f"piped-{uuid.uuid4().hex[:8]}"
    lab.inside(f"kafka-topics.sh --bootstrap-server kafka1:9092 --create --topic {topic} --partitions 1")
    piped(lab, f"kafka-console-producer.sh --bootstrap-server kafka1:9092 --topic {topic}", "один\ntwo\n".encode())
    consume = f"kafka-console-consumer.sh --bootstrap-server kafka1:9092 --topic {topic} --from-beginning"
    assert lab.inside(f"{consume} --max-messages 2 2>/dev/null") == "один\ntwo\n"
    lab.inside(f"kafka-topics.sh --bootstrap-server kafka1:9092 --delete --topic {topic}")


def test_cassandra_answers_what_is_piped(lab: LabRunner) -> None:
    done = piped(lab, "cqlsh", b"SELECT cluster_name FROM system.local;\n")
    assert done.returncode == 0
    assert b"(1 rows)" in done.stdout


def test_a_reader_that_goes_away_ends_the_command(lab: LabRunner) -> None:
    """Though it has nothing more to say."""
    began = time.monotonic()
    command = lab.command("shell", "--command", "echo first; exec sleep 600.1")
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout.read(6) == b"first\n"
        process.stdout.close()
        assert process.wait(30) == 141
    assert time.monotonic() - began < 30
    assert lab.inside("pgrep -f '^sleep 600[.]1' || echo none") == "none\n"


@pytest.mark.parametrize("how", [signal.SIGHUP, signal.SIGTERM])
def test_a_command_is_ended_with_what_asked_for_it(lab: LabRunner, how: int) -> None:
    command = lab.command("shell", "--command", "echo up; exec sleep 600.2")
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.read(3) == b"up\n"
        process.send_signal(how)
        assert process.wait(30) == 128 + how
    assert lab.inside("pgrep -f '^sleep 600[.]2' || echo none") == "none\n"


PROMPT = r"\$ $"


def typed(lab: LabRunner, *arguments: str) -> pexpect.spawn:
    """`invoke shell` on a terminal. Whatever started the tests may ignore signals, and what it starts would too."""
    command = ["env", "--default-signal=INT,HUP,TERM", *lab.command("shell", *arguments)]
    return pexpect.spawn(command[0], command[1:], cwd=str(ROOT), encoding="utf-8", timeout=30)


def test_a_command_on_a_terminal_has_one(lab: LabRunner) -> None:
    terminal = typed(lab, "--command", "python3 -q")
    terminal.expect_exact(">>> ")
    terminal.sendline("6 * 7")
    terminal.expect_exact("\r\n42\r\n>>> ")
    terminal.sendline("import time; time.sleep(600)")
    time.sleep(0.5)
    terminal.sendintr()
    terminal.expect_exact("KeyboardInterrupt")
    terminal.sendline("exit(9)")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 9


def test_a_shell_that_is_left_leaves_what_runs_behind_it(lab: LabRunner) -> None:
    terminal = typed(lab)
    terminal.expect(PROMPT)
    terminal.sendline("nohup sleep 600.3 >/dev/null 2>&1 &")
    terminal.expect(PROMPT)
    terminal.sendline("exit 5")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 5
    assert lab.inside("pgrep -cf '^sleep 600[.]3'; pkill -f '^sleep 600[.]3'") == "1\n"


def closed(terminal: pexpect.spawn) -> None:
    # By the object that owns the descriptor: closed a second time, its number may be somebody else's by then.
    terminal.ptyproc.fileobj.close()
    terminal.ptyproc.closed = terminal.closed = True


ENDINGS: dict[str, Callable[[pexpect.spawn], None]] = {
    "the window is closed": closed,
    "SIGHUP": lambda terminal: terminal.kill(signal.SIGHUP),
    "SIGTERM": lambda terminal: terminal.kill(signal.SIGTERM),
    "SIGKILL": lambda terminal: terminal.kill(signal.SIGKILL),
}


SLEEPERS_AND_SHELLS = "ps -eo args= | grep -E '^(sleep 601|bash -l$)' | sort || true"


@pytest.mark.parametrize("end", ENDINGS.values(), ids=ENDINGS)
def test_a_terminal_that_is_gone_takes_its_session_with_it(
    lab: LabRunner, end: Callable[[pexpect.spawn], None]
) -> None:
    """But what was made to outlive it stays, as on any machine."""
    terminal = typed(lab)
    terminal.expect(PROMPT)
    for line in ("nohup sleep 601.1 >/dev/null 2>&1 &", "setsid sleep 601.2", "sleep 601.3 & disown", "sleep 601.4 &"):
        terminal.sendline(line)
        terminal.expect(PROMPT)
    terminal.sendline("sleep 601.5")
    time.sleep(1)
    end(terminal)
    # The shell hands the signal on to its jobs a moment after what it ran in the foreground has ended.
    ends = time.monotonic() + 20
    try:
        while (left := lab.inside(SLEEPERS_AND_SHELLS).splitlines()) != ["sleep 601.1", "sleep 601.2", "sleep 601.3"]:
            assert time.monotonic() < ends, left
    finally:
        lab.inside("pkill -f '^sleep 601'")


DRIVER = "pgrep -f 'python3 -[q]|pyspark[-]shell'"
EVIDENCE = "ps -eo pid,ppid,pgid,sid,tty,stat,etime,args | cut -c 1-150"


def test_an_application_ends_with_its_terminal(lab: LabRunner) -> None:
    terminal = typed(lab, "--command", "python3 -q")
    terminal.expect_exact(">>> ")
    terminal.sendline("from pyspark.sql import SparkSession; spark = SparkSession.builder.getOrCreate()")
    terminal.sendline("print(spark.sparkContext.applicationId)")
    terminal.expect(r"(application_\d+_\d+)\r\n", timeout=120)
    application = terminal.match[1]
    closed(terminal)
    ends = time.monotonic() + 30
    while application in (listed := lab.inside("yarn application -list 2>/dev/null")):
        assert time.monotonic() < ends, listed + lab.inside(EVIDENCE)
    # The driver's JVM ends a moment after it has told YARN so.
    while lab.inside(f"{DRIVER} || echo none") != "none\n":
        assert time.monotonic() < ends, lab.inside(EVIDENCE)
