"""The container that carries a stack's data: whole archives, one at a time for each student, of a whole stack only."""

from __future__ import annotations

import io
import os
import signal
import tarfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import NotFound

from streamlab.engines import inside, labelled
from streamlab.errors import LabError
from streamlab.stacks import carrier
from streamlab.stacks.carrier import Carrier, data_nodes
from streamlab.students.student import Student
from streamlab.ui import Progress


class Container:
    """A carrier's container: hands out one archive, and keeps what it is given."""

    def __init__(self, archive: bytes | None = None) -> None:
        self.archive, self.put, self.read = archive, {}, []

    def get_archive(self, path: str) -> tuple[Iterator[bytes], dict]:
        self.read.append(path)
        if self.archive is None:
            raise NotFound("no such file")
        return iter([self.archive[i : i + 700] for i in range(0, len(self.archive), 700)]), {}

    def put_archive(self, path: str, archive: Any) -> None:
        self.put[path] = archive.read()


def carrier_of(student: Student, container: Container) -> Carrier:
    return Carrier(SimpleNamespace(student=student, edge=container))


def test_an_archive_is_compressed_and_comes_back_beside_the_data(student: Student, tmp_path: Path) -> None:
    container, file = Container(inside.tar_of({"kafka/log": b"records" * 9000})), tmp_path / "kafka1.tar.gz"
    one = carrier_of(student, container)
    one.pack("kafka1", file, Progress("test"))
    assert file.stat().st_size < 2000
    assert zlib.decompress(file.read_bytes(), wbits=31) == container.archive
    one.unpack("kafka1", file)
    assert container.put == {"/stack/kafka1/.streamlab-restore/new": file.read_bytes()}


def test_a_whole_home_comes_back_in_its_place(student: Student, tmp_path: Path) -> None:
    container, file = Container(inside.tar_of({"notes.txt": b"mine"})), tmp_path / "home.tar.gz"
    one = carrier_of(student, container)
    one.pack_home(file, Progress("test"))
    one.unpack_home(file)
    assert container.read == ["/stack/edge/."]
    assert zlib.decompress(container.put["/stack/edge"], wbits=31) == container.archive
    with pytest.raises(LabError, match="could not be read completely"):
        carrier_of(student, Container(container.archive[:600])).pack_home(file, Progress("test"))


def test_an_archive_without_an_end_is_no_copy(student: Student, tmp_path: Path) -> None:
    """An engine that fails half-way ends its answer as if it were whole."""
    whole = inside.tar_of({"kafka/log": b"records" * 9000})
    for archive in (whole[:30000], b""):
        with pytest.raises(LabError, match="ada: kafka1's data could not be read completely"):
            carrier_of(student, Container(archive)).pack("kafka1", tmp_path / "k", Progress("test"))


def test_a_metastore_that_was_never_started_is_an_empty_archive(student: Student, tmp_path: Path) -> None:
    carrier_of(student, Container()).pack("edge", tmp_path / "edge", Progress("test"))
    unpacked = io.BytesIO(zlib.decompress((tmp_path / "edge").read_bytes(), wbits=31))
    with tarfile.open(fileobj=unpacked) as archive:
        assert archive.getnames() == []
    with pytest.raises(NotFound):  # a volume of a daemon is there, or something is very wrong
        carrier_of(student, Container()).pack("kafka1", tmp_path / "k", Progress("test"))


def test_caches_and_a_student_s_own_files_are_no_state_of_the_cluster(student: Student) -> None:
    nodes = ["namenode", "datanode1", "resourcemanager", "kafka1", "cassandra1", "edge"]
    assert data_nodes(student) == nodes
    asked = []
    stack = SimpleNamespace(
        student=student, python=lambda *args, seconds: asked.append(args) or inside.Result(0, "", "")
    )
    Carrier(stack).exchange("swap")
    assert asked == [
        ("edge.exchange", "swap", *(f"/stack/{node}" for node in nodes[:-1]), "/stack/edge:metastore"),
    ]


class Engine:
    """An engine with one container of the carrier's name, or none. Somebody presses Ctrl-C while it does `ctrl_c`."""

    def __init__(self, status: str | None, ctrl_c: str = "nothing") -> None:
        self.status, self.removed, self.ctrl_c = status, 0, ctrl_c
        self.containers = SimpleNamespace(get=self.get, create=self.create)

    def get(self, name: str) -> Any:
        assert name == "spring-ada-carrier"
        if self.status is None:
            raise NotFound("none")
        return SimpleNamespace(status=self.status, remove=self.remove)

    def create(self, image: str, command: list[str], **options: Any) -> Any:
        assert options["volumes"]["spring-ada-edge"] == {"bind": "/stack/edge"}
        assert options["labels"] == {
            "streamlab.class": "spring", "streamlab.student": "ada", "streamlab.owner": "",
            "streamlab.carrier": "snapshot exam", "streamlab.ran": "true",
        }  # fmt: skip
        self.begin("create")
        return SimpleNamespace(start=lambda: self.begin("start"), remove=self.remove)

    def begin(self, what: str) -> None:
        if what == self.ctrl_c:
            os.kill(os.getpid(), signal.SIGINT)

    def remove(self, force: bool) -> None:
        self.begin("remove")
        self.status, self.removed = None, self.removed + 1


def opened(client: Engine, student: Student) -> None:
    with carrier.open_carrier(client, student, "snapshot exam", ran=True):
        pass


def test_it_is_gone_afterwards(student: Student) -> None:
    opened(client := Engine(None), student)
    assert client.removed == 1
    with ThreadPoolExecutor(1) as pool:  # as a restore of several students does
        pool.submit(opened, client := Engine(None), student).result()
    assert client.removed == 1


def test_what_a_killed_command_left_is_found_by_its_name(student: Student) -> None:
    assert carrier.left_behind(Engine(None), student) is None
    assert carrier.left_behind(Engine("exited"), student).status == "exited"


@pytest.mark.parametrize("moment", ["create", "start", "remove"])
def test_ctrl_c_leaves_none_whenever_it_falls(student: Student, heard_ctrl_c: None, moment: str) -> None:
    client = Engine(None, ctrl_c=moment)
    with pytest.raises(KeyboardInterrupt):
        opened(client, student)
    assert client.removed == 1


def test_a_stack_that_lacks_a_node_or_runs_another_image_is_refused(
    student: Student, monkeypatch: pytest.MonkeyPatch, error_of: Callable
) -> None:
    def node(image: str) -> Any:
        return SimpleNamespace(attrs={"Config": {"Image": image}})

    tags = carrier.images.image_tags()
    found = {n.name: node(tags[n.image]) for n in carrier.nodes(student)}
    monkeypatch.setattr(labelled, "containers", lambda client, of: found)
    carrier.require_stack(None, student)
    found["kafka1"] = node("streamlab/kafka:older")
    del found["edge"]
    assert error_of(carrier.require_stack, None, student) == (
        "error: ada's stack does not match its plan\n"
        "  node kafka1 is of another image\n"
        "  node edge is missing\n"
        "  fix: invoke provision --student ada"
    )
