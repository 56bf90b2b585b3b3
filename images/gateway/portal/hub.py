"""What the board on the control machine has sent last, and who follows it.

The portal asks nobody for it: `invoke board` connects from inside this container (`portal.feed`).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: In the container's own memory: nginx and the bastion, which share the other socket, have no say here.
SOCKET = Path("/tmp/board.sock")
#: What a board is told that another one has taken the place of.
REPLACED = b"replaced"
#: Bytes of one message; a class of three hundred with all its pages is less than a tenth of it.
MOST_MESSAGE = 1 << 22
#: Seconds without news after which a browser gets a sign of life, and a login is looked at again.
QUIET_SECONDS = 10
KINDS = ("class", "student")


@dataclass(frozen=True)
class Message:
    """What the board said of the class, or of one student.

    Args:
        at: since when it is known, in seconds of the monotonic clock.
        version: larger than that of every earlier message.
    """

    kind: str
    name: str
    said: Any
    at: float
    version: int

    def encoded(self) -> bytes:
        document = {
            "kind": self.kind,
            "name": self.name,
            "age": round(time.monotonic() - self.at, 1),
            "said": self.said,
        }
        return b"data: " + json.dumps(document).encode() + b"\n\n"


def parse(line: bytes, version: int) -> Message:
    """A message out of a line of the board's.

    Raises:
        ValueError: it is something else.
    """
    said = json.loads(line)
    if not isinstance(said, dict) or said.get("kind") not in KINDS or not isinstance(said.get("said"), dict):
        raise ValueError("not a message of the board's")
    name, age = said.get("name"), said.get("age")
    if not isinstance(name, str) or not isinstance(age, int | float):
        raise ValueError("not a message of the board's")
    return Message(said["kind"], name, said["said"], time.monotonic() - age, version)


class Hub:
    """What is known, from whom it comes, and who follows it."""

    def __init__(self) -> None:
        self._messages: dict[tuple[str, str], Message] = {}
        self._version = 0
        self._changed = asyncio.Event()
        self._feeding: asyncio.StreamWriter | None = None
        self.followers = 0

    @property
    def is_fed(self) -> bool:
        """Whether a board is there now."""
        return self._feeding is not None

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take what a board sends until it ends; one that was there before is told to go."""
        if self._feeding:
            with suppress(OSError):
                self._feeding.write(REPLACED)
            self._feeding.close()
        self._feeding, self._messages = writer, {}
        self._tell()
        try:
            while line := await reader.readline():
                if self._feeding is not writer:
                    break
                if line.strip():
                    self._version += 1
                    message = parse(line, self._version)
                    self._messages[message.kind, message.name] = message
                    self._tell()
        except (ValueError, OSError):
            pass  # it is cut off, or no board: what it has sent before stays
        finally:
            writer.close()
            if self._feeding is writer:
                self._feeding = None
                self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def follow(self) -> AsyncIterator[bytes]:
        """All that is known as events, and then what is new; a sign of life where nothing is."""
        seen, was_fed = 0, None
        while True:
            changed = self._changed
            news = sorted((one for one in self._messages.values() if one.version > seen), key=lambda one: one.version)
            events = b"".join(one.encoded() for one in news)
            seen = max([seen, *(one.version for one in news)])
            if was_fed != self.is_fed:
                was_fed = self.is_fed
                events += b"data: " + json.dumps({"kind": "feed", "said": was_fed}).encode() + b"\n\n"
            yield events or b": \n\n"
            with suppress(TimeoutError):
                async with asyncio.timeout(QUIET_SECONDS):
                    await changed.wait()
