"""Slows down who guesses: after some failures the next attempt is refused for a while."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Hashable

#: Seconds over which failures are counted.
WINDOW = 60.0
#: Keys that are remembered; the oldest is forgotten. A secret of 100 bits does not depend on it.
MOST = 10_000


class Throttle:
    """Counts failures by key, such as a name with an address."""

    def __init__(self, most: int, *, now: Callable[[], float] = time.monotonic) -> None:
        self._most, self._now = most, now
        self._failures: dict[Hashable, deque[float]] = {}

    def wait(self, key: Hashable) -> int:
        """Seconds until the next attempt is let through; 0 for at once."""
        failures = self._failures.get(key, deque())
        while failures and failures[0] <= self._now() - WINDOW:
            failures.popleft()
        return 0 if len(failures) < self._most else max(1, round(failures[0] + WINDOW - self._now()))

    def failed(self, key: Hashable) -> None:
        """An attempt was wrong."""
        if key not in self._failures and len(self._failures) >= MOST:
            del self._failures[next(iter(self._failures))]
        self._failures.setdefault(key, deque(maxlen=self._most)).append(self._now())
