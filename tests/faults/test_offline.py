"""A room without internet: what was exported here is all that a fresh clone needs there."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from conftest import running_engine
from lab_runner import ROOT, Ran
from streamlab.engines import engine

INVENTORY = """
all:
  vars: {{lab_class: offline}}
  children:
    docker_hosts: {{hosts: {{this_machine: {{ansible_connection: local}}}}}}
    students:
      hosts:
        ada: {{port_base: 26900, subnet: 10.94.3.0/27, docker_host: "{engine}"}}
"""
#: What a clone does not have: what is made when it is used.
MADE = shutil.ignore_patterns(".venv", ".streamlab", ".git", "__pycache__")
SECONDS = 600


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("export") / "packed"
    done = subprocess.run([f"{ROOT}/lab", "export", "--to", str(place)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return place


@dataclass(frozen=True)
class Room:
    """A fresh clone without a network, with nothing in any cache and an empty engine behind a socket."""

    clone: Path
    home: Path
    docker_host: str

    def lab(self, *words: str) -> Ran:
        """Run one task, whatever its exit status."""
        command = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", f"{self.clone}/lab", *words]
        alone = {"HOME": str(self.home), "PATH": os.environ["PATH"]}
        done = subprocess.run(command, env=alone, capture_output=True, text=True, timeout=SECONDS, check=False)
        return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    clone = Path(shutil.copytree(ROOT, tmp_path / "clone", ignore=MADE))
    with running_engine() as made:
        (clone / "inventory" / "local.yml").write_text(INVENTORY.format(engine=made.docker_host))
        yield Room(clone, tmp_path / "home", made.docker_host)


def test_a_fresh_clone_needs_no_network(room: Room, packed: Path) -> None:
    assert room.lab("jobs").code == 2  # there is not even a .venv
    taken = room.lab("import", "--from", str(packed))
    assert taken.code == 0, taken.err
    assert " packages imported, the rest were there: invoke provision\n" in taken.out
    again = room.lab("import", "--from", str(packed))
    assert again.out == "no images and no packages imported, the rest were there: invoke provision\n"
    shutil.rmtree(room.clone / ".venv")  # the next clone of this user has only what import kept
    provisioned = room.lab("provision")
    assert provisioned.code == 0, provisioned.err
    assert "ada: provisioned and proved, " in provisioned.out
    assert not {"built", "brought", "fetched"} & set(provisioned.out.split())


def test_a_damaged_export_is_refused_before_anything_is_used(room: Room, packed: Path) -> None:
    wheel = sorted(packed.glob("cache/wheels/[0-9a-f]*/*.whl"))[0]
    whole = wheel.read_bytes()
    wheel.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    try:
        refused = room.lab("import", "--from", str(packed))
    finally:
        wheel.write_bytes(whole)
    assert refused.code == 2
    assert f"{wheel.name} is damaged" in refused.err
    assert not (room.home / ".cache" / "streamlab").exists()
    with engine.connect(room.docker_host) as client:
        assert client.images.list() == []
