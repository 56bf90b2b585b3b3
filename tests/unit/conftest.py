"""What the tests of the control program share."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from streamlab.errors import LabError
from streamlab.topology import SERVICE_OF, Student

# In a stack this package stands alone, next to `common`; here it is found under the same name.
sys.modules["edge"] = importlib.import_module("streamlab.edge")


@pytest.fixture
def student() -> Student:
    """A student whose stack has one node of each kind, with limits that are easy to add up."""
    return Student(
        name="ada",
        lab_class="spring",
        docker_host="unix:///var/run/docker.sock",
        port_base=20000,
        subnet="10.89.1.0/27",
        node_counts=dict.fromkeys(SERVICE_OF, 1),
        yarn_memory_mb=4000,
        yarn_vcores=8,
        node_memory_mb={kind: 100 + i for i, kind in enumerate(SERVICE_OF)},
        pages={
            "namenode": {"node": "namenode", "port": 9870, "offset": 70, "title": "HDFS NameNode"},
            "resourcemanager": {"node": "resourcemanager", "port": 8088, "offset": 88, "title": "YARN"},
        },
    )


@pytest.fixture
def error_of() -> Callable[..., str]:
    """What a person reads when `call` fails."""

    def text(call: Callable[..., object], *args: object, **kwargs: object) -> str:
        with pytest.raises(LabError) as caught:
            call(*args, **kwargs)
        return str(caught.value)

    return text


@pytest.fixture
def tree(tmp_path: Path) -> Callable[[dict[str, str]], Path]:
    """Write files (path -> text) below a new folder, and return it."""

    def write(files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path

    return write
