"""A temporary container beside a stack, through which the data in its volumes is read and written.

It mounts the same volumes, so the daemons may run or be stopped.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.errors import NotFound
from docker.models.containers import Container

from streamlab.building import images
from streamlab.edge.exchange import BESIDE
from streamlab.engines import engine, labelled, volumes
from streamlab.engines.labelled import OWNER
from streamlab.errors import LabError, WrongRequest
from streamlab.stacks.stack import StackOnEngine, failed
from streamlab.students.student import Student
from streamlab.students.topology import nodes
from streamlab.ui import Progress

#: Seconds after which a carrier ends by itself, though the command that made it was killed.
SECONDS = 3600
EXCHANGE_SECONDS = 120
#: Labels: what a carrier is for, and whether the stack's daemons ran when that began.
CARRIER, RAN = "streamlab.carrier", "streamlab.ran"
MEMORY = "512m"
TOP = "/stack"

#: Kinds of node whose volume holds no data: a NodeManager's caches, and logs of containers that are on HDFS too.
WITHOUT_DATA = ("nodemanager",)
#: What counts of the edge's volume, which is the student's home: the files there are the student's own, and stay.
METASTORE = "metastore"


def data_nodes(student: Student) -> list[str]:
    """The nodes whose volumes make up the state of a stack."""
    return [node.name for node in nodes(student) if node.kind not in WITHOUT_DATA]


@dataclass(frozen=True)
class Carrier:
    """A stack's volumes of data, each at /stack/NODE."""

    stack: StackOnEngine

    def pack(self, node: str, file: Path, line: Progress, *, replaced: bool = False) -> None:
        """Write a node's data to `file`, a tar archive that gzip has compressed; with `replaced`, what a swap did."""
        self._pack(node, self._read(f"{TOP}/{node}/{BESIDE}/was" if replaced else f"{TOP}/{node}", node), file, line)

    def pack_home(self, file: Path, line: Progress) -> None:
        """Write everything in the student's home to `file`, in the same form."""
        self._pack("edge", self.stack.edge.get_archive(f"{TOP}/edge/.")[0], file, line)

    def _pack(self, node: str, chunks: Iterator[bytes], file: Path, line: Progress) -> None:
        packer, read, tail = zlib.compressobj(wbits=31), 0, b""
        with file.open("wb") as out:
            for chunk in chunks:
                out.write(packer.compress(chunk))
                read, tail = read + len(chunk), (tail + chunk)[-1024:]
                line.update(f"{node}, {read / 2**20:.0f} MB")
            out.write(packer.flush())
        if tail != bytes(1024):  # what every tar archive ends in; an engine that fails half-way just stops sending
            raise LabError(
                f"{self.stack.student.name}: {node}'s data could not be read completely",
                evidence=f"{read} bytes arrived, without the end of the archive",
                fix="dockerd's own log says why; then take the snapshot again",
            )

    def unpack(self, node: str, file: Path) -> None:
        """Put what `file` holds beside a node's data, into the place that the step `begin` has made."""
        with file.open("rb") as archive:
            self.stack.edge.put_archive(f"{TOP}/{node}/{BESIDE}/new", archive)

    def unpack_home(self, file: Path) -> None:
        """Put what `pack_home` has written into the student's home, over files of the same names."""
        with file.open("rb") as archive:
            self.stack.edge.put_archive(f"{TOP}/edge", archive)

    def exchange(self, step: str) -> None:
        """Take one step of `edge.exchange` with every volume."""
        done = self.stack.python("edge.exchange", step, *self._places(), seconds=EXCHANGE_SECONDS)
        if done.code != 0:
            raise failed(f"{self.stack.student.name}: its volumes: {step} failed", done, seconds=EXCHANGE_SECONDS)

    def state(self) -> str:
        """How far a restore has come: "none", "begun", "swapped" or "proved"."""
        return self.stack.answer("edge.exchange", "state", *self._places(), seconds=EXCHANGE_SECONDS, read=str)

    def _places(self) -> list[str]:
        return [
            f"{TOP}/{node}:{METASTORE}" if node == "edge" else f"{TOP}/{node}"
            for node in data_nodes(self.stack.student)
        ]

    def _read(self, folder: str, node: str) -> Iterator[bytes]:
        if node != "edge":
            return self.stack.edge.get_archive(f"{folder}/.")[0]
        try:
            return self.stack.edge.get_archive(f"{folder}/{METASTORE}")[0]
        except NotFound:
            return iter([bytes(1024)])  # an archive of nothing: no lesson has needed tables yet


@contextmanager
def open_carrier(client: docker.DockerClient, student: Student, purpose: str, *, ran: bool) -> Iterator[Carrier]:
    """A carrier of this student's data, removed afterwards, for who has the stack's lock.

    Args:
        purpose: what it is for, as a message has it.
        ran: whether the stack's daemons run; of a command that was killed its carrier tells.
    """
    names = data_nodes(student)
    data = volumes.wanted(student.prefix, names, {}).data
    with engine.temporary_container(
        client, images.image_tags()["hadoop"], ["sleep", str(SECONDS)], name=_name(student), init=True,
        network_mode="none",
        labels={
            "streamlab.class": student.lab_class, "streamlab.student": student.name, OWNER: student.owner,
            CARRIER: purpose, RAN: str(ran).lower(),
        },
        volumes={volume: {"bind": f"{TOP}/{node}"} for node, volume in zip(names, data, strict=True)},
        mem_limit=MEMORY, cap_drop=["ALL"], security_opt=["no-new-privileges:true"],
    ) as container:  # fmt: skip
        container.start()
        yield Carrier(StackOnEngine(student, client, container))


def _name(student: Student) -> str:
    return f"{student.prefix}-carrier"


def left_behind(client: docker.DockerClient, student: Student) -> Container | None:
    """The carrier that a killed command left behind; the caller must hold the stack's lock."""
    with suppress(NotFound):
        return client.containers.get(_name(student))
    return None


def require_stack(client: docker.DockerClient, student: Student, *, fix: str = "") -> None:
    """Refuse a stack that does not match the inventory and the images of this checkout."""
    found, tags = labelled.containers(client, student), images.all_tags()
    wrong = [
        f"node {node.name} is {'of another image' if node.name in found else 'missing'}"
        for node in nodes(student)
        if node.name not in found or found[node.name].attrs["Config"]["Image"] != tags[node.image]
    ]
    if wrong:
        raise WrongRequest(
            f"{student.name}'s stack does not match its plan",
            evidence=wrong,
            fix=fix or f"invoke provision --student {student.name}",
        )
