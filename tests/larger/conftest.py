"""A stack of its own, whose inventory the tests edit as an instructor would: workers go and come."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from lab_runner import ROOT, LabRunner

STUDENT = "student01"


@pytest.fixture(scope="session")
def class_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An inventory beside a copy of the lab's own group_vars."""
    folder = tmp_path_factory.mktemp("inventory")
    shutil.copytree(ROOT / "inventory" / "group_vars", folder / "group_vars")
    return folder / "class.yml"


@pytest.fixture(scope="session")
def edit(class_file: Path) -> Callable[..., None]:
    """Write the inventory: one student with a stack of the size `large`, but for the numbers of nodes given."""
    sizes = yaml.safe_load((class_file.parent / "group_vars" / "all.yml").read_text(encoding="utf-8"))["sizes"]

    def write(**nodes: int) -> None:
        edited = {**sizes["large"], "nodes": sizes["large"]["nodes"] | nodes}
        groups = {
            "docker_hosts": {"hosts": {"this_machine": {"ansible_connection": "local"}}},
            "students": {"hosts": {STUDENT: {"port_base": 21200, "subnet": "10.89.202.0/27"}}},
        }
        own = {"lab_class": "larger", "size": "edited", "sizes": {**sizes, "edited": edited}}
        class_file.write_text(yaml.safe_dump({"all": {"vars": own, "children": groups}}), encoding="utf-8")

    return write


@pytest.fixture(scope="session")
def lab(class_file: Path, edit: Callable[..., None]) -> Iterator[LabRunner]:
    """A stack with two of each kind of worker and three brokers, destroyed at the end."""
    runner = LabRunner(str(class_file), STUDENT)
    edit()
    with runner.provisioned():
        yield runner
        edit()  # what a test left may not even be an inventory
