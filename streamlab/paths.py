"""Where things stand on the control machine. Only these folders are written to unless a person names another."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ANSIBLE = ROOT / "ansible"
IMAGES = ROOT / "images"
JOBS = ROOT / "jobs"

#: What this checkout keeps between two commands; safe to delete, but for the snapshots.
STATE = ROOT / ".streamlab"
SNAPSHOTS = STATE / "snapshots"

#: Fetched artifacts, shared by all checkouts of one user; safe to delete.
CACHE = Path(os.environ.get("STREAMLAB_CACHE") or Path.home() / ".cache" / "streamlab")

#: The folder in which `./lab` was typed; it goes to its own. What it starts is not told.
_typed_in = os.environ.pop("STREAMLAB_TYPED_IN", None)


def typed(path: str) -> Path:
    """The absolute path for one that a person has typed."""
    return Path(os.path.normpath(Path(_typed_in or Path.cwd()) / Path(path).expanduser()))
