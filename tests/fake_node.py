"""A container whose commands are functions of a test, each in a thread of its own, over connections as the engine's."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, BinaryIO

OUT, ERR = 1, 2


@dataclass
class Command:
    """One command as it runs."""

    argv: list[str]
    env: Mapping[str, str]
    reads: bool
    socket: socket.socket | None = None
    received: bytes = b""
    #: Set by what ends it.
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def mark(self) -> str:
        return f"STREAMLAB_RUN={self.env['STREAMLAB_RUN']}"

    @property
    def input(self) -> BinaryIO:
        return self.socket.makefile("rb")

    def write(self, data: bytes, stream: int = OUT) -> None:
        self.socket.sendall(struct.pack(">BxxxL", stream, len(data)) + data)


class FakeNode:
    """A container; what is not `run`'s ends at once, and well."""

    def __init__(self, run: Callable[[Command], int]) -> None:
        self.id = self.name = "fake"
        self.client = SimpleNamespace(api=self)
        self._run = run
        self.commands: list[Command] = []
        self._codes: dict[str, int] = {}
        self.threads: list[threading.Thread] = []

    def exec_create(
        self,
        container: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        stdin: bool = False,
    ) -> dict[str, str]:
        assert container == self.id
        self.commands.append(Command(list(command), environment or {}, stdin))
        return {"Id": str(len(self.commands) - 1)}

    def exec_start(self, exec_id: str, *, socket: bool) -> Any:
        assert socket is True
        command = self.commands[int(exec_id)]
        ours, command.socket = pair()
        reader = ours.makefile("rb")
        thread = threading.Thread(target=self._let_run, args=[exec_id, command], daemon=True)
        thread.start()
        self.threads.append(thread)

        def close() -> None:
            reader.close()
            ours.close()

        raw = SimpleNamespace(_fp=SimpleNamespace(fp=reader))
        return SimpleNamespace(_sock=ours, _response=SimpleNamespace(raw=raw, close=close))

    def _let_run(self, exec_id: str, command: Command) -> None:
        code = 1
        try:
            if command.argv[:2] == ["sh", "-c"]:  # ends what has this mark, once nobody writes to it any more
                command.received = command.input.read() if command.reads else b""
                for other in self.commands:
                    if other.env and other.mark == command.argv[3]:
                        other.ended.set()
                code = 0
            else:
                assert command.argv[:3] == ["timeout", "-k", "5"]
                with suppress(OSError):
                    code = self._run(command)
        finally:
            self._codes[exec_id] = code
            command.socket.close()

    def exec_inspect(self, exec_id: str) -> dict[str, Any]:
        return {"Running": exec_id not in self._codes, "ExitCode": self._codes.get(exec_id)}


pair = socket.socketpair
