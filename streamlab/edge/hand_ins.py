"""Give the hand-ins in the student's outbox to who collects them: ``edge.hand_ins REQUEST``.

REQUEST is JSON: ``{"known": [names that need not come], "receipts": {name: {"received_at", "clock"}}}``. Receipts are
written beside the hand-ins first. Answers with ``[{"name", "data": in base 64}]``, as many as fit one answer; who asks
again with these among the known gets the next.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

from common.channel import emit

from .outbox import FOLDER, name_of, names_in, read

#: Bytes that one answer holds.
ANSWER = 4_000_000


def outbox() -> Path:
    """The student's outbox, as `invoke hand-in` makes it."""
    return Path.home() / ".streamlab" / FOLDER


def keep_receipts(folder: Path, receipts: dict[str, Any]) -> None:
    for text, receipt in receipts.items():
        name = name_of(text)
        if name is None or not folder.is_dir():
            continue
        new = folder / f".{name}.partial"
        new.write_text(json.dumps(receipt), encoding="utf-8")
        new.chmod(0o600)
        new.replace(name.receipt(folder))


def unknown(folder: Path, known: set[str]) -> list[dict[str, str]]:
    """The hand-ins that need to come, in their order, as far as they fit one answer."""
    found: list[dict[str, str]] = []
    size = 0
    for name in names_in(folder):
        if str(name) in known:
            continue
        data = read(name.zip(folder))
        if data is None:
            continue  # no file that can be taken: the student has no receipt for it
        size += len(data)
        if found and size > ANSWER:
            break
        found.append({"name": str(name), "data": base64.b64encode(data).decode()})
    return found


def main(request: str) -> None:
    asked = json.loads(request)
    keep_receipts(outbox(), asked["receipts"])
    emit(answer=unknown(outbox(), set(asked["known"])))


if __name__ == "__main__":
    main(*sys.argv[1:])
