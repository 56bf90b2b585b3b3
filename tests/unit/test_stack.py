"""Programs of the lab that run in a node: what they need is placed there when it is not."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from streamlab.engines import inside
from streamlab.engines.inside import Result
from streamlab.lessons import bundle
from streamlab.stacks import stack


class Node:
    """A node whose shelf is a folder here, and whose commands run here."""

    def __init__(self, shelf: Path) -> None:
        self.shelf, self.placed, self.runs = shelf, [], 0

    def run(self, node: Any, argv: Sequence[str], *, seconds: int, env: Mapping[str, str], lines: Any) -> Result:
        self.runs += 1
        path = env["PYTHONPATH"].replace(stack.SHELF, str(self.shelf))
        done = subprocess.run(
            argv, env={"PATH": "/usr/bin:/bin", "PYTHONPATH": path}, capture_output=True, text=True, timeout=seconds
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def put(self, node: Any, folder: str, files: Mapping[str, bytes]) -> None:
        assert folder == stack.SHELF
        self.placed.append(sorted(files))
        for name, data in files.items():
            (self.shelf / name).write_bytes(data)


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    made = Node(tmp_path)
    monkeypatch.setattr(inside, "run_inside", made.run)
    monkeypatch.setattr(inside, "put_files", made.put)
    return made


def test_what_a_node_lacks_is_placed_once(node: Node) -> None:
    first, second = (stack.run_module(None, "zipfile", "--help", seconds=20) for _ in range(2))
    assert (first.code, second.code) == (0, 0)
    assert node.placed == [[Path(stack.zip_path(bundle.tools())).name]]
    assert node.runs == 3  # the first was told of what was missing, and run again


def test_a_program_that_fails_is_not_run_again(node: Node) -> None:
    stack.run_module(None, "zipfile", "--help", seconds=20)
    failed = stack.run_module(None, "zipfile", "-l", "/nowhere.zip", seconds=20)
    assert failed.code == 1
    assert node.runs == 3
