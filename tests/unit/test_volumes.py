"""A stack's volumes: named by what is in them, made when they are missing, whole or not there."""

from __future__ import annotations

from typing import Any

import pytest
from docker.errors import APIError

from fake_engine import FakeEngine
from streamlab.engines import labelled, volumes
from streamlab.students.student import Student

LABELS = {"streamlab.class": "spring", "streamlab.student": "ada"}
FILES = {"hadoop/core-site.xml": "<a/>", "lab.json": "{}"}
WANTED = volumes.wanted("spring-ada", ["namenode", "kafka1"], FILES)
FILLED = ["hadoop", "hadoop/core-site.xml", "lab.json"]


def made(*names: str) -> FakeEngine:
    """An engine with these volumes of the student's."""
    fake = FakeEngine()
    for name in names:
        fake.client.volumes.create(name, labels=LABELS)
    fake.calls.clear()
    return fake


def ensure(fake: FakeEngine, wanted: volumes.Volumes, **options: Any) -> list[str]:
    return volumes.ensure(
        fake.client, wanted, there=list(fake.volumes), labels=LABELS, image="streamlab/hadoop:1", config_files=FILES,
        **options,
    )  # fmt: skip


def test_the_configuration_is_named_after_what_is_in_it() -> None:
    assert WANTED.data == ("spring-ada-namenode", "spring-ada-kafka1")
    assert WANTED.config.startswith("spring-ada-config-")
    assert volumes.wanted("spring-ada", [], dict(reversed(FILES.items()))).config == WANTED.config
    changed = [{**FILES, "lab.json": "{ }"}, {**FILES, "new": ""}, {"lab.json": "{}"}]
    assert len({WANTED.config, *(volumes.wanted("spring-ada", [], files).config for files in changed)}) == 4


def test_what_is_missing_is_made_and_the_configuration_filled() -> None:
    fake = made("spring-ada-namenode")
    assert ensure(fake, WANTED) == ["spring-ada-kafka1", WANTED.config]
    assert {one["Name"]: one["Labels"] for one in fake.volumes.values()} == dict.fromkeys(
        (*WANTED.data, WANTED.config), LABELS
    )
    assert fake.volumes[WANTED.config]["held"] == FILLED
    assert fake.containers == {}


def test_a_second_time_nothing_is_made() -> None:
    fake = made(*WANTED.data, WANTED.config)
    assert ensure(fake, WANTED, mounted={WANTED.config}) == []
    assert fake.calls == []


def test_a_configuration_that_no_node_mounts_is_filled_though_it_is_there() -> None:
    """A run that was killed between the two has made it, and no more."""
    fake = made(*WANTED.data, WANTED.config)
    assert ensure(fake, WANTED) == [WANTED.config]
    assert fake.volumes[WANTED.config]["held"] == FILLED


def test_a_dry_run_says_what_it_would_make() -> None:
    fake = FakeEngine()
    assert ensure(fake, WANTED, dry_run=True) == [*WANTED.data, WANTED.config]
    assert fake.calls == []


def test_a_configuration_that_could_not_be_filled_is_filled_the_next_time() -> None:
    fake = FakeEngine()
    fake.full = True
    with pytest.raises(APIError, match="no space left"):
        ensure(fake, WANTED)
    assert fake.containers == {}
    fake.full = False
    assert ensure(fake, WANTED) == [WANTED.config]
    assert fake.volumes[WANTED.config]["held"] == FILLED


def test_what_a_student_has_is_neither_a_classmate_s_nor_a_namesake_s_in_another_class(student: Student) -> None:
    fake = made("spring-ada-kafka1")
    for labels in ({**LABELS, "streamlab.student": "bob"}, {**LABELS, "streamlab.class": "autumn"}):
        fake.client.volumes.create("-".join(labels.values()), labels=labels)
    assert volumes.there(fake.client, labelled.stack_filter(student)) == {"spring-ada-kafka1"}


def test_nodes_are_known_by_their_data(student: Student) -> None:
    names = ["spring-ada-kafka1", "spring-ada-datanode12", "spring-ada-edge", WANTED.config, "spring-ada-config-123"]
    assert volumes.nodes(names, "spring-ada") == {"kafka1", "datanode12", "edge"}


def test_configuration_that_no_container_mounts_is_removed_and_data_never(student: Student) -> None:
    fake = made("spring-ada-namenode", "spring-ada-config-old", "spring-ada-config-new")
    host = fake.client.api.create_host_config(binds=["spring-ada-config-new:/etc/streamlab:ro"])
    fake.client.api.create_container("streamlab/hadoop:1", host_config=host)
    assert volumes.prune(fake.client, student) == ["spring-ada-config-old"]
    assert list(fake.volumes) == ["spring-ada-namenode", "spring-ada-config-new"]
