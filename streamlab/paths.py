"""The lab's folders on the control machine. Only these folders are written to unless a person names another."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from streamlab.errors import WrongRequest

ROOT = Path(__file__).resolve().parent.parent
ANSIBLE = ROOT / "ansible"
IMAGES = ROOT / "images"
JOBS = ROOT / "jobs"

#: What this checkout keeps between two commands; safe to delete, but for the snapshots and the gateways' secrets.
STATE = Path(os.environ.get("STREAMLAB_STATE") or ROOT / ".streamlab")
SNAPSHOTS = STATE / "snapshots"

#: Fetched artifacts, shared by all checkouts of one user; safe to delete.
CACHE = Path(os.environ.get("STREAMLAB_CACHE") or Path.home() / ".cache" / "streamlab")


def typed(path: str) -> Path:
    """The absolute path for one that a person has typed."""
    return Path(os.path.normpath(Path.cwd() / Path(path).expanduser()))


def private_folder(path: Path) -> Path:
    """Make a folder that only this user may enter, with all above it that are missing, and return it.

    One of this user's that has wider permissions is narrowed, and so is `STATE` or `CACHE` where it is below one of
    them: what students have written, and what images are built from, is not for other users of the machine.

    Raises:
        WrongRequest: another user owns it, or the folder in which it would be made.
    """
    try:
        for folder in reversed([path, *path.parents]):
            if not folder.exists():
                folder.mkdir(mode=0o700, exist_ok=True)
        for folder in {path, *(top for top in (STATE, CACHE) if path.is_relative_to(top))}:
            found = folder.stat()
            # A sticky folder, such as /tmp, is shared on purpose.
            if found.st_uid == os.getuid() and found.st_mode & 0o077 and not found.st_mode & stat.S_ISVTX:
                folder.chmod(0o700)
        if not os.access(path, os.W_OK | os.X_OK):
            raise PermissionError(f"Permission denied: '{path}'")
    except PermissionError as error:
        raise WrongRequest(
            f"{path} belongs to another user",
            evidence=str(error),
            fix="set STREAMLAB_CACHE to a folder of yours" if path.is_relative_to(CACHE) else "work in your own clone",
        ) from None
    return path


@contextmanager
def private_file(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to that only this user may read: under its name once the block has ended well, otherwise gone."""
    import tempfile  # takes longer to import than most commands take to need it

    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", suffix=".partial", delete=False) as file:
        partial = Path(file.name)
        try:
            yield file
            file.flush()
            partial.replace(path)
        except BaseException:
            partial.unlink()
            raise
