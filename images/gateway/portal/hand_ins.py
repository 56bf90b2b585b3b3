"""What students hand in: taken out of their outboxes over ssh, with the time by this machine's clock, and kept here.

Nothing reaches the portal from a stack: it asks each edge node now and then what waits there. A zip is not opened; the
control machine, which collects them, does that.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import shutil
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from portal.edges import SSH, said

#: As streamlab/edge/outbox.py has them; a test compares the two.
NAME = re.compile(r"(?P<number>\d{4})-(?P<job>[a-z][a-z0-9]{0,30})-(?P<sha256>[0-9a-f]{64})")
MOST_BYTES, MOST = 1_000_000, 200
JOB = re.compile(r"[a-z][a-z0-9]{0,30}")
#: Bytes of all that one student has handed in, and bytes that are left free here whoever hands in.
MOST_EACH, FREE = 20_000_000, 500_000_000
#: Seconds between two looks into an outbox, for one answer, and for a folder to be packed.
PERIOD, ASK_SECONDS, PACK_SECONDS = 40.0, 20.0, 60.0
#: Outboxes that are looked into at a time.
AT_ONCE = 2
CLOCK = "gateway"


@dataclass(frozen=True)
class Taken:
    """One hand-in that is kept here."""

    name: str
    received_at: datetime
    size: int

    @property
    def number(self) -> int:
        return int(self.name[:4])

    @property
    def job(self) -> str:
        return self.name.split("-")[1]

    @property
    def sha256(self) -> str:
        return self.name.split("-")[2]


class HandIns:
    """All that was handed in.

    Args:
        folder: of the portal's state; there is a folder in it for each student.
        audit: writes down what was taken and what was not.
    """

    def __init__(
        self, folder: Path, *, audit: Callable[..., None], command: tuple[str, ...] = SSH,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:  # fmt: skip
        self._folder, self._audit, self._command, self._now = folder / "hand-ins", audit, command, now
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._busy: dict[str, asyncio.Lock] = {}

    def of(self, student: str) -> list[Taken]:
        """What a student has handed in, the last first."""
        files = sorted((self._folder / student).glob("*.json"), reverse=True)
        found = (
            (file.stem, json.loads(file.read_text(encoding="utf-8"))) for file in files if NAME.fullmatch(file.stem)
        )
        return [Taken(name, datetime.fromisoformat(one["received_at"]), one["size"]) for name, one in found]

    async def watch(self, students: Callable[[], Iterable[str]]) -> None:
        """Look into every outbox, again and again."""
        while True:
            began = time.monotonic()
            await asyncio.gather(*(self.take(student) for student in students()))
            await asyncio.sleep(max(0.0, began + PERIOD - time.monotonic()))

    async def take(self, student: str) -> int:
        """Take what waits in a student's outbox, and leave a receipt for it; how many were new."""
        new = 0
        async with self._busy.setdefault(student, asyncio.Lock()), self._turns:
            with suppress(TimeoutError, OSError):  # a stack that does not answer is asked again
                waiting, at = await self._waiting(student), self._now().replace(microsecond=0)
                for name in reversed(waiting):  # the last one first: what is refused ends this look, and costs no more
                    known = {one.name: one for one in self.of(student)}
                    if name not in known:
                        taken = await self._take(student, name, at, known.values())
                        if taken is None:
                            break
                        known[name], new = taken, new + 1
                    await self._give_receipt(student, known[name])
        return new

    async def pack(self, student: str, job: str) -> str:
        """Have a folder on the edge node packed into the outbox, and take it; the error's text where that failed."""
        async with asyncio.timeout(PACK_SECONDS):
            text = (await said(self._command, student, f"pack {job}", limit=10_000)).decode("utf-8", "replace")
        if not text.startswith("packed\n"):
            return text
        await self.take(student)
        return ""

    async def _waiting(self, student: str) -> list[str]:
        async with asyncio.timeout(ASK_SECONDS):
            listed = await said(self._command, student, "hand-ins", limit=100 * MOST)
        names = listed.decode("ascii", "replace").split()
        return [name for name in names if NAME.fullmatch(name)][:MOST]

    async def _take(self, student: str, name: str, at: datetime, known: Collection[Taken]) -> Taken | None:
        """Keep one hand-in: first the zip, then the record that says when it came. None where it is refused."""
        async with asyncio.timeout(ASK_SECONDS):
            data = await said(self._command, student, f"hand-in {name}", limit=MOST_BYTES + 1)
        size = sum(one.size for one in known) + len(data)
        wrong = hashlib.sha256(data).hexdigest() != name.split("-")[2] or len(data) > MOST_BYTES
        self._folder.mkdir(mode=0o700, exist_ok=True)
        full = len(known) >= MOST or size > MOST_EACH or shutil.disk_usage(self._folder).free < FREE
        if wrong or full:
            self._audit(
                "hand-in refused", name=student, what=name, why="too much" if full else "its name says otherwise"
            )
            return None
        place = self._folder / student
        place.mkdir(mode=0o700, exist_ok=True)
        record = json.dumps({"received_at": at.isoformat(), "size": len(data)})
        for kind, content in ((".zip", data), (".json", record.encode())):
            half = place / f".{name}{kind}"
            half.write_bytes(content)
            half.replace(place / f"{name}{kind}")
        self._audit("hand-in", name=student, what=name)
        return Taken(name, at, len(data))

    async def _give_receipt(self, student: str, taken: Taken) -> None:
        receipt = json.dumps({"received_at": taken.received_at.isoformat(), "clock": CLOCK})
        async with asyncio.timeout(ASK_SECONDS):
            await said(self._command, student, f"receipt {taken.name}", told=f"{receipt}\n".encode(), limit=1000)
