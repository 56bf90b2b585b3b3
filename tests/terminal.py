"""A terminal on the edge node, opened by `./lab shell`: what a student types goes in, what the screen shows comes out.

Every line waits for the prompt that follows it, and every wait has a deadline.
"""

from __future__ import annotations

import contextlib
import re
import textwrap
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pexpect

from lab_runner import ROOT

#: Wider than any line typed here, so that no program wraps what it shows.
ROWS, COLUMNS = 50, 400
LINE_SECONDS = 60
START_SECONDS = 90
CLOSE_SECONDS = 20
#: What comes faster than a hand presses keys is pasted text to some programs.
KEY_SECONDS = 0.1

#: Colours and cursor movements, and the title that bash gives the window.
CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[=>]|\r")
#: What a JVM logs between the lines that were asked for.
LOGGED = re.compile(r"^\d\d/\d\d/\d\d \d\d:\d\d:\d\d [A-Z]+ .*\n?", re.MULTILINE)


@dataclass(frozen=True)
class Program:
    """What reads lines: how its prompt looks, how its errors do, and what ends it."""

    prompt: str
    trouble: str
    leave: str


#: Its prompt says how the last command ended, as many people have it.
BASH = Program(r"status=\d+ [^\r\n$]*\$ |[\r\n](?:\x1b\[\?2004h)?> ", r"^status=[1-9]", "exit")
PROMPT = "PS1='status=$? \\w\\$ '"
PYTHON = Program(r"(?:^|[\r\n])(?:>>>|\.\.\.) ", r"^Traceback \(most recent call last\)|^\w*Error: ", "exit()")
SCALA = Program(r"(?:^|[\r\n])(?:\x1b\[[\d;?]*\w)*(?:scala>|     \|) ", r"^\S*(?:Exception|Error): |error: ", ":quit")
CQLSH = Program(r"(?:^|[\r\n])(?:cqlsh(?::\w+)?>| +\.\.\.) ", r"^\w+: Error |Exception: |^\w*Error: ", "exit")
SPARK_SQL = Program(r"(?:^|[\r\n])spark-sql \(\w+\)> ", r"Exception: |^\[[A-Z_.]+\] ", "exit;")


def shown(text: str) -> str:
    """Text as it is on the screen, without what moves and colours it."""
    return CONTROL.sub("", text)


def lines_of(text: str) -> list[str]:
    """The lines to type: as they stand in a test, without its indentation; an indented block ends with an empty one."""
    lines = textwrap.dedent(text).strip("\n").splitlines()
    return [*lines, ""] if len(lines) > 1 and lines[-1].startswith(" ") else lines


def without_echo(output: str, line: str) -> str:
    """What a program answered to a line that the terminal has shown first."""
    before, echo, after = output.partition(f"{line}\n")
    return before + after if echo else output


class Terminal:
    """One terminal. It begins in bash; `pyspark()` and its like start another program and leave it again."""

    def __init__(self, command: Sequence[str]) -> None:
        self._child = pexpect.spawn(
            command[0], list(command[1:]), cwd=str(ROOT), dimensions=(ROWS, COLUMNS), encoding="utf-8",
            codec_errors="replace", timeout=LINE_SECONDS,
        )  # fmt: skip
        self._child.delaybeforesend = None  # a pause for programs that ask for a password
        self._child.linesep = "\r"  # what the Enter key sends; the terminal makes a line's end of it
        self._program = BASH
        self._seen: list[str] = []
        self._wait(r"student@edge:[^\r\n]*\$ ", START_SECONDS)
        # How large the window is, a node learns once its shell runs; bash shows its prompt a second time then.
        self.type(f'until [ "$(stty size)" = "{ROWS} {COLUMNS}" ]; do sleep 0.1; done; {PROMPT}; echo ready')
        self._wait(r"[\r\n]ready[\r\n]", LINE_SECONDS)
        self._wait(BASH.prompt, LINE_SECONDS)

    @property
    def transcript(self) -> str:
        """Everything that was on the screen so far."""
        return shown("".join([*self._seen, self._child.buffer]))

    def run(self, text: str, *, seconds: float = LINE_SECONDS) -> str:
        """Type lines, one after another, and return what came of them, which must not be an error."""
        output, trouble = self._typed(text, seconds)
        assert not trouble, f"typed:\n{text}\nand saw:\n{output}"
        return output

    def fails(self, text: str, *, seconds: float = LINE_SECONDS) -> str:
        """Type lines that end in an error, and return what came of them."""
        output, trouble = self._typed(text, seconds)
        assert trouble, f"no error came of:\n{text}\nbut:\n{output}"
        return output

    def see(self, pattern: str, *, seconds: float = LINE_SECONDS) -> str:
        """Type nothing and wait until something is shown; what was shown until then, and it."""
        return self._wait(pattern, seconds)

    def type(self, line: str) -> None:
        """Type a line and wait for nothing: a program without a prompt reads it."""
        self._child.sendline(line)

    def press(self, keys: str) -> None:
        """Press keys without Enter, and wait for nothing."""
        time.sleep(KEY_SECONDS)
        self._child.send(keys)

    def press_ctrl(self, letter: str) -> None:
        """Press a letter with the control key held, and wait for nothing."""
        time.sleep(KEY_SECONDS)
        self._child.sendcontrol(letter)

    def press_ctrl_c(self, *, seconds: float = LINE_SECONDS) -> str:
        """End what runs, and wait for the prompt; what was shown until then."""
        self._child.sendintr()
        return self._wait(self._program.prompt, seconds)

    def write(self, name: str, text: str) -> None:
        """A file of the student's own, typed into bash."""
        self.run("\n".join([f"cat > {name} <<'END'", *textwrap.dedent(text).strip("\n").splitlines(), "END"]))

    @contextmanager
    def program(self, command: str, program: Program, *, seconds: float = START_SECONDS) -> Iterator[str]:
        """Another program for the length of a block; what it said while it started."""
        before, self._program = self._program, program
        self._child.sendline(command)
        welcome = without_echo(self._wait(program.prompt, seconds), command)
        assert not re.search(program.trouble, welcome, re.MULTILINE), f"typed:\n{command}\nand saw:\n{welcome}"
        yield welcome
        self._child.sendline(program.leave)
        self._program = before
        self._wait(before.prompt, LINE_SECONDS)

    def pyspark(self, options: str = "") -> contextlib.AbstractContextManager[str]:
        """PySpark's shell for the length of a block."""
        return self.program(f"pyspark {options}".strip(), PYTHON)

    def cqlsh(self) -> contextlib.AbstractContextManager[str]:
        """Cassandra's shell for the length of a block."""
        return self.program("cqlsh", CQLSH)

    def close(self) -> None:
        """Leave whatever runs, as somebody who gives up: its application must not hold YARN's memory any longer."""
        if self._child.closed:
            return
        ends = time.monotonic() + CLOSE_SECONDS
        with contextlib.suppress(OSError):
            while time.monotonic() < ends:
                self._child.sendintr()
                time.sleep(0.2)  # an interrupt throws away what is typed right behind it
                self._child.sendeof()
                if self._child.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=3) == 0:
                    break
        self._child.close(force=True)

    def hang_up(self) -> None:
        """Close the window, whatever runs in it."""
        self._child.close(force=True)

    def _typed(self, text: str, seconds: float) -> tuple[str, bool]:
        """What came of some lines, and whether it was an error; after an error no further line is typed."""
        output, trouble = "", False
        for line in lines_of(text):
            self.type(line)
            if self._program is PYTHON and line.strip():
                # Readline may show its prompt once more before it takes a line: what counts comes behind the echo.
                self._wait(re.escape(line), seconds)
            answer = without_echo(self._wait(self._program.prompt, seconds) + "\n", line)
            output += answer
            trouble = re.search(self._program.trouble, answer + shown(self._child.after), re.MULTILINE) is not None
            if trouble:
                break
        return LOGGED.sub("", output).strip("\n"), trouble

    def _wait(self, pattern: str, seconds: float) -> str:
        try:
            self._child.expect(pattern, timeout=seconds)
        except (pexpect.TIMEOUT, pexpect.EOF) as error:
            why = f"not within {seconds:g} s" if isinstance(error, pexpect.TIMEOUT) else "the terminal was closed"
            raise AssertionError(f"waited for {pattern!r}: {why}\n{self.transcript[-3000:]}") from None
        self._seen += [self._child.before, self._child.after]
        return shown(self._child.before + ("" if pattern == self._program.prompt else self._child.after))
