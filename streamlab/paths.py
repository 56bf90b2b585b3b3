"""Where things stand on the control machine. Only these folders are ever written to."""

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
