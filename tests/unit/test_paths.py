"""Folders and files that only one user may read, and what another user of the machine is told."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from streamlab import paths
from streamlab.paths import ROOT, private_file, private_folder


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_every_folder_that_is_made_is_private(tmp_path: Path) -> None:
    made = private_folder(tmp_path / "state" / "snapshots" / "spring")
    assert made.is_dir()
    assert {mode(folder) for folder in (made, made.parent, made.parent.parent)} == {0o700}


def test_a_cache_with_wider_permissions_is_narrowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "CACHE", tmp_path / "cache")
    jars = tmp_path / "cache" / "jars"
    jars.mkdir(parents=True)
    for folder in (tmp_path, jars.parent, jars):
        folder.chmod(0o755)
    private_folder(jars)
    assert (mode(jars), mode(jars.parent), mode(tmp_path)) == (0o700, 0o700, 0o755)


def test_a_folder_that_is_shared_on_purpose_stays_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    private_folder(tmp_path)
    assert mode(tmp_path) == 0o1777


def test_a_private_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    def write(*, fail: bool) -> None:
        with private_file(tmp_path / "a") as file:
            file.write(b"half")
            assert not (tmp_path / "a").exists()
            if fail:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(fail=True)
    assert list(tmp_path.iterdir()) == []
    write(fail=False)
    assert [(path.name, path.read_bytes(), mode(path)) for path in tmp_path.iterdir()] == [("a", b"half", 0o600)]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("permissions", [0o700, 0o755])
def test_another_user_s_folder_is_refused(tmp_path: Path, permissions: int) -> None:
    """In a process of another user: root may do anything."""
    program = (
        "import os, sys; from streamlab.errors import WrongRequest; from streamlab.paths import private_folder\n"
        "from pathlib import Path; os.setgid(65534); os.setuid(65534)\n"
        "try: private_folder(Path(sys.argv[1]))\n"
        "except WrongRequest as error: print(error)"
    )
    for folder in (tmp_path, *tmp_path.parents[:2]):  # pytest's own are 0700
        folder.chmod(0o755)
    theirs = tmp_path / "state"
    theirs.mkdir()
    theirs.chmod(permissions)
    done = subprocess.run(
        [sys.executable, "-c", program, str(theirs / "inventory")], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == (
        f"error: {theirs}/inventory belongs to another user\n"
        f"  [Errno 13] Permission denied: '{theirs}/inventory'\n"
        "  fix: work in your own clone\n"
    )
