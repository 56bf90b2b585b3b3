"""One stack with the optional services, of a class of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from lab_runner import LabRunner, write_inventory


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabRunner]:
    own = os.environ.get("STREAMLAB_TEST_INVENTORY")
    if own:
        yield LabRunner(own, os.environ["STREAMLAB_TEST_STUDENT"])
        return
    student = {"port_base": 21300, "subnet": "10.89.203.0/27"}
    file = write_inventory(
        tmp_path_factory.mktemp("inventory"), "servicetest", {"student01": student}, services=["flink", "hbase"]
    )
    runner = LabRunner(str(file), "student01")
    with runner.provisioned():
        yield runner


@pytest.fixture
def without(lab: LabRunner) -> Iterator[LabRunner]:
    """The same class, whose inventory does not ask for the services any more."""
    found = yaml.safe_load(Path(lab.inventory).read_text(encoding="utf-8"))
    del found["all"]["vars"]["services"]
    other = Path(lab.inventory).with_name("without.yml")
    other.write_text(yaml.safe_dump(found), encoding="utf-8")
    yield LabRunner(str(other), lab.student)
    other.unlink()
