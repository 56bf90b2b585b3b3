"""One service's question under a deadline, and what comes instead of its answer."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence


class Wrong(Exception):
    """An answer came, and it is not the one that a working service gives."""


class NotYet(Exception):
    """The service is still starting."""


class Proof:
    """One service's question under a deadline."""

    def __init__(self, seconds: float, nodes: Sequence[str]) -> None:
        self.ends = time.monotonic() + seconds
        self.nodes = nodes
        self.token = f"proof-{uuid.uuid4().hex[:12]}"

    @property
    def left(self) -> float:
        return self.ends - time.monotonic()

    def of(self, kind: str) -> list[str]:
        """The stack's nodes of one kind."""
        return [name for name in self.nodes if name.rstrip("0123456789") == kind]

    def until(self, question: Callable[[], str]) -> str:
        """Ask until there is an answer; a service that has just been started refuses at first."""
        while True:
            try:
                return question()
            except Wrong:
                raise
            except Exception as error:
                if self.left <= 0:
                    raise Wrong(f"no answer in time; the last try said {type(error).__name__}: {error}") from error
                time.sleep(0.3)
