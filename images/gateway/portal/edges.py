"""What the portal asks of edge nodes: over ssh, with a key that may do nothing else there than answer this.

A page never waits for a slow stack: it shows what was said last, and asks again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from portal.state import State, parse

#: The command before the name of a student, whose edge node is meant.
SSH = ("ssh", "-F", "/etc/gateway/portal/ssh_config")
#: Seconds after which an edge node counts as silent, and for which its answer is not asked for again.
ASK_SECONDS, FRESH_SECONDS = 20, 10
#: Edge nodes that are asked at a time: each starts a Python for it, and all share a Docker host.
AT_ONCE = 4
#: Seconds that ssh may take to end once all was said.
END_SECONDS = 1.0
#: Bytes of an answer that are read.
MOST_ANSWER = 1_000_000
#: What ends the keys that an edge node is given: without it they were cut off, and are not taken.
END = "# end\n"


@dataclass(frozen=True)
class Seen:
    """What an edge node said last.

    Args:
        at: when, in seconds of the monotonic clock.
        state: None where it did not answer, or not as an edge node of the lab's does.
    """

    at: float
    state: State | None

    @property
    def age(self) -> float:
        """Seconds since then."""
        return time.monotonic() - self.at


class Edges:
    """All edge nodes.

    Args:
        keys_of: student -> the public keys that he or she has entered; the edge node is given them with each question.
    """

    def __init__(self, keys_of: Callable[[str], list[str]], *, command: tuple[str, ...] = SSH) -> None:
        self._keys_of, self._command = keys_of, command
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._seen: dict[str, Seen] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}

    async def look(self, student: str, *, wait: float) -> tuple[Seen | None, bool]:
        """What is known of a student's stack after at most `wait` seconds, and whether it is still being asked."""
        seen = self._seen.get(student)
        if seen is None or seen.age > FRESH_SECONDS or student in self._asking:
            await asyncio.wait([self._ask(student)], timeout=wait)
        return self._seen.get(student), student in self._asking

    async def renew(self, student: str, *, wait: float) -> bool:
        """Give the edge node the keys that there are now; whether it has them within `wait` seconds."""
        if running := self._asking.get(student):  # it may have begun with the keys that there were before
            await asyncio.wait([running], timeout=wait)
        await asyncio.wait([self._ask(student)], timeout=wait)
        seen = self._seen.get(student)
        return student not in self._asking and seen is not None and seen.state is not None

    def _ask(self, student: str) -> asyncio.Task[None]:
        """The question that is on its way, or a new one."""
        if student not in self._asking:
            task = self._asking[student] = asyncio.create_task(self._answer(student))
            task.add_done_callback(lambda _: self._asking.pop(student))
        return self._asking[student]

    async def _answer(self, student: str) -> None:
        state = None
        async with self._turns:
            with suppress(TimeoutError, OSError, ValueError):
                async with asyncio.timeout(ASK_SECONDS):
                    state = parse(await self._said(student))
        self._seen[student] = Seen(time.monotonic(), state)

    async def _said(self, student: str) -> bytes:
        """What the edge node prints."""
        keys = "".join(f"{key}\n" for key in self._keys_of(student)) + END
        answer = await said(self._command, student, "state", told=keys.encode(), limit=MOST_ANSWER)
        if len(answer) >= MOST_ANSWER:
            logging.warning("the edge node of %s says more than %d bytes", student, MOST_ANSWER)
        return answer


async def said(command: tuple[str, ...], student: str, words: str, *, told: bytes = b"", limit: int) -> bytes:
    """What a student's edge node prints when it is asked these words, and told this; no more than `limit` bytes of it.

    Raises:
        OSError: it could not be asked.
    """
    process = await asyncio.create_subprocess_exec(
        *command, student, words, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(told)
        process.stdin.write_eof()
        answer = bytearray()
        while (piece := await process.stdout.read(65536)) and len(answer) < limit:
            answer += piece
        with suppress(TimeoutError):  # what has ended is not killed: asyncio would miss its end, and warn of it
            async with asyncio.timeout(END_SECONDS if len(answer) < limit else 0):
                await process.wait()
        return bytes(answer[:limit])
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
        await process.communicate()  # what is left of its output, so that nothing of it stays open
