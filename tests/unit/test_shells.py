"""A program in a pseudo-terminal, as the portal's terminal has it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from portal import shells
from portal.shells import Shell


def used(program: str, use: Callable[[Shell], Awaitable[None]]) -> Shell:
    """A shell program, used and ended."""

    async def run() -> Shell:
        shell = await Shell.start(["sh", "-c", program])
        try:
            async with asyncio.timeout(20):
                await use(shell)
        finally:
            await shell.end()
        return shell

    return asyncio.run(run())


async def until(shell: Shell, text: bytes) -> bytes:
    said = b""
    while text not in said:
        piece = await shell.read()
        assert piece, f"it ended after {said!r}"
        said += piece
    return said


def test_a_program_has_a_terminal_of_its_own_with_the_size_of_the_window() -> None:
    async def use(shell: Shell) -> None:
        await until(shell, b"ready")
        shell.resize(100, 30)
        assert b"30 100" in await until(shell, b"done")

    used("trap 'stty size; echo done; exit' WINCH; tty >/dev/tty && echo ready; while :; do sleep 0.05; done", use)


def test_what_is_typed_is_read_and_ctrl_c_is_a_signal() -> None:
    async def use(shell: Shell) -> None:
        await until(shell, b"ready")
        await shell.write("имя\n".encode())
        await until(shell, "имя!".encode())
        await shell.write(b"\x03")
        await until(shell, b"interrupted")
        while await shell.read():
            pass

    used("trap 'echo interrupted; exit' INT; echo ready; read name; echo $name!; while :; do sleep 0.05; done", use)


def test_more_than_a_terminal_takes_at_once_waits_and_arrives(tmp_path: Path) -> None:
    async def use(shell: Shell) -> None:
        await until(shell, b"ready")
        for _ in range(200):
            await shell.write(b"x" * 999 + b"\n")
        await until(shell, b"end")

    used(f"stty -echo; echo ready; sleep 0.3; head -c 200000 >{tmp_path}/got; echo end", use)
    assert (tmp_path / "got").stat().st_size == 200_000


def test_the_end_of_the_terminal_ends_the_program_and_who_waits_for_it() -> None:
    async def run() -> int | None:
        shell = await Shell.start(["sh", "-c", "stty raw -echo; echo ready; exec sleep 60"])
        async with asyncio.timeout(20):
            await until(shell, b"ready")
            waiting = asyncio.gather(shell.read(), shell.write(b"x" * 1_000_000))
            await asyncio.sleep(0.1)
            await shell.end()
            assert await waiting == [b"", None]
        return shell._process.returncode

    began = time.monotonic()
    assert asyncio.run(run()) not in (None, 0)
    assert time.monotonic() - began < 5


def test_a_program_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shells, "END_SECONDS", 0.3)

    async def use(shell: Shell) -> None:
        await until(shell, b"ready")

    shell = used("trap '' HUP; echo ready; while :; do sleep 0.05; done", use)
    assert shell._process.returncode == -9


@pytest.mark.parametrize("size", [(0, -5), (10**9, 10**9)])
def test_no_size_is_too_large(size: tuple[int, int]) -> None:
    async def use(shell: Shell) -> None:
        shell.resize(*size)
        found = os.get_terminal_size(shell._terminal)
        assert 1 <= found.columns <= shells.LARGEST
        assert 1 <= found.lines <= shells.LARGEST

    used("sleep 60", use)
