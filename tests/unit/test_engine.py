"""The engine's pure parts, and what is said when no engine answers."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from docker.errors import APIError, DockerException

from fake_engine import FakeEngine
from streamlab.engines import engine, inside, labelled
from streamlab.engines.inside import Result
from streamlab.errors import WrongRequest
from streamlab.stacks.stack import failed
from streamlab.students.docker_hosts import LOCAL
from streamlab.students.student import Student


def open_at(docker_host: str) -> None:
    with engine.connect(docker_host):
        pytest.fail("something answers there")


def test_without_an_engine_the_fix_is_said(tmp_path: Path, error_of: Callable) -> None:
    host = f"unix://{tmp_path}/none.sock"
    assert error_of(open_at, host) == (
        f"error: no Docker Engine answers at {host}\n"
        "  No such file or directory\n"
        "  fix: start that engine, or correct docker_host in the inventory"
    )
    assert engine.answers(host) is False


def test_only_this_machine_s_own_engine_is_one_that_the_lab_starts() -> None:
    assert engine._way_to(LOCAL).startswith("invoke provision installs and starts one on Debian and Ubuntu;")
    assert engine._way_to("ssh://lab@second:2222") == (
        "`ssh -o BatchMode=yes -p 2222 lab@second docker version` must work: "
        "repair the connection, or correct docker_host in the inventory"
    )


def test_a_refused_connection_is_said_in_the_system_s_words(error_of: Callable) -> None:
    assert "\n  Connection refused\n" in error_of(open_at, "tcp://127.0.0.1:1")


def test_an_address_that_is_none_is_said_in_the_client_s_words(error_of: Callable) -> None:
    assert "\n  Invalid bind address protocol: ftp://x\n" in error_of(open_at, "ftp://x")


def test_a_refused_permission_is_no_missing_engine() -> None:
    refused = DockerException("Error while fetching server API version")
    refused.__cause__ = PermissionError(13, "Permission denied")
    error = engine._no_engine("unix:///dev/null", refused)
    assert isinstance(error, WrongRequest)
    assert error.what == "no permission to use the Docker Engine at unix:///dev/null"
    assert error.evidence[0].startswith("/dev/null belongs to uid 0, gid 0; you are uid ")
    assert error.fix == "sudo usermod -aG docker $USER, then log in again (or: newgrp docker)"


@pytest.mark.parametrize("state", ["there", "gone", "being removed"])
def test_a_temporary_container_may_be_removed_by_the_engine_first(state: str) -> None:
    fake = FakeEngine()
    with engine.temporary_container(fake.client, "image", ["true"], name="x", auto_remove=True) as made:
        made.start()
        if state == "gone":
            del fake.containers["x"]
        elif state == "being removed":
            fake.removing.add("x")
    assert ("x" in fake.containers) == (state == "being removed")


def test_a_temporary_container_that_cannot_be_removed_is_an_error() -> None:
    fake = FakeEngine()
    fake.busy.add("x")
    with (
        pytest.raises(APIError, match="device or resource busy"),
        engine.temporary_container(fake.client, "image", ["true"], name="x"),
    ):
        pass


def test_a_tar_has_the_folders_its_files_need_and_anyone_may_read_it() -> None:
    with tarfile.open(fileobj=io.BytesIO(inside.tar_of({"a/b/c": b"1", "d": b"22", "a/e": b""}))) as archive:
        entries = [(e.name, e.isdir(), e.mode, e.size) for e in archive.getmembers()]
        content = archive.extractfile("d").read()
    assert entries == [
        *[("a", True, 0o755, 0), ("a/b", True, 0o755, 0)],
        *[("a/b/c", False, 0o644, 1), ("a/e", False, 0o644, 0), ("d", False, 0o644, 2)],
    ]
    assert content == b"22"


def test_a_node_is_found_by_its_labels_and_is_nobody_else_s(student: Student) -> None:
    fake = FakeEngine()
    for whose in ({}, {"student": "bob"}, {"lab_class": "autumn"}):
        for name in ("kafka1", "edge"):
            fake.add(name, **whose)
    assert labelled.node(fake.client, student, "edge").name == "spring-ada-edge"
    for found in (labelled.containers(fake.client, student), labelled.summaries(fake.client, student)):
        assert sorted(found) == ["edge", "kafka1"]
        assert found["edge"].id == fake.containers["spring-ada-edge"]["Id"]


@pytest.mark.parametrize(
    ("nodes", "name", "text"),
    [
        ([], "edge", "error: ada has no stack\n  no container on unix:///var/run/docker.sock carries its label\n"
                     "  fix: invoke provision --student ada"),
        (["kafka1", "edge"], "kafka", "error: no node named 'kafka'\n  known: edge, kafka1\n"
                                      "  fix: did you mean --node kafka1?"),
        (["kafka1"], "kafka1", "error: ada's node kafka1 is not running\n  its container is exited\n"
         "  fix: invoke provision starts it again; invoke logs --node kafka1 says why it stopped"),
    ],
)  # fmt: skip
def test_a_node_that_cannot_be_used_is_refused(
    student: Student, error_of: Callable, nodes: list[str], name: str, text: str
) -> None:
    fake = FakeEngine()
    for node in nodes:
        fake.client.api.stop(fake.add(node))
    assert error_of(labelled.node, fake.client, student, name) == text


def test_the_summaries_of_a_stack_take_one_question(student: Student, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeEngine()
    fake.add("edge")
    fake.client.api.stop(fake.add("kafka1"))
    labels = {"streamlab.class": "spring", "streamlab.student": "ada"}
    fake.client.api.create_container("streamlab/hadoop:1", labels=labels)  # of the student's, and no node
    asked = []
    send = fake.send
    monkeypatch.setattr(fake, "send", lambda request, **how: asked.append(request.url) or send(request, **how))
    found = labelled.summaries(fake.client, student)
    assert {name: container.status for name, container in found.items()} == {"kafka1": "exited", "edge": "running"}
    assert len(asked) == 1


def test_a_stopped_node_s_log_can_still_be_read(student: Student) -> None:
    fake = FakeEngine()
    fake.client.api.stop(fake.add("kafka1"))
    assert labelled.node(fake.client, student, "kafka1", running=False).status == "exited"


@pytest.mark.parametrize(
    ("done", "evidence"),
    [
        (Result(124, "", "half\n"), "no answer within 30 s"),
        (Result(137, "", ""), "no answer within 30 s"),
        (Result(1, "", "1\n2\n\n3\n4\n5\n"), "2\n  3\n  4\n  5"),
        (Result(3, "out", " \n"), "exit status 3"),
    ],
)
def test_a_command_that_fails_in_a_node_is_told_by_its_last_words(done: Result, evidence: str) -> None:
    assert str(failed("it failed", done, seconds=30)).startswith(f"error: it failed\n  {evidence}\n  fix: invoke ")
