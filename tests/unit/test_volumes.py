"""A stack's volumes: named by what is in them, made when they are missing, whole or not there."""

from __future__ import annotations

import io
import tarfile
from types import SimpleNamespace
from typing import Any

import pytest

from streamlab.engines import volumes
from streamlab.students.topology import Student

LABELS = {"streamlab.class": "spring", "streamlab.student": "ada"}
FILES = {"hadoop/core-site.xml": "<a/>", "lab.json": "{}"}


class Engine:
    """The engine's client: keeps names of volumes, and what was put into them."""

    def __init__(self, *there: str, full: bool = False) -> None:
        self.made = list(there)
        self.unused: tuple[str, ...] = ()
        self.filled: dict[str, list[str]] = {}
        self.full = full
        self.volumes = SimpleNamespace(list=self._list, create=self._create, get=self._get)
        self.containers = SimpleNamespace(create=self._carrier)
        self.carriers = 0

    def _list(self, filters: dict) -> list:
        assert "streamlab.student=ada" in filters["label"]
        names = self.unused if filters.get("dangling") else self.made
        return [self._get(name) for name in names]

    def _create(self, name: str, labels: dict) -> None:
        assert labels == LABELS
        self.made.append(name)

    def _get(self, name: str) -> Any:
        return SimpleNamespace(name=name, remove=lambda: self.made.remove(name))

    def _carrier(self, image: str, command: list[str], volumes: dict, labels: dict) -> Any:
        assert labels == LABELS
        (name,) = volumes
        self.carriers += 1

        def put(folder: str, data: bytes) -> None:
            if self.full:
                raise OSError("no space left on device")
            with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                self.filled[name] = archive.getnames()

        def remove(force: bool) -> None:
            self.carriers -= 1

        return SimpleNamespace(put_archive=put, remove=remove)


def ensure(client: Engine, wanted: volumes.Volumes, **options: Any) -> list[str]:
    return volumes.ensure(client, wanted, labels=LABELS, image="streamlab/hadoop:1", config_files=FILES, **options)


WANTED = volumes.wanted("spring-ada", ["namenode", "kafka1"], FILES)


def test_the_configuration_is_named_after_what_is_in_it() -> None:
    assert WANTED.data == ("spring-ada-namenode", "spring-ada-kafka1")
    assert WANTED.config.startswith("spring-ada-config-")
    assert volumes.wanted("spring-ada", [], dict(reversed(FILES.items()))).config == WANTED.config
    changed = [{**FILES, "lab.json": "{ }"}, {**FILES, "new": ""}, {"lab.json": "{}"}]
    assert len({WANTED.config, *(volumes.wanted("spring-ada", [], files).config for files in changed)}) == 4


def test_what_is_missing_is_made_and_the_configuration_filled() -> None:
    client = Engine("spring-ada-namenode")
    assert ensure(client, WANTED) == ["spring-ada-kafka1", WANTED.config]
    assert client.filled == {WANTED.config: ["hadoop", "hadoop/core-site.xml", "lab.json"]}
    assert client.carriers == 0


def test_a_second_time_nothing_is_made() -> None:
    client = Engine(*WANTED.data, WANTED.config)
    assert ensure(client, WANTED, mounted={WANTED.config}) == []
    assert client.filled == {}


def test_a_configuration_that_no_node_mounts_is_filled_though_it_is_there() -> None:
    """A run that was killed between the two has made it, and no more."""
    client = Engine(*WANTED.data, WANTED.config)
    assert ensure(client, WANTED) == [WANTED.config]
    assert client.filled == {WANTED.config: ["hadoop", "hadoop/core-site.xml", "lab.json"]}
    assert client.made == [*WANTED.data, WANTED.config]


def test_a_dry_run_says_what_it_would_make() -> None:
    client = Engine()
    assert ensure(client, WANTED, dry_run=True) == [*WANTED.data, WANTED.config]
    assert client.made == []


def test_a_configuration_that_could_not_be_filled_is_filled_the_next_time() -> None:
    client = Engine(full=True)
    with pytest.raises(OSError, match="no space left"):
        ensure(client, WANTED)
    assert client.carriers == 0
    client.full = False
    assert ensure(client, WANTED) == [WANTED.config]
    assert list(client.filled) == [WANTED.config]


def test_configuration_that_no_container_mounts_is_removed_and_data_never(student: Student) -> None:
    client = Engine("spring-ada-namenode", "spring-ada-config-old", "spring-ada-config-new")
    client.unused = ("spring-ada-namenode", "spring-ada-config-old")
    assert volumes.prune(client, student) == ["spring-ada-config-old"]
    assert client.made == ["spring-ada-namenode", "spring-ada-config-new"]
