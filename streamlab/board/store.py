"""What the board knows now, and whoever follows it: a browser here, a gateway's portal elsewhere."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

#: Seconds without news after which a follower gets a sign of life all the same.
QUIET_SECONDS = 15.0


@dataclass(frozen=True)
class Message:
    """One thing that is known.

    Args:
        kind: "class" for what stays the same, "student" for the state of one.
        name: the student, or empty.
        published: in seconds of the monotonic clock.
        version: larger than that of every earlier message.
    """

    kind: str
    name: str
    said: dict[str, Any]
    published: float
    version: int

    def encoded(self) -> bytes:
        """JSON in one line: ``{"kind", "name", "age": seconds since it was published, "said"}``."""
        age = round(time.monotonic() - self.published, 1)
        document = {"kind": self.kind, "name": self.name, "age": age, "said": self.said}
        return json.dumps(document, ensure_ascii=False, allow_nan=False).encode()


class Store:
    """The last message of each kind and name. A follower that is slow misses what was replaced meanwhile."""

    def __init__(self) -> None:
        self._messages: dict[tuple[str, str], Message] = {}
        self._changed = threading.Condition()
        self._version, self._closed = 0, False

    def publish(self, kind: str, name: str, said: dict[str, Any]) -> None:
        """Replace what was known; followers are given it."""
        with self._changed:
            self._version += 1
            self._messages[kind, name] = Message(kind, name, said, time.monotonic(), self._version)
            self._changed.notify_all()

    def close(self) -> None:
        """Nothing comes any more: every follower is at its end."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def follow(self, *, quiet: float = QUIET_SECONDS) -> Iterator[list[Message]]:
        """All that is known, the oldest first; then what is new, or an empty list after each `quiet` seconds."""
        seen = 0
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._version > seen, timeout=quiet)  # noqa: B023
                if self._closed:
                    return
                news = [one for one in self._messages.values() if one.version > seen]
                seen = self._version
            yield sorted(news, key=lambda one: one.version)
