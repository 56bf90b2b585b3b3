"""`invoke hand-in`: an exercise's folder into the student's outbox on the edge node, and the receipts for it.

Who states when it was received must not be the student. So nothing here says a time of its own: the gateway, or where
there is none the control machine, takes what is in the outbox, and leaves a receipt with the time by its own clock.
"""

from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from streamlab.edge import outbox
from streamlab.edge.outbox import Name
from streamlab.errors import LabError, WrongRequest
from streamlab.grading import packing
from streamlab.lessons import jobs
from streamlab.paths import STATE, private_file, private_folder
from streamlab.students import clusters
from streamlab.students.clusters import Cluster
from streamlab.ui import progress, say, table

#: Seconds within which the gateway takes a hand-in, and between two looks for its receipt. It asks every edge node in
#: turn, and one that does not answer keeps it waiting.
RECEIPT_SECONDS, PAUSE = 90, 0.5
#: Bytes of a receipt that are read.
LONGEST = 1000


def hand_in(job: str | None, *, detach: bool = False) -> None:
    """Put the exercise in the folder `job` into the outbox; without a job, print what was handed in.

    Args:
        detach: do not wait for the gateway's receipt.

    Raises:
        WrongRequest: this is no edge node, or the folder is no exercise or cannot be packed.
        LabError: the gateway has not taken it in time.
    """
    cluster, folder = _own_cluster(), private_folder(STATE / outbox.FOLDER)
    if job is None:
        show(folder)
        return
    found, _ = jobs.find(job)
    if not found.exercise:
        raise WrongRequest(
            f"{found.name} is no exercise",
            evidence=f"{found.folder}/job.yml has no `exercise: …`",
            fix="hand in the folder that `invoke exercise` made, such as --job my04",
        )
    packed = packing.pack(found)
    name, is_new = put(folder, found.name, packed.data, packed.sha256)
    what = f"{found.name}, the exercise of {found.exercise}: hand-in {name.number}, {len(packed.data) / 1e3:.1f} kB"
    say(f"{what}{'' if is_new else ', which is there already'}")
    say(f"  sha256 {name.sha256}")
    if cluster.gateway and not detach:
        say(f"  {_received(_wait_for_receipt(folder, name))}")
    else:
        receipt, taken = receipt_of(folder, name), "received by the gateway" if cluster.gateway else "collected"
        say(f"  {_received(receipt) if receipt else f'not received yet: the time that counts is when it is {taken}'}")


def put(folder: Path, job: str, data: bytes, sha256: str) -> tuple[Name, bool]:
    """The hand-in's name, and whether it had to be added: it is there already if it is the last one of this job.

    Raises:
        WrongRequest: there are too many.
    """
    there = outbox.names_in(folder)
    last = next((name for name in reversed(there) if name.job == job), None)
    if last and last.sha256 == sha256:
        return last, False
    if len(there) >= outbox.MOST:
        raise WrongRequest(
            f"there are {len(there)} hand-ins already", evidence=str(folder), fix="ask your instructor what to do"
        )
    name = Name(there[-1].number + 1 if there else 1, job, sha256)
    with private_file(name.zip(folder)) as file:
        file.write(data)
    return name, True


def show(folder: Path) -> None:
    """Print every hand-in with its receipt."""
    names = outbox.names_in(folder)
    if not names:
        say("nothing was handed in yet; the folder of an exercise is handed in with: invoke hand-in --job my04")
        return
    rows = []
    for name in names:
        receipt = receipt_of(folder, name)
        rows.append([str(name.number), name.job, name.sha256[:12], _received(receipt) if receipt else "not yet"])
    say(table(["hand-in", "job", "sha256", "received"], rows))


def receipt_of(folder: Path, name: Name) -> dict[str, Any] | None:
    """The receipt for a hand-in; None where there is none that can be read."""
    try:
        found = json.loads(outbox.read(name.receipt(folder), most=LONGEST) or b"")
        return {"at": datetime.fromisoformat(found["received_at"]), "clock": str(found["clock"])}
    except (ValueError, KeyError, TypeError):
        return None


def _received(receipt: dict[str, Any]) -> str:
    return f"received {receipt['at']:%Y-%m-%d %H:%M:%S} UTC by the clock of the {receipt['clock']}"


def _wait_for_receipt(folder: Path, name: Name) -> dict[str, Any]:
    ends = time.monotonic() + RECEIPT_SECONDS
    with progress("hand-in") as line:
        while not (receipt := receipt_of(folder, name)):
            left = ends - time.monotonic()
            if left < 0:
                raise LabError(
                    f"hand-in {name.number} was not received within {RECEIPT_SECONDS} s",
                    evidence="it waits in your outbox, and the gateway has left no receipt",
                    fix="leave it there; `invoke hand-in` says when it was received",
                )
            line.update(f"waiting for the gateway's receipt, {left:.0f} s more at most")
            time.sleep(PAUSE)
    return receipt


def _own_cluster() -> Cluster:
    """The description of the stack in whose edge node this is typed.

    Raises:
        WrongRequest: it is typed elsewhere.
    """
    described = clusters.named(None, None)
    cluster = clusters.read(described) if described else None
    if cluster is None or not cluster.is_here:
        raise WrongRequest(
            "exercises are handed in on the edge node",
            evidence="this is the control machine, or no edge node of the lab's",
            fix="invoke shell, and there: invoke hand-in --job my04",
        )
    return cluster
