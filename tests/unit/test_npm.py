"""Packages of npm's registry: what is locked is what is asked for, and nothing else is taken."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from streamlab.building import npm
from streamlab.building.versions import load_versions
from streamlab.errors import LabError


def test_the_lock_has_the_packages_that_are_asked_for_each_with_its_hash() -> None:
    lines = [line.split() for line in npm.LOCK.read_text(encoding="utf-8").splitlines()]
    assert [package for package, _ in lines] == sorted(load_versions().npm)
    for _, locked in lines:
        kind, _, digest = locked.partition("-")
        assert (kind, len(base64.b64decode(digest, validate=True))) == ("sha512", 64)


def test_a_file_is_called_as_npm_calls_it() -> None:
    assert npm.archive("@xterm/addon-fit@0.11.0") == "xterm-addon-fit-0.11.0.tgz"
    assert npm.archive("left-pad@1.3.0") == "left-pad-1.3.0.tgz"


def test_what_is_not_the_locked_file_is_refused_with_both_hashes(tmp_path: Path) -> None:
    (tmp_path / "left-pad-1.3.0.tgz").write_bytes(b"good")
    good = "sha512-" + base64.b64encode(hashlib.sha512(b"good").digest()).decode()
    npm.require_locked(tmp_path, {"left-pad@1.3.0": good})
    (tmp_path / "left-pad-1.3.0.tgz").write_bytes(b"evil")
    with pytest.raises(LabError, match=r"left-pad@1\.3\.0 is not the package that was locked") as caught:
        npm.require_locked(tmp_path, {"left-pad@1.3.0": good})
    assert caught.value.evidence[1] == f"expected: {good}"
    assert caught.value.evidence[2].startswith("found:    sha512-")
